"""From alerts to incidents, and from incidents to MTTR."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.incident import AlertSpan
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Source
from busta_health_dagster.engines.service_levels.incidents import (
    as_of,
    build,
    open_by_age,
    spread,
    summarise,
    summarise_by,
)

H, M = 3600, 60


def alert(
    number: int, start: int, end: int | None, *, source="odds_api", rule="source-down", opened=None, **more
) -> AlertSpan:
    """Bad from `start` (opened there unless told), good again from `end` on, resolved one slot later."""
    last = (end if end is not None else start + 300) - 300
    good = more.pop("good", end)
    resolved = more.pop("resolved", None if end is None else end + 300)
    severity = more.pop("severity", Severity.WARNING)
    return AlertSpan(
        number,
        source,
        rule,
        severity,
        start if opened is None else opened,
        start,
        max(last, start),
        good,
        resolved_at=resolved,
        **more,
    )


def test_incidents_resolved_after_44_100_40_and_20_hours_have_an_mttr_of_51():
    spans = [alert(n, n * 1000 * H, (n * 1000 + hours) * H) for n, hours in enumerate((44, 100, 40, 20), 1)]
    got = summarise(build(spans), since=0, until=10_000 * H, up_s=None)
    assert (got.mttr.mean, got.mttr.median, got.mttr.p90) == (51 * H, 42 * H, 100 * H)
    assert (got.resolved, got.mtbf_s, got.mtta.mean) == (4, None, None)


def test_a_day_with_4_hours_down_in_2_incidents_has_an_mtbf_of_10_hours():
    got = build([alert(1, 2 * H, 3 * H), alert(2, 10 * H, 13 * H)])
    assert summarise(got, since=0, until=24 * H, up_s=20 * H).mtbf_s == 10 * H


def test_it_runs_from_the_first_bad_slot_to_the_first_good_slot_of_the_source_not_to_the_moment_the_alert_closed():
    (one,) = build([alert(1, 1000, 1900, opened=1004, acked_at=1304)])
    assert (one.detect_s, one.acknowledge_s, one.resolve_s) == (4, 300, 900)
    assert (one.resolved_at, one.state, one.id) == (1900, "resolved", "INC-1")


def test_several_alerts_of_one_source_that_overlap_are_one_incident_and_those_of_another_are_not():
    slow = alert(7, 0, 3000, rule="slow-response", opened=300)
    down = alert(8, 600, 1800, severity=Severity.CRITICAL)
    other = alert(9, 600, 1800, source="espn_nfl")
    merged, apart = build([other, down, slow])
    assert (merged.rules, merged.alert_ids, merged.severity) == (
        ("slow-response", "source-down"),
        (7, 8),
        Severity.CRITICAL,
    )
    assert (merged.started_at, merged.opened_at, merged.resolved_at) == (0, 300, 3000)
    assert apart.source == "espn_nfl"


def test_reopened_inside_the_grace_period_it_is_the_same_incident_with_a_new_time_to_resolve():
    assert [i.resolve_s for i in build([alert(1, 0, 600), alert(2, 1500, 2100)])] == [2100]
    assert [i.resolve_s for i in build([alert(1, 0, 600), alert(2, 1800, 2100)])] == [600, 300]


def test_an_alert_that_reopened_long_after_the_source_was_well_is_two_incidents_with_names_of_their_own():
    got = build([alert(1, 0, 600), alert(1, 1500, 2100), alert(1, 9000, 9600)])
    assert [(i.id, i.resolve_s) for i in got] == [("INC-1", 2100), ("INC-1.2", 600)]


def test_no_data_and_the_monitors_own_alerts_make_no_incident():
    assert build([alert(1, 0, 600, rule="no-data", makes_incident=False)]) == []


def test_an_incident_stays_open_until_its_last_alert_is_resolved_and_is_never_averaged():
    spans = [alert(1, 0, 600), alert(2, 300, None, acked_at=900), alert(3, 50_000, None, source="espn_nfl")]
    got = build(spans)
    summary = summarise(got, since=0, until=10**9, up_s=100)
    assert (summary.resolved, summary.open, summary.mttr.mean, summary.mtbf_s) == (0, 2, None, None)
    assert [(i.id, i.state, i.age_s(60_000)) for i in open_by_age(got, 60_000)] == [
        ("INC-1", "acked", 60_000),
        ("INC-3", "open", 10_000),
    ]


def test_an_incident_is_acknowledged_only_while_someone_has_all_of_it_that_is_open():
    (ran_out,) = build([alert(1, 0, None, acked_at=300, freed_at=900)])
    assert (ran_out.state, ran_out.acknowledge_s) == ("open", 300)
    (again,) = build([alert(1, 0, 600, acked_at=300), alert(1, 900, None)])
    assert (again.state, again.acknowledge_s) == ("open", 300)
    (half,) = build([alert(1, 0, None, acked_at=300), alert(2, 300, None, rule="slow-response")])
    assert half.state == "open"
    (before,) = build(as_of([alert(1, 0, None, acked_at=300, freed_at=900)], 600))
    assert before.state == "acked"


def test_an_alert_that_ended_without_a_good_slot_ends_when_it_was_resolved():
    (one,) = build([alert(1, 0, 600, good=None, resolved=1234)])
    assert one.resolve_s == 1234


def test_asked_about_the_past_it_answers_what_was_known_then():
    spans = [alert(1, 0, 3000, acked_at=1200), alert(2, 90_000, 93_000)]
    (then,) = build(as_of(spans, 1500))
    (earlier,) = build(as_of(spans, 900))
    assert (then.state, earlier.state, then.age_s(1500)) == ("acked", "open", 1500)


def test_the_cohort_are_those_resolved_in_the_window_whenever_they_began():
    got = build([alert(1, 0, 5 * H), alert(2, 6 * H, 9 * H), alert(3, 9 * H + 3600, 12 * H)])
    assert (
        summarise(got, since=5 * H, until=12 * H, up_s=0).mttr.mean == 4 * H
    )  # 5 h and 3 h; the third ends at the edge, outside


def test_p90_is_the_nearest_rank():
    assert spread([]).as_json() == {"mean": None, "median": None, "p90": None}
    assert spread(range(1, 11)).as_json() == {"mean": 5.5, "median": 5.5, "p90": 9}
    assert spread([105 * M, 60 * M, 30 * M, 30 * M, 25 * M, 20 * M, 15 * M, None]).p90 == 105 * M
    assert (spread([4]).mean, spread([1, 2]).p90) == (4, 2)


def test_figures_by_type_tier_rule_source_and_fleet():
    sources = {
        "odds_api": Source("odds_api", "odds", "http", tier=1),
        "espn_nfl": Source("espn_nfl", "news", "feed", tier=3),
    }
    spans = [
        alert(1, 0, H),
        alert(2, H // 2, H, rule="slow-response"),
        alert(3, 0, 3 * H, source="espn_nfl"),
        alert(4, 0, H, source="gone"),
    ]
    up = {"odds_api": 23.0 * H, "espn_nfl": 21.0 * H}

    def mttr(by):
        got = summarise_by(by, build(spans), sources, since=0, until=24 * H, up_s=up)
        return {k: (v.mttr.mean / H, v.mtbf_s and v.mtbf_s / H) for k, v in got.items()}

    assert mttr("type") == {"news": (3, 21), "odds": (1, 23), "removed": (1, None)}
    assert mttr("tier") == {"1": (1, 23), "3": (3, 21), "removed": (1, None)}
    assert mttr("rule")["slow-response"] == (1, 44)
    assert mttr("source")["gone"] == (1, None)
    assert mttr("fleet")["fleet"][1] == 44 / 3


def test_the_json_shape_that_scripts_depend_on():
    got = build([alert(1, 0, 600, opened=4)])
    shown = summarise(got, since=0, until=H, up_s=3000).as_json()
    assert {"mttr_s", "mtta_s", "mtbf_s"} <= shown.keys()
    assert shown["mttr_s"] == {"mean": 600, "median": 600, "p90": 600}
    assert {
        k: got[0].as_json()[k]
        for k in ("id", "source", "started_at", "opened_at", "acked_at", "resolved_at", "severity", "rules", "state")
    } == {
        "id": "INC-1",
        "source": "odds_api",
        "started_at": "1970-01-01T00:00:00Z",
        "opened_at": "1970-01-01T00:00:04Z",
        "acked_at": None,
        "resolved_at": "1970-01-01T00:10:00Z",
        "severity": "warning",
        "rules": ["source-down"],
        "state": "resolved",
    }


spans_strategy = st.lists(
    st.tuples(st.integers(1, 12), st.integers(0, 40), st.none() | st.integers(1, 12), st.sampled_from(["a", "b"])),
    max_size=12,
)


@given(spans_strategy, st.randoms(use_true_random=False))
def test_the_order_of_the_alerts_does_not_matter_and_incidents_of_a_source_never_overlap(raw, shuffle):
    spans = [
        alert(n if s == "a" else n + 100, t * 300, None if d is None else (t + d) * 300, source=s, opened=t * 300 + k)
        for k, (n, t, d, s) in enumerate(raw)
    ]
    mixed = list(spans)
    shuffle.shuffle(mixed)
    got = build(spans)
    assert build(mixed) == got
    assert {n for i in got for n in i.alert_ids} == {s.alert_id for s in spans}
    assert len({(i.source, i.id) for i in got}) == len(got)
    for source in ("a", "b"):
        mine = [i for i in got if i.source == source]
        assert all(a.resolved_at is not None and a.resolved_at + 900 < b.started_at for a, b in pairwise(mine))
