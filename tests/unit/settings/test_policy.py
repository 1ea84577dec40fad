from __future__ import annotations

import pytest
from settings_stories import ONE_SOURCE

from busta_health_dagster.domain.digest import Digest
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


def muted(text: str) -> str:
    return WHOLE.replace("select: {}, escalation: d", f"select: {{}}, escalation: d, mute: {text}")


def test_a_mute_is_read_as_it_is_written(files):
    mute = "{zone: Europe/Berlin, outside: [mon-fri 08:00-18:00], unless: critical}"
    (route,) = files.write(sources=ONE_SOURCE, alerts=muted(mute)).config().policy.routes
    assert route.mute.unless is Severity.CRITICAL
    assert route.mute.hours.spans[0] == (0, 8 * 60)


@pytest.mark.parametrize(
    ("mute", "says"),
    [
        ("{zone: UTC, during: [mon-sun]}", "this mute never ends"),
        ("{zone: UTC, during: ['08:00-20:00', '20:00-08:00']}", "this mute never ends"),
        ("{zone: UTC, outside: [mon-sun]}", "this mute never begins"),
        ("{zone: UTC}", "one list of hours"),
        ("{zone: UTC, during: [sat], outside: [sun]}", "one list of hours"),
        ("{zone: UTC, during: [weekend]}", "not a time of the week"),
        ("{zone: Mars/Base, during: [sat]}", "Mars/Base"),
        ("{zone: UTC, during: [sat], unless: fatal}", "fatal"),
    ],
)
def test_a_mute_that_never_ends_and_other_slips_are_refused_with_the_remedy(problem, mute, says):
    found = problem(alerts=muted(mute))
    assert says in f"{found.message} {found.remedy}"
    assert found.remedy


def depending(**parents: str) -> str:
    entries = "".join(
        f"  - {{name: {name}, type: odds, probe: file, path: {name}.csv, depends_on: [{above}]}}\n"
        for name, above in parents.items()
    )
    return f"version: 1\nsources:\n{entries}"


def test_dependencies_in_a_circle_are_refused_with_the_circle_named(problem):
    found = problem(sources=depending(top="", a="b", b="c", c="a"))
    assert found.message == "The dependencies go in a circle: a -> b -> c -> a. Each would keep the other quiet."
    assert found.remedy == "take b out of the depends_on of a"
    assert "a -> a" in problem(sources=depending(a="a")).message


def test_a_dependency_on_nothing_is_refused_with_the_likely_name(problem):
    found = problem(sources=depending(warehouse="", marts="warehose"))
    assert "no source is called so" in found.message
    assert "warehouse" in found.remedy


def on_call(text: str, notify: str = "data") -> str:
    return WHOLE.replace("notify: [hook]", f"notify: [{notify}]") + f"on_call: [{{name: data, zone: UTC, {text}}}]\n"


def test_a_rotation_is_read_and_a_step_may_name_it(files):
    text = on_call("start: 2026-11-30T09:00, turns: [chat, hook]")
    policy = files.write(sources=ONE_SOURCE, alerts=text).config().policy
    assert policy.escalations["d"].steps[1].notify == ("data",)
    assert policy.on_call["data"].channels == ("chat", "hook")
    assert policy.on_call["data"].every_days == 7
    assert not [w for w in files.diagnose().warnings if "No step and no fallback" in w.message], "hook is on call"


