"""What the rules remember of a source: fresh values, silence, rings, and the state between two ticks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_engine_stories import HOUR, ODDS, T0, TICK, by_hand, look

from busta_health_dagster.domain.anomaly import AnomalyVerdict, Judgement
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.source import Sla
from busta_health_dagster.domain.verdict import Score
from busta_health_dagster.engines.rules import Needs, SourceWindow, to_state
from busta_health_dagster.engines.rules import metrics as m

EVERYTHING = Needs((("items", HOUR), ("quality", HOUR), ("response_ms", HOUR)), (HOUR, 6 * HOUR), True, True)
ALWAYS = m.OBSERVED_BIT | m.CLOSED_BIT
VERDICT = ALWAYS | m.STATUS_BIT | m.FAILED_BIT | m.ATTEMPTS_BIT


def window(needs: Needs = EVERYTHING, source=ODDS) -> SourceWindow:
    return SourceWindow(source, needs)


@pytest.mark.parametrize(
    ("observation", "fresh"),
    [
        (look(0, "unknown"), ALWAYS),
        (look(0, "down"), VERDICT | m.SLOTTED_BIT),
        (look(0), VERDICT | m.SLOTTED_BIT | m.RESPONSE_BIT),
        (look(0, suspect=True), VERDICT | m.SLOTTED_BIT),
        (by_hand(0, "down"), VERDICT),
        (look(0, "down", items=0), VERDICT | m.SLOTTED_BIT | m.ITEMS_BIT),
        (look(0, "down", data_age_s=0.0), VERDICT | m.SLOTTED_BIT | m.AGE_BIT),
        (look(0, "down", tls_days_left=0.0), VERDICT | m.SLOTTED_BIT | m.TLS_BIT),
        (look(0, "down", size_bytes=0), VERDICT | m.SLOTTED_BIT | m.SIZE_BIT),
        (look(0, "down", quality=0.0), VERDICT | m.SLOTTED_BIT | m.QUALITY_BIT),
    ],
)
def test_only_what_was_measured_is_fresh(observation, fresh):
    w = window()
    assert w.push(observation)
    assert (w.fresh, w.last_fresh) == (fresh, fresh)


def test_values_lie_where_their_names_say():
    w = window()
    w.push(look(0, "down", items=1, data_age_s=2.0, quality=3.0, tls_days_left=4.0, attempts=5, size_bytes=6))
    named = dict(zip(m.METRICS, w.values, strict=True))
    assert named == {
        "status": 3,
        "response_ms": None,
        "items": 1,
        "data_age_s": 2.0,
        "quality": 3.0,
        "failed": 100.0,
        "tls_days_left": 4.0,
        "attempts": 5,
        "size_bytes": 6,
    }
    w.push(look(1, response_ms=7.0))
    assert (w.values[m.INDEX["response_ms"]], w.values[m.INDEX["failed"]]) == (7.0, 0.0)
    w.push(look(2, "unknown"))
    assert (w.values[0], w.values[m.INDEX["failed"]]) == (0, None)
    assert [1 << i for i in range(9)] == [getattr(m, f"{n}_BIT") for n in _IN_ORDER]


_IN_ORDER = ("STATUS", "RESPONSE", "ITEMS", "AGE", "QUALITY", "FAILED", "TLS", "ATTEMPTS", "SIZE")


def test_plain_values_are_a_scheduled_unsuspected_observation_outside_maintenance():
    pushed, fed = window(), window()
    pushed.push(look(0))
    assert fed.feed(T0, 1, 200.0)
    assert to_state(pushed) == to_state(fed)


def test_older_ones_and_a_second_one_of_a_slot_change_nothing_but_a_manual_one_of_the_slot_is_taken():
    w = window()
    w.push(look(1))
    before = to_state(w)
    assert not w.push(look(0))
    assert not w.push(look(1, "down"))
    assert to_state(w) == before
    assert w.push(by_hand(1, "down"))
    assert w.values[0] == Status.DOWN
    assert (w.scheduled_slot, w.good_run, w.last_failed) == (T0 + TICK, 1, 0)
    assert not w.push(look(1)), "the slot had its scheduled one"
    assert w.push(look(2))


def test_a_run_of_good_slots_ends_with_a_bad_one_and_blind_or_planned_ones_do_not_count():
    w = window()
    runs = []
    for observation, planned in (
        (look(0), False),
        (look(1, "degraded"), False),
        (look(2, "unknown"), False),
        (look(3, "down"), True),
        (by_hand(3, "down"), False),
        (look(4), False),
        (look(5, "down"), False),
        (look(6), False),
    ):
        w.push(observation, maintenance=planned)
        runs.append(w.good_run)
    assert runs == [1, 2, 2, 2, 2, 3, 0, 1]
    assert (w.last_failed, w.last_verdict_slot, w.first_slot) == (T0 + 5 * TICK, T0 + 6 * TICK, T0)
    assert (w.rates[HOUR].bad, w.rates[HOUR].observed) == (1, 5)


def test_in_maintenance_nothing_enters_a_window_and_the_newest_value_is_known():
    w = window()
    w.push(look(0, "down", items=5), maintenance=True)
    assert w.maintenance
    assert w.values[m.INDEX["items"]] == 5
    assert not w.fresh & m.SLOTTED_BIT
    w.push_score(Score(T0, 50.0))
    assert not any(series.values for series in w.series.values())
    assert w.rates[HOUR].observed == 0
    assert w.burn is not None
    assert w.burn.seen == 0
    assert w.flaps is not None
    assert w.flaps.seen == 0
    w.push(look(1, items=6))
    assert not w.maintenance
    assert list(w.series[m.INDEX["items"]].values) == [(T0 + TICK, 6)]
    assert w.burn.seen == 1, "the slot of the maintenance is no gap"


def test_slots_that_nobody_looked_at_push_the_burnt_ones_out():
    w = window()
    w.push(look(0, "down"))
    w.push(look(1, "unknown"))
    w.push(look(4, "down"))
    assert w.burn is not None
    assert w.burn.seen == 5
    assert [w.burn.bad(n) for n in (3, 6)] == [1, 2]
    assert w.last_burnt == T0 + 4 * TICK
    w.push(look(5))
    assert w.last_burnt == T0 + 4 * TICK


@pytest.mark.parametrize(("degraded", "bad", "burnt"), [("good", 0.0, 0), ("half", 0.5, T0), ("bad", 1.0, T0)])
def test_a_degraded_slot_burns_what_the_sla_says(degraded, bad, burnt):
    w = window(source=replace(ODDS, sla=Sla(degraded=degraded)))
    w.push(look(0, "degraded"))
    assert w.burn is not None
    assert (w.burn.bad(3), w.last_burnt) == (bad, burnt)
    w.push(look(1, "down"))
    assert w.burn.bad(3) == bad + 1
    w.push(look(2))
    w.push(look(3, "unknown"))
    assert (w.burn.bad(12), w.last_burnt) == (bad + 1, T0 + TICK)


def test_a_score_is_taken_when_it_is_newer_and_stays_over_observations_without_one():
    w = window()
    assert w.push_score(Score(T0, 80.0))
    assert not w.push_score(Score(T0, 70.0))
    assert not w.push_score(Score(T0 - 1, 70.0))
    assert w.score == Score(T0, 80.0)
    w.push(look(0))
    assert w.fresh & m.QUALITY_BIT, "no one evaluated it yet"
    assert list(w.series[m.QUALITY].values) == [(T0, 80.0)], "it is one score, not two"
    w.fresh = 0
    w.push(look(1))
    assert not w.fresh & m.QUALITY_BIT
    assert w.values[m.QUALITY] == 80.0
    assert w.push_score(Score(T0 + TICK, None))
    assert (w.fresh & m.QUALITY_BIT, w.last_fresh & m.QUALITY_BIT) == (m.QUALITY_BIT, m.QUALITY_BIT)
    assert list(w.series[m.QUALITY].values) == [(T0, 80.0)]
    w.push(look(2, quality=60.0))
    assert w.score == Score(T0 + 2 * TICK, 60.0)
    assert list(w.series[m.QUALITY].values) == [(T0, 80.0), (T0 + 2 * TICK, 60.0)]


def test_a_window_without_a_series_of_scores_keeps_the_newest():
    w = window(Needs())
    assert w.push_score(Score(T0, 80.0))
    assert (w.values[m.QUALITY], w.series) == (80.0, {})


def test_a_closed_slot_clears_what_was_measured_but_not_the_score():
    w = window()
    w.push(look(0, items=5, quality=80.0))
    w.set_anomaly(AnomalyVerdict(Judgement.BAD, "strange", True, T0, 8.0))
    assert w.fresh == w.last_fresh | m.ANOMALY_BIT, "it is one more thing to evaluate"
    w.fresh = 0
    assert not w.close(T0)
    assert w.close(T0 + TICK)
    assert (w.fresh, w.last_fresh, w.slot, w.first_slot) == (m.CLOSED_BIT, m.CLOSED_BIT, T0 + TICK, T0)
    assert w.values == [None, None, None, None, 80.0, None, None, None, None]
    assert w.anomaly is None
    w.push_score(Score(T0 + TICK, 70.0))
    w.close(T0 + 2 * TICK)
    assert w.fresh == m.CLOSED_BIT | m.QUALITY_BIT


def test_what_our_own_network_lost_is_no_missing_interval():
    w = window(Needs())
    assert w.missing_intervals() == 0
    w.close(T0)
    assert (w.missing_intervals(), w.newest_lost, w.lost_since) == (1, False, 0)
    w.close(T0 + TICK, lost=True)
    assert (w.missing_intervals(), w.newest_lost, w.lost_since) == (1, True, 1)
    w.push(look(2, "unknown", reason="network"))
    assert (w.missing_intervals(), w.newest_lost, w.lost_since) == (1, True, 2)
    w.push(look(3, "unknown", reason="timeout"))
    assert (w.missing_intervals(), w.newest_lost, w.lost_since) == (2, False, 2)
    w.push(look(4))
    assert (w.missing_intervals(), w.newest_lost, w.lost_since) == (0, False, 0)
    w.push(look(6, "unknown", reason="probe_error"))
    assert w.missing_intervals() == 2
    fed = window(Needs())
    fed.feed(T0, 0)
    assert not fed.newest_lost


def test_a_source_that_keeps_us_away_has_a_status_and_no_data():
    w = window(Needs())
    w.push(look(0))
    w.push(look(1, "unknown", reason="network"))
    w.push(look(2, "degraded", reason="rate_limited"))
    assert (w.kept_away, w.last_verdict_slot, w.lost_since, w.newest_lost) == (True, T0, 1, False)
    assert w.missing_intervals() == 1
    assert w.fresh & m.STATUS_BIT
    w.close(T0 + 3 * TICK)
    assert not w.kept_away
    w.feed(T0 + 4 * TICK, 2, limited=True)
    assert w.kept_away
    w.push(look(5))
    assert (w.kept_away, w.missing_intervals()) == (False, 0)
