"""What the doctor knows: each warning, and the two errors that rest on what rules and targets mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_policy import CHANNELS, LADDER, ROUTES, RULE  # the parts of a sound alerts.yaml

from busta_health_dagster.domain.source import Metered
from busta_health_dagster.domain.units import parse_seconds

TAIL = CHANNELS + LADDER + ROUTES


def source(**fields: str) -> str:
    fields = {"name": "a", "type": "t", "probe": "http", "url": "https://x.example.com"} | fields
    return "  - {" + ", ".join(f"{k}: {v}" for k, v in fields.items()) + "}\n"


def sources(*entries: str) -> str:
    return "version: 1\nsources:\n" + "".join(entries or (source(),))


@pytest.fixture
def warnings(files):
    def of(environ=None, **texts):
        found = files.write(
            **(
                {
                    "sources": sources(),
                    "alerts": "version: 1\n" + RULE + TAIL,
                    "maintenance": "version: 1\n",
                    "settings": "version: 1\ndead_mans_switch: {url: 'https://hc.example.com/x'}\n",
                }
                | texts
            )
        ).diagnose(environ)
        assert found.errors == (), list(map(str, found.errors))
        return [f"{w.field}: {w.message} -> {w.remedy}" for w in found.warnings]

    return of


def rules(*entries: str) -> str:
    return "version: 1\nrules:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries) + TAIL


def test_a_sound_configuration_has_no_warning(warnings):
    assert warnings() == []


def test_a_catalog_in_which_degraded_sources_look_well_is_reported(warnings):
    settings = "version: 1\ndead_mans_switch: {url: 'https://hc.example.com/x'}\ndagster: {paint_degraded: false}\n"
    (said,) = warnings(settings=settings)
    assert said.startswith("dagster.paint_degraded: Degraded sources are green in Dagster's catalog")
    assert said.endswith(" -> remove it, unless only what is down should be red")


def test_an_explicit_target_that_cannot_be_measured_is_refused(problem):
    said = problem(sources=sources(source(sla="{uptime: 99.9%}")))
    assert said.field == "sources[0] a, sla.uptime"
    assert said.message.startswith("99.9% cannot be alerted on at an interval of 5m: 30 days allow 8.64 bad checks")
    assert said.remedy == "sla: {uptime: 99.5%}   or   interval: 2m"


def test_an_inherited_target_that_cannot_be_measured_is_reported(warnings):
    (said,) = warnings(sources=sources(source(), *(source(name=f"h{i}", interval="1h") for i in range(5))))
    assert said.startswith(
        "sources[1] h0: Inherited by h0, h1, h2 and 2 more: 99.5% cannot be alerted on at an interval of 1h"
    )
    assert "reported, and never alerted" in said


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            "name: r, metric: response_ms, op: '>', value: 10s",
            "rules[0] r, value: Can never fire: a check ends at its timeout of 10s",
        ),
        (
            "name: r, metric: quality, op: '<', value: 0",
            "rules[0] r: quality < 0 can never be true: quality is between 0 and 100.",
        ),
        ("name: r, metric: failed, op: '>', value: 100%", "rules[0] r: failed > 100 can never be true"),
        ("name: r, metric: items, op: '>=', value: 0", "rules[0] r: items >= 0 is always true: items is 0 or more."),
        (
            "name: r, metric: data_age_s, op: '>', value: max_data_age",
            "rules[0] r: Can never fire: none of its sources says max_data_age",
        ),
        (
            "name: r, metric: quality, op: '<', value: 90%",
            "rules[0] r: Can never fire: the quality of none of its sources is scored.",
        ),
        (
            "name: r, metric: items, op: '<', value: 5, over: 2m",
            "rules[0] r, over: Its window of 2m is shorter than the interval of 5m.",
        ),
        (
            "name: r, pattern: rate, over: 10m",
            "rules[0] r, min_bad: Can never fire: 10m hold 2 checks, and it needs 4 failed.",
        ),
        (
            "name: r, all: [{metric: items, op: '<', value: 5}, {metric: items, op: '>', value: 9}]",
            "rules[0] r, all: items cannot be above 9 and below 5 at once",
        ),
        (
            "name: r, pattern: no_data, select: {names: [b]}",
            "rules[0] r, select.names[0]: Matches nothing: there is no source 'b'.",
        ),
        (
            "name: r, pattern: no_data, select: {tiers: [2], types: [t], tags: {x: y}}",
            "rules[0] r, select: No source fulfils all of this at once",
        ),
        (
            "name: r, pattern: no_data, shadow: true",
            "rules: No rule checks a: whatever happens there, no one is notified.",
        ),
    ],
)
def test_a_rule_that_cannot_say_anything_is_a_warning(warnings, rule, said):
    assert any(w.startswith(said) for w in warnings(alerts=rules(rule)))


def test_a_warning_names_only_the_sources_it_holds_for(warnings):
    fleet = sources(source(), source(name="slow_one", timeout="4s"), source(name="own_limit", type="u"))
    rule = "name: r, metric: response_ms, op: '>', value: 5s, overrides: [{select: {types: [u]}, value: 30s}]"
    (said,) = [w for w in warnings(sources=fleet, alerts=rules(rule)) if "can never fire" in w]
    assert said.startswith(
        "rules[0] r, value: For slow_one and own_limit: can never fire: a check ends at its timeout of 4s"
    )


def test_a_slip_in_a_selector_is_told_with_the_word_that_was_meant(warnings):
    (said,) = warnings(
        alerts=rules("name: r, pattern: no_data", "name: s, pattern: no_data, select: {types: [oods]}"),
        sources=sources(source(type="odds")),
    )
    assert said == "rules[1] s, select.types[0]: Matches nothing: there is no type 'oods'. -> types: [odds]"


def test_selectors_of_routes_inhibition_windows_and_events_are_looked_at_too(warnings):
    said = warnings(
        alerts="version: 1\n"
        + RULE
        + CHANNELS
        + LADDER
        + "routes: [{select: {rules: [rr]}, escalation: d}, {select: {}, escalation: d}]\n"
        "inhibit: [{source: {rules: [r]}, target: {groups: [nows]}}]\n",
        maintenance="version: 1\nwindows: [{name: w, select: {names: [b]}, start: 2026-12-01T02:00, zone: UTC, duration: 1h}]\n"
        "events: [{name: e, select: {types: [odds]}, start: 2026-12-01T02:00, zone: UTC, duration: 1h}]\n",
    )
    places = [w.split(":")[0] for w in said if "Matches nothing" in w]
    assert places == [
        "routes[0], select.rules[0]",
        "inhibit[0], target.groups[0]",
        "windows[0] w, select.names[0]",
        "events[0] e, select.types[0]",
    ]


def test_a_route_behind_one_that_takes_all_is_never_reached(warnings):
    both = "routes: [{select: {types: [t]}, escalation: d}, {select: {}, escalation: d}, {select: {severities: [critical]}, escalation: d}]\n"
    said = warnings(alerts="version: 1\n" + RULE + CHANNELS + LADDER + both)
    assert said == ["routes[2]: Never reached: routes[1] before it takes every alert. -> move it up, or remove it"]


def test_a_route_whose_alerts_are_all_taken_before_is_never_reached_and_continue_saves_it(warnings):
    def routes(extra):
        first = f"{{select: {{types: [t]}}, escalation: d{extra}}}"
        return f"version: 1\n{RULE}{CHANNELS}{LADDER}routes: [{first}, {{select: {{names: [a]}}, escalation: d}}, {{select: {{}}, escalation: d}}]\n"

    assert any(w.startswith("routes[1]: Never reached") for w in warnings(alerts=routes("")))
    assert warnings(alerts=routes(", continue: true")) == []


def test_unused_channels_escalations_and_types_are_told(warnings):
    said = warnings(
        sources="version: 1\ntypes: {oods: {tier: 1}}\nsources:\n" + source(type="odds"),
        alerts="version: 1\n"
        + RULE
        + CHANNELS
        + "escalations: [{name: d, steps: [{after: 0m, notify: [chat]}]}, {name: e, steps: [{after: 0m, notify: [chat]}]}]\n"
        + ROUTES,
    )
    assert [w.partition(" -> ")[0] for w in said] == [
        "types.oods: No source has the type 'oods'.",
        "escalations[1] e: No route leads to the escalation 'e'.",
        "channels[1] hook: No step and no fallback uses the channel 'hook': it is never notified.",
    ]
    assert said[0].endswith("-> odds: ...")


def test_missing_secrets_are_told_once_each_with_what_does_not_work(warnings):
    fleet = sources(*(source(name=f"s{i}", url="{env: FEED_URL}") for i in range(5)))
    said = warnings(sources=fleet)
    assert len(said) == 1
    assert "FEED_URL is not set. Until then s0, s1, s2 and 2 more are unknown. -> Set it where busta runs" in said[0]
    assert warnings(sources=fleet, environ={"FEED_URL": "https://f.example.com"}) == []


def test_a_secret_file_is_looked_for_beside_the_configuration(warnings, files):
    fleet = sources(source(url="{file: url.txt}"))
    (said,) = warnings(sources=fleet)
    assert "url.txt cannot be read: No such file or directory. Until then a is unknown." in said
    (files.dir / "url.txt").write_text("https://f.example.com\n")
    assert warnings(sources=fleet) == []


def test_a_suite_that_is_not_there_is_told_with_the_one_that_was_meant(warnings, files):
    expectations = files.dir.parent / "expectations"
    expectations.mkdir()
    (expectations / "odds.json").write_text("{}")
    (said,) = warnings(sources=sources(source(quality="{suite: odd}"), source(name="b", quality="{suite: odds}")))
    assert said.startswith("sources[0] a, quality.suite: There is no suite 'odd'")
    assert said.endswith("-> suite: odds")


def test_a_quality_by_which_nothing_can_be_scored_is_told(warnings):
    fleet = sources(
        source(quality="{validator: 'json:JSONDecoder'}"),
        source(name="b", quality="{every: 1h}"),
        source(name="c", quality="{validator: 'json:JSONDecoder', validator_scale: 100}"),
    )
    scale, neither = warnings(sources=fleet)
    assert scale.startswith("sources[0] a, quality.validator: A validator needs `validator_scale`")
    assert scale.endswith("-> validator_scale: 1, or validator_scale: 100")
    assert neither.startswith("sources[1] b, quality: `quality` names no suite, no validator and no dbt tests")


def test_confirmation_that_outlasts_the_interval_is_told(warnings):
    (said,) = warnings(sources=sources(source(timeout="2m")))
    assert "A failure takes up to 6m7s to confirm, longer than the interval of 5m." in said


def test_overlapping_and_past_windows_are_told(warnings):
    said = warnings(
        maintenance="""\