def test_a_rotation_may_stand_in_a_calendar(files):
    text = on_call("calendar: {url: {env: CAL}}, people: {Anna Adams: chat}, otherwise: hook")
    files.write(sources=ONE_SOURCE, alerts=text)
    rotation = files.config().policy.on_call["data"]
    assert rotation.channels == ("hook", "chat")
    assert rotation.gaps == ()
    assert [w.message for w in files.diagnose().warnings if "the calendar of data is not read" in w.message]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "start: 2026-11-30, shifts: [{at: ['mon-fri 08:00-20:00'], turns: [chat]}]",
            "No one is on call from mon 00:00 to mon 08:00 and 5 more gaps",
        ),
        ("start: 2026-11-30", "a rotation has one list"),
        ("start: 2026-11-30, turns: []", "turns"),
        ("start: 2026-11-30, turns: [chatt]", "There is no channel 'chatt'"),
        ("turns: [chat]", "start"),
        ("calendar: {path: x.ics}", "people"),
        ("calendar: {path: x.ics}, people: {Anna: chat}", "otherwise"),
        ("calendar: {path: x.ics}, people: {Anna: chatt}, otherwise: hook", "There is no channel 'chatt'"),
        (
            "calendar: {url: 'https://x.pagerduty.com/private/abc'}, people: {Anna: chat}, otherwise: hook",
            "is a secret",
        ),
        ("calendar: {}, people: {Anna: chat}, otherwise: hook", "at one place"),
        ("calendar: {path: x.ics}, turns: [chat]", "one list"),
        ("start: 2026-11-30, turns: [chat], otherwise: hook", "belong to a calendar"),
        ("start: 2026-11-30, turns: [chat], every: month", "month"),
        ("start: 2026-11-30, shifts: [{at: [always], turns: [chat]}]", "not a time of the week"),
        (
            "start: 2026-11-30, turns: [chat], overrides: [{start: 2026-12-02, end: 2026-12-01, channel: hook}]",
            "ends before it begins",
        ),
    ],
)
def test_a_rotation_with_a_gap_and_other_slips_are_refused_with_the_remedy(problem, text, says):
    found = problem(alerts=on_call(text))
    assert says in f"{found.field} {found.message} {found.remedy}"


def test_a_rotation_cannot_have_the_name_of_a_channel(problem):
    found = problem(alerts=on_call("start: 2026-11-30, turns: [hook]", "chat").replace("name: data", "name: chat"))
    assert "is the name of a channel, too" in found.message


def routed(more: str) -> str:
    return WHOLE.replace("select: {}, escalation: d", f"select: {{}}, escalation: d, {more}")


@pytest.mark.parametrize(
    ("written", "digest"),
    [
        ('digest: "08:00"', Digest(480, "UTC")),
        ('digest: "08:00 Europe/Berlin"', Digest(480, "Europe/Berlin")),
        ('digest: {at: "07:30", zone: America/New_York}', Digest(450, "America/New_York")),
        ("digest: 18:00", Digest(1080, "UTC")),
        ("digest: {at: 18:05}", Digest(1085, "UTC")),
    ],
)
def test_a_digest_is_read_as_it_is_written(files, written, digest):
    (route,) = files.write(sources=ONE_SOURCE, alerts=routed(written)).config().policy.routes
    assert route.digest == digest


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("digest: true", "a digest needs the time"),
        ("digest: {}", "a digest needs the time"),
        ("digest: {zone: Europe/Berlin}", "a digest needs the time"),
        ('digest: ""', "a digest needs the time"),
        ('digest: "8"', "not a time of day"),
        ('digest: "24:00"', "not a time of day"),
        ('digest: "08:00 Mars/Base"', "Mars/Base"),
        ('digest: {at: "08:00", days: [mon]}', "days"),
        ("digest: [8]", "a digest needs the time"),
        ('digest: "08:00", mute: {zone: UTC, during: [sat]}', "a mute or a digest"),
    ],
)
def test_a_digest_route_without_a_time_and_other_slips_are_refused_by_name(problem, written, says):
    found = problem(alerts=routed(written))
    assert says in f"{found.message} {found.remedy} {found.field}"
    assert "routes[0]" in found.field
    assert found.remedy


@pytest.mark.parametrize(
    ("written", "every", "changed"),
    [
        ("repeat: 4h", 14400, False),
        ("repeat: {every: 24h, when: changed}", 86400, True),
        ("repeat: {every: 1h}", 3600, True),
    ],
)
def test_a_repeat_says_how_often_and_whether_always(files, written, every, changed):
    alerts = WHOLE.replace("{name: d, ", f"{{name: d, {written}, ")
    (ladder,) = files.write(sources=ONE_SOURCE, alerts=alerts).config().policy.escalations.values()
    assert (ladder.repeat_s, ladder.repeat_changed) == (every, changed)


@pytest.mark.parametrize(
    "written", ["repeat: 4", "repeat: true", "repeat: {when: changed}", "repeat: {every: 1h, when: never}"]
)
def test_a_repeat_that_cannot_be_read_is_refused_by_name(problem, written):
    found = problem(alerts=WHOLE.replace("{name: d, ", f"{{name: d, {written}, "))
    assert "escalations[0]" in found.field
    assert found.remedy
