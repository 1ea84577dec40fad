"""What was noisy and what to change: each suggestion needs its evidence, and says it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.alert import Alert, AlertState
from busta_health_dagster.domain.incident import Incident
from busta_health_dagster.domain.report_running import NoiseRow
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Source
from busta_health_dagster.engines.tuning import Past, noise, self_resolved, suggestions

T0 = 1_794_787_200
MONTH = 30 * 86400
SOURCES = {
    name: Source(name, "odds", "http", group=group) for name, group in (("odds", "a"), ("scores", "b"), ("news", "c"))
}


def alert(source="odds", rule="source-down", at=T0, lasted: int | None = 300, key=1, **more) -> Alert:
    ended = None if lasted is None else at + lasted
    return Alert(
        f"{source}/{rule}",
        source,
        rule,
        id=key,
        state=AlertState.OPEN if ended is None else AlertState.RESOLVED,
        opened_at=at,
        first_bad_slot=at,
        resolved_at=ended,
        first_good_slot=ended,
        **more,
    )


def incident(source: str, at: int, lasted: int = 1800) -> Incident:
    return Incident(source, (1,), ("source-down",), Severity.WARNING, at, at, None, at + lasted, at + lasted - 300)


def past(alerts=(), incidents=()) -> Past:
    return Past(tuple(alerts), tuple(incidents), SOURCES, MONTH)


def test_self_resolved_is_over_in_ten_minutes_and_before_anybody_acknowledged() -> None:
    assert self_resolved(alert(lasted=600))
    assert not self_resolved(alert(lasted=601))
    assert not self_resolved(alert(lasted=None))
    assert not self_resolved(alert(lasted=600, first_acked_at=T0 + 60))


def test_noise_counts_per_rule_and_leaves_nobody_out() -> None:
    alerts = [
        alert(key=1),
        alert(key=2, first_acked_at=T0 + 9),
        alert(key=3, lasted=None),
        alert(rule="anomaly", key=4, shadow=True),
    ]
    rows = noise(
        alerts,
        {"source-down": 5},
        {"source-down": ("odds",)},
        {"source-down": False, "anomaly": True, "no-data": False},
        {1, 2},
    )
    assert rows == (
        NoiseRow("source-down", False, 3, 5, 1, 1, ("odds",)),
        NoiseRow("no-data", False, 0, 0, 0, 0),
        NoiseRow("anomaly", True, 1, 0, 1, 0),
    )


def test_outages_that_were_over_at_the_next_check_ask_for_one_more_confirmation() -> None:
    short = [alert(key=k, at=T0 + k * 7200) for k in range(3)]
    assert suggestions((), past([*short, alert(key=9, lasted=3600)])) == (
        (
            "odds: 3 confirmations instead of 2",
            "3 of its 4 outages were over at the next check; the notification of a real one comes some seconds later",
        ),
    )
    assert suggestions((), past([*short, *(alert(key=k, lasted=3600) for k in range(10, 14))])) == ()
    assert suggestions((), past(short[:2])) == ()


def test_sources_that_fail_in_the_same_slot_twice_should_be_one_group() -> None:
    together = [incident(s, at) for at in (T0, T0 + 86400) for s in ("odds", "scores")]
    assert suggestions((), past(incidents=together)) == (
        ("odds and scores: one group", "they failed in the same slot 2 times; one message would do"),
    )
    assert suggestions((), past(incidents=together[:2])) == ()


def test_a_rule_on_trial_is_judged_by_the_incidents_beside_its_alerts() -> None:
    row = NoiseRow("anomaly", True, 2, 0, 0, 0)
    right = alert(rule="anomaly", at=T0 - 900, shadow=True)
    wrong = [replace(right, id=k, source="news", fingerprint="news/anomaly") for k in range(3)]
    found = past([right], [incident("odds", T0)])
    assert suggestions((row,), found) == (
        (
            "anomaly: may leave its trial",
            "of 1 alerts 1 lay beside an incident, 0 did not (0.00 per source-week; goal 0.05)",
        ),
    )
    ((what, why),) = suggestions((row,), past([right, *wrong], [incident("odds", T0)]))
    assert what == "anomaly: stay in shadow mode"
    assert "1 lay beside an incident, 3 did not (0.23 per source-week" in why


def test_alerts_that_nobody_acknowledged_may_go_to_the_wrong_people() -> None:
    row = NoiseRow("stale-data", False, 3, 6, 0, 3)
    assert suggestions((row,), past()) == (
        ("stale-data: tell someone else", "no one acknowledged any of its 3 alerts"),
    )


@given(
    st.lists(
        st.tuples(st.sampled_from(["odds", "scores", "gone"]), st.integers(0, 50), st.integers(0, 9000), st.booleans()),
        max_size=30,
    )
)
def test_any_past_gives_at_most_five_suggestions_and_counts_add_up(entries) -> None:
    alerts = [alert(s, at=T0 + 3600 * n, lasted=t, key=k, shadow=quiet) for k, (s, n, t, quiet) in enumerate(entries)]
    rows = noise(alerts, {}, {}, {}, set())
    assert sum(r.opened for r in rows) == len(alerts)
    assert all(0 <= r.self_resolved <= r.opened for r in rows)
    assert len(suggestions(rows, past(alerts))) <= 5
