from __future__ import annotations

import pytest

KEY = "9f2c4b7d1e8a4c06b3d5f7a9120c4e6b"
HEAD = "version: 1\nsources:\n  - name: odds_api\n    type: odds\n    probe: http\n"


def test_a_literal_key_is_told_as_the_mock_shows_it(problem):
    said = problem(sources=f"{HEAD}    url: https://odds.example.com\n    headers: {{x-api-key: {KEY}}}\n")
    assert str(said) == (
        "config/sources.yaml:7:26  sources[0] odds_api, headers.x-api-key\n"
        '    A secret is written out here: "9f2c…" (32 characters). Anyone who can read this file or its history has it.\n'
        "    Instead:  headers: {x-api-key: {env: ODDS_API_KEY}}   or   {file: /run/secrets/odds_api_key}\n"
        "    Then replace it at the provider: this one is no longer secret."
    )


@pytest.mark.parametrize(
    "line",
    [
        "url: 'https://odds.example.com'\n    headers: {Authorization: Bearer abc}",
        "url: 'https://odds.example.com'\n    headers: {cookie: 'sid=1'}",
        "url: 'https://odds.example.com'\n    headers: {X-My-Key: abc}",
        "url: 'https://odds.example.com'\n    params: {apiKey: abcd}",
        "url: 'https://odds.example.com'\n    params: {apiKey: 12345678}",
        "url: 'https://odds.example.com'\n    params: {appid: abcd}",
        "url: 'https://user:hunter2@odds.example.com'",
        "url: 'postgresql://busta:s3cret@db/x'",
        "url: 'https://odds.example.com/v4?apiKey=abcdef&x=1'",
        f"url: 'https://odds.example.com'\n    items: {KEY}",
        "url: 'https://hooks.slack.com/services/T000/B000/XXXX'",
        "url: 'https://odds.example.com'\n    description: key xoxb-123456789012-abcdef",
    ],
)
def test_a_secret_is_found_by_its_key_its_shape_or_its_place_in_a_url(problem, line):
    said = problem(sources=f"{HEAD}    {line}\n")
    assert "A secret is written out here" in said.message
    assert "{env: " in said.remedy


@pytest.mark.parametrize(
    "line",
    [
        "url: {env: ODDS_URL}\n    headers: {authorization: {file: /run/secrets/key}}",
        "url: 'https://odds.example.com/v4/sports/americanfootball_nfl/odds?regions=us'",
        "url: 'https://odds.example.com/feeds/0e37df36-f698-11e6-8dd4-cb9ced3df976.json'",
        "url: 'https://odds.example.com'\n    items: \"$[*].bookmakers[*].markets[?@.key == 'h2h']\"",
        "url: 'https://odds.example.com'\n    runbook: https://wiki.example.com/a-rather-long-page-name-about-Odds-2026",
        "url: 'https://odds.example.com'\n    feeds: [models/moneyline_v2_with_a_long_Name_2026]",
    ],
)
def test_ordinary_values_are_no_secrets(files, line):
    assert files.write(sources=f"{HEAD}    {line}\n").diagnose().errors == ()


def test_no_message_repeats_a_secret_that_was_found(files):
    found = files.write(
        sources=f"{HEAD}    url: https://odds.example.com\n    headers: {{token: {KEY}}}\n    interval: {KEY}\n",
        settings=f"version: 1\nstore: {{url: 'postgresql://busta:{KEY}@db/x'}}\nweb: {{host: [{KEY}]}}\n",
    ).diagnose()
    assert KEY not in "".join(map(str, (*found.errors, *found.warnings)))


def test_a_password_that_is_a_word_of_ours_leaves_the_sentences_readable(files):
    found = files.write(sources=f"{HEAD}    url: https://user:secret@odds.example.com\n").diagnose()
    (problem,) = found.errors
    assert problem.message.startswith("A secret is written out here")
    assert "/run/secrets/" in problem.remedy


def test_a_channel_with_a_literal_token_is_refused(problem):
    said = problem(
        alerts="version: 1\nchannels: [{name: ops-slack, kind: slack, token: xoxb-1234567890-abc, channel: x}]\n"
        "escalations: [{name: d, steps: [{after: 0m, notify: [ops-slack]}]}]\nroutes: [{select: {}, escalation: d}]\n"
    )
    assert (said.where, said.field) == ("config/alerts.yaml:2:50", "channels[0] ops-slack, token")
    assert "token: {env: OPS_SLACK_TOKEN}" in said.remedy


def test_a_shell_placeholder_is_an_error_with_the_reference_to_write(problem):
    said = problem(
        sources=f"{HEAD}    url: https://odds.example.com\n    headers: {{x-api-key: '${{ODDS_API_KEY}}'}}\n"
    )
    assert "would not be replaced" in said.message
    assert said.remedy == "x-api-key: {env: ODDS_API_KEY}"


def test_a_key_in_place_of_a_variables_name_is_not_printed(files):
    (said,) = files.write(sources=f"{HEAD}    url: {{env: '{KEY}-x'}}\n").diagnose().errors
    assert "is not the name of an environment variable" in said.message
    assert KEY not in str(said)
