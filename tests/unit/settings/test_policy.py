from __future__ import annotations

import pytest

from busta_health_dagster.domain.policy import Grouping, ProviderGrouping, Route, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Selector

CHANNELS = "channels: [{name: chat, kind: slack, channel: '#x'}, {name: hook, kind: webhook, url: 'https://ops.example.com'}]\n"
LADDER = (
    "escalations: [{name: d, steps: [{after: 0m, severity: warning, notify: [chat]}, {after: 1h, notify: [hook]}]}]\n"
)
RULE = "rules: [{name: r, pattern: no_data}]\n"
ROUTES = "routes: [{select: {}, escalation: d}]\n"
WHOLE = "version: 1\n" + CHANNELS + RULE + LADDER + ROUTES


def test_the_policy_of_the_design(design):
    policy = design.config().policy
    default = policy.escalations["default"]
    assert default.steps == (
        Step(0, ("slack-data",), Severity.WARNING),
        Step(1800, ("slack-data", "mail-oncall"), Severity.CRITICAL),
        Step(7200, ("pager",)),
    )
    assert (default.repeat_s, default.ack_timeout_s) == (14400, 14400)
    assert policy.routes[0] == Route(
        Selector(rules=("source-down", "no-data")), "default", where="config/alerts.yaml:24"
    )
    assert policy.inhibitions[0].equal == ("source",)
    assert policy.grouping == Grouping(provider=ProviderGrouping()), (
        "what fails together at one provider is one message"
    )
    mail = policy.channels["mail-oncall"]
    assert (mail.kind, mail.config.from_, mail.config.password.env) == ("email", "health@example.com", "SMTP_PASSWORD")
    assert policy.channels["ops-hook"].fallback == "mail-oncall"


@pytest.mark.parametrize(
    ("old", "new", "field", "message", "remedy"),
    [
        ("kind: slack", "kind: slak", "channels[0] chat, kind", "There is no channel kind 'slak'.", "kind: slack"),
        ("channel: '#x'", "chanel: '#x'", "channels[0] chat, chanel", "did you mean `channel`?", "channel: ..."),
        (
            "notify: [hook]",
            "notify: [hok]",
            "escalations[0] d, steps[1].notify[0]",
            "There is no channel 'hok'",
            "notify: [hook]",
        ),
        ("escalation: d}", "escalation: x}", "routes[0], escalation", "There is no escalation 'x'.", "one of d"),
        ("name: hook", "name: chat", "channels[1] chat, name", "is taken", "chat-2"),
        ("after: 1h", "after: 0m", "escalations[0] d, steps[1].after", "not in the order", "sort them"),
        (
            "notify: [hook]",
            "severity: info, notify: [hook]",
            "escalations[0] d, steps[1].severity",
            "it only rises",
            "severity: warning",
        ),
        ("notify: [hook]", "notify: []", "escalations[0] d, steps[1].notify", "at least 1 item", ""),
        (
            "'https://ops.example.com'}",
            "'https://ops.example.com', fallback: pagr}",
            "channels[1] hook, fallback",
            "There is no channel 'pagr'.",
            "chat, hook",
        ),
        (
            "'https://ops.example.com'}",
            "'https://ops.example.com', fallback: hook}",
            "channels[1] hook, fallback",
            "in a circle: hook -> hook",
            "no fallback",
        ),
        ("routes: [", "rotes: [", "rotes", "did you mean `routes`?", "routes: ..."),
        (
            "{select: {}, escalation: d}",
            "{select: {}, escalation: d, contnue: true}",
            "routes[0], contnue",
            "did you mean `continue`?",
            "continue: ...",
        ),
    ],
)
def test_what_one_part_names_another_must_define(files, old, new, field, message, remedy):
    from_text = WHOLE.replace(old, new, 1)
    assert from_text != WHOLE
    found = files.write(
        sources="version: 1\nsources: [{name: a, type: t, probe: file, path: x}]\n", alerts=from_text
    ).diagnose()
    assert any(p.field == field and message in p.message and remedy in p.remedy for p in found.errors), list(
        map(str, found.errors)
    )


def test_a_configuration_without_a_default_route_is_refused_naming_who_is_lost(problem):
    said = problem(
        sources="version: 1\nsources:\n"
        + "".join(f"  - {{name: s{i}, type: t, probe: file, path: x, tier: {1 + (i > 4)}}}\n" for i in range(12)),
        alerts="version: 1\n" + CHANNELS + RULE + LADDER + "routes:\n  - {select: {tiers: [1]}, escalation: d}\n",
    )
    assert (said.where, said.field) == ("config/alerts.yaml:6:3", "routes")
    assert said.message == "7 of 12 sources match no route: s5, s6, s7 and 4 more. Their alerts would not be sent."
    assert said.remedy == "add last:  - {select: {}, escalation: d}"


def test_rules_alone_are_a_warning_not_an_error(files):
    found = files.write(
        sources="version: 1\nsources: [{name: a, type: t, probe: file, path: x}]\n", alerts="version: 1\n" + RULE
    ).diagnose()
    assert found.errors == ()
    assert any("no one is notified" in w.message for w in found.warnings)


def test_a_circle_of_fallbacks_is_refused_however_long(files):
    chain = "channels:\n" + "".join(
        f"  - {{name: c{i}, kind: webhook, url: u, fallback: c{(i + 1) % 3}}}\n" for i in range(3)
    )
    found = files.write(
        sources="version: 1\nsources: [{name: a, type: t, probe: file, path: x}]\n",
        alerts=WHOLE.replace(CHANNELS, chain).replace("[chat]", "[c0]").replace("[hook]", "[c1]"),
    )
    assert [p.field for p in found.diagnose().errors] == [f"channels[{i}] c{i}, fallback" for i in range(3)]