version: 1
windows:
  - {name: one, start: 2026-12-01T02:00, zone: UTC, duration: 2h}
  - {name: two, start: 2026-12-01T03:00, zone: UTC, duration: 2h}
  - {name: over, start: 2020-12-01T03:00, zone: UTC, duration: 2h}
  - {name: off, start: 2026-12-02T03:00, zone: UTC, duration: 1h, rrule: "FREQ=WEEKLY;BYDAY=MO"}
"""
    )
    assert sorted(w.partition(": ")[0] for w in said) == [
        "windows[1] two, start",
        "windows[2] over",
        "windows[3] off, start",
    ]


def test_a_misspelt_group_and_a_monitor_without_an_outside_eye_are_told(warnings):
    said = warnings(sources=sources(source(group="new")), settings="version: 1\nretention: {observations: 7d}\n")
    assert [w.partition(": ")[0] for w in said] == ["sources[0] a, group", "dead_mans_switch", "retention.observations"]


def test_a_large_fleet_on_sqlite_is_told(warnings):
    fleet = sources(*(source(name=f"s{i}") for i in range(101)))
    assert any("101 sources on SQLite" in w for w in warnings(sources=fleet))
    assert warnings(sources=fleet, environ={"BUSTA_DATABASE_URL": "postgresql://x"}) == []


@pytest.mark.parametrize(
    "select",
    [
        "rules: [own-network]",
        "rules: [configuration, ticks]",
        "rules: [weekly-report]",
        "types: [monitor]",
        "names: [dagster]",
    ],
)
def test_a_route_may_name_what_the_monitor_says_itself(warnings, select):
    routed = f"routes: [{{select: {{{select}}}, escalation: d}}, {{select: {{}}, escalation: d}}]\n"
    assert warnings(alerts="version: 1\n" + RULE + CHANNELS + LADDER + routed) == []


def test_a_rule_that_the_monitor_does_not_have_either_is_told(warnings):
    routed = "routes: [{select: {rules: [network]}, escalation: d}, {select: {}, escalation: d}]\n"
    said = warnings(alerts="version: 1\n" + RULE + CHANNELS + LADDER + routed)
    assert any("there is no rule 'network'" in w for w in said)


def test_a_half_read_file_gives_no_warnings_about_the_rest(files):
    found = files.write(
        sources=sources(source(name="A"), source(name="b")),
        alerts=rules("name: r, pattern: no_data, select: {names: [A]}"),
    ).diagnose()
    assert len(found.errors) == 1
    assert not any("Matches nothing" in w.message for w in found.warnings)


def test_when_all_suites_are_missing_it_is_said_once_with_the_folder(tmp_path):
    """What deploy/systemd installs: /etc/busta/config, and no /etc/busta/expectations beside it."""
    from busta_health_dagster import bootstrap

    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "sources.yaml").write_text(
        "version: 1\ndefaults: {quality: {suite: odds}}\nsources:\n"
        "  - {name: one, type: odds, probe: http, url: 'https://example.com/1'}\n"
        "  - {name: two, type: odds, probe: http, url: 'https://example.com/2', quality: {suite: scores}}\n"
    )
    for state in ("is not there", "is empty of suites"):
        found = bootstrap.diagnose_config(tmp_path / "config", {})
        (said,) = [p for p in found.warnings if "not scored" in p.message]
        assert said.message == f"{tmp_path / 'expectations'} {state}: the quality of one and two is not scored."
        assert "busta quality suggest" in said.remedy
        (tmp_path / "expectations").mkdir(exist_ok=True)


def test_credits_that_do_not_last_the_month_are_computed(warnings) -> None:
    """500 free credits at five minutes: 42 hours."""
    (said,) = warnings(sources=sources(source(metered="{per_month: 500}")))
    assert said == (
        "sources[0] a, metered: a takes 8,928 credits a month at every 5m and has 500: they last 1 d 17 h. "
        "-> interval: 1h30m, a free place in between (`light`), or more credits"
    )
    fitting = warnings(sources=sources(source(metered="{per_month: 500}", interval="1h30m")))
    assert not any("credits" in warning for warning in fitting)
    assert warnings(sources=sources(source(metered="{per_month: 20000, each: 3}", interval="10m"))) == []


def test_the_shipped_odds_source_fits_the_smallest_paid_plan() -> None:
    import yaml

    root = Path(__file__).parents[3]
    (odds,) = [
        s for s in yaml.safe_load((root / "config/sources.yaml").read_text())["sources"] if s["name"] == "odds_api"
    ]
    paid = Metered(**odds["metered"])
    markets, regions = odds["params"]["markets"].split(","), odds["params"]["regions"].split(",")
    assert paid.each == len(markets) * len(regions)
    assert paid.asked(int(parse_seconds(odds["light"]["every"]))) == 5_952 <= paid.per_month


@pytest.mark.parametrize(
    ("spec", "says", "remedy"),
    [
        ("{with: a, on: [x]}", "a is compared with itself", "with: the other source"),
        ("{with: scoers, on: [x]}", "There is no source 'scoers' to compare a with.", "with: scores"),
        (
            "{with: scores, on: [x]}",
            "scores has no `quality`, so that none of its records are kept",
            "quality: {suite: ...} on scores",
        ),
        ("{with: c, on: [x], tolerance: {y: 2}}", "A tolerance for y, which is not compared.", "compare: [y]"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_named(problem, spec: str, says: str, remedy: str) -> None:
    quality = "{validator: 'm:V', validator_scale: 1%s}"
    said = problem(
        sources=sources(
            source(name="a", quality=quality % f", reconcile: {spec}"),
            source(name="scores"),
            source(name="c", quality=quality % ""),
        )
    )
    assert says in said.message
    assert said.remedy == remedy
