"""The keys of providers and of the patterns that watch the Dagster instance: what they become, and what is refused by name."""

from __future__ import annotations

import pytest

from busta_health_dagster.domain.policy import ProviderGrouping
from busta_health_dagster.domain.rule import Pattern

ODDS = "{name: odds_api, type: odds, probe: http, url: 'https://api.odds.example.com/v4', %s}"


def sources(*entries: str) -> str:
    return "version: 1\nsources:\n" + "".join(f"  - {entry}\n" for entry in entries)


@pytest.mark.parametrize(
    ("entry", "provider"),
    [
        (ODDS % "provider: the-odds-api, tags: {provider: other}", "the-odds-api"),
        (ODDS % "tags: {provider: odds-inc}", "odds-inc"),
        (ODDS % "tier: 1", "api.odds.example.com"),
        (ODDS.replace("com/v4", "com:8443/v4") % "tier: 1", "api.odds.example.com:8443"),
        ("{name: odds_api, type: odds, probe: http, url: {env: ODDS_URL}}", ""),
        ("{name: odds_api, type: odds, probe: tcp, host: feed.example.com, port: 443}", "feed.example.com"),
        ("{name: odds_api, type: odds, probe: file, path: odds.csv}", ""),
    ],
)
def test_a_provider_is_named_or_tagged_or_the_host(files, entry: str, provider: str) -> None:
    assert files.write(sources=sources(entry)).config().sources["odds_api"].provider == provider


@pytest.mark.parametrize("written", ["12", "[a, b]", "{name: x}", "''"])
def test_a_provider_that_is_no_text_is_refused_with_what_to_write(problem, written: str) -> None:
    found = problem(sources=sources(ODDS % f"provider: {written}"))
    assert "provider" in str(found)
    assert found.remedy, found


def rule(text: str) -> str:
    return f"version: 1\nrules:\n  - {{name: theirs, {text}}}\n"


@pytest.mark.parametrize(
    ("text", "says", "remedy"),
    [
        (
            "pattern: dagster_tick, jobs: [nightly]",
            "A rule of pattern dagster_tick does not read `jobs`.",
            "reads names",
        ),
        (
            "pattern: dagster_run, names: [x]",
            "A rule of pattern dagster_run does not read `names`.",
            "reads assets, jobs",
        ),
        ("pattern: dagster_location, over: 5m", "dagster_location does not read `over`.", "reads names"),
        ("pattern: dagster_daemon, deamons: [SENSOR]", "Unknown key `deamons`", ""),
        ("pattern: dagster_freshness, assets: []", "assets", ""),
        ("pattern: dagster_run, jobs: nightly", "jobs", "["),
        ("pattern: dagster_sensor", "dagster_sensor", "dagster_"),
    ],
)
def test_a_field_that_its_pattern_does_not_read_is_refused_with_the_remedy(problem, text: str, says: str, remedy: str):
    found = problem(alerts=rule(text))
    assert says in str(found)
    assert remedy in found.remedy
    assert found.remedy


def test_the_patterns_of_the_instance_read_their_globs(files) -> None:
    text = rule("pattern: dagster_daemon, names: [SENSOR], over: 5m")
    (read,) = files.write(sources=sources(ODDS % "tier: 1"), alerts=text).config().rules
    assert (read.pattern, read.names, read.over_s) == (Pattern.DAGSTER_DAEMON, ("SENSOR",), 300)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ProviderGrouping()),
        ("grouping: {provider: {least: 3, share: 75%, within: 5m}}", ProviderGrouping(3, 0.75, 300)),
        ("grouping: {provider: null}", None),
    ],
)
def test_root_causes_are_on_unless_someone_says_never(files, text: str, expected: ProviderGrouping | None) -> None:
    config = files.write(sources=sources(ODDS % "tier: 1"), alerts=f"version: 1\n{text}\n").config()
    assert config.policy.grouping.provider == expected


def test_one_source_alone_is_no_root_cause(problem) -> None:
    found = problem(alerts="version: 1\ngrouping: {provider: {least: 1}}\n")
    assert "least" in str(found)
