"""A window between two ticks, and how much of the past rules need."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from alert_engine_stories import BURN, HOUR, NO_DATA, ODDS, QUALITY, RATE, T0, TICK, look

from busta_health_dagster.domain.rule import Condition, Pattern, Rule
from busta_health_dagster.domain.source import Sla
from busta_health_dagster.domain.verdict import Score
from busta_health_dagster.engines.rules import Needs, SourceWindow, rules_for, to_state
from busta_health_dagster.engines.rules import metrics as m
from busta_health_dagster.engines.rules.window_state import restore

EVERYTHING = Needs((("items", HOUR), ("quality", HOUR), ("response_ms", HOUR)), (HOUR, 6 * HOUR), True, True)


def window(needs: Needs = EVERYTHING, source=ODDS) -> SourceWindow:
    return SourceWindow(source, needs)


def seen_a_lot() -> SourceWindow:
    w = window()
    for i, letter in enumerate("udusu?dduu"):
        word = {"u": "up", "d": "down", "s": "degraded", "?": "unknown"}[letter]
        w.push(look(i, word, items=i, attempts=i + 1), maintenance=i == 3)
    w.push_score(Score(T0 + HOUR, 88.0, 88.5, 1.5, True))
    w.close(T0 + 10 * TICK, lost=True)
    return w


def test_a_state_is_json_and_brings_back_every_field():
    w = seen_a_lot()
    state = json.loads(json.dumps(to_state(w)))
    kept = restore(ODDS, EVERYTHING, state)
    assert kept is not None
    for name in SourceWindow.__slots__:
        mine, other = getattr(w, name), getattr(kept, name)
        if name in {"series", "rates", "burn", "flaps", "fresh"}:
            continue
        assert (name, mine) == (name, other)
        assert type(mine) is type(other)
    assert json.loads(json.dumps(to_state(kept))) == state
    assert kept.fresh == 0
    for over in (HOUR, 6 * HOUR):
        assert kept.rates[over].slots == w.rates[over].slots
    assert {i: list(s.values) for i, s in kept.series.items()} == {i: list(s.values) for i, s in w.series.items()}


def test_a_state_is_written_as_it_has_been_since_it_was_first_kept():
    state = to_state(seen_a_lot())
    assert list(state) == ["sig", "at", "values", "score", "series", "rates", "burn", "flaps", "score_awaited_since"]
    assert state["sig"] == (
        "3|300|0|Needs(series=(('items', 3600), ('quality', 3600), ('response_ms', 3600)), "
        "rates=(3600, 21600), burn=True, flapping=True)"
    )
    end = T0 + 9 * TICK
    assert state["at"] == [
        end + TICK,
        end,
        T0,
        end,
        T0 + 7 * TICK,
        1,
        1,
        2,
        T0 + 7 * TICK,
        m.CLOSED_BIT | m.QUALITY_BIT,
        0,
        0,
    ]
    assert state["values"] == [None, None, None, None, 88.0, None, None, None, None]
    assert state["score"] == [T0 + HOUR, 88.0, 88.5, 1.5, True]
    assert state["series"]["quality"] == [[T0 + HOUR, 88.0]]
    assert state["rates"] == {"3600": [T0, "010-0-1100"], "21600": [T0, "010-0-1100"]}
    assert state["burn"] == [9, [2, 3, 7], [2, 2, 2]]
    assert state["flaps"]["seen"] == 8
    bare = to_state(window(Needs()))
    assert (bare["score"], bare["series"], bare["rates"], bare["burn"], bare["flaps"]) == (None, {}, {}, None, None)


def test_a_window_kept_away_by_a_429_is_still_so_after_a_restart():
    w = window()
    w.push(look(0, "degraded", reason="rate_limited"))
    kept = restore(ODDS, EVERYTHING, to_state(w))
    assert kept is not None
    assert kept.kept_away is True
    assert kept.last_verdict_slot == 0


def test_a_window_in_maintenance_is_still_in_it_after_a_restart():
    w = window()
    w.push(look(0), maintenance=True)
    kept = restore(ODDS, EVERYTHING, to_state(w))
    assert kept is not None
    assert kept.maintenance
    kept.push_score(Score(T0, 80.0))
    assert not kept.series[m.QUALITY].values


def test_a_state_of_another_shape_is_none():
    state = to_state(seen_a_lot())
    assert restore(ODDS, EVERYTHING, None) is None
    assert restore(ODDS, EVERYTHING, {}) is None
    assert restore(ODDS, Needs(), state) is None
    assert restore(replace(ODDS, interval_s=60), EVERYTHING, state) is None
    assert restore(replace(ODDS, sla=Sla(degraded="bad")), EVERYTHING, state) is None
    empty = restore(ODDS, Needs(), to_state(window(Needs())))
    assert empty is not None
    assert (empty.score, empty.burn, empty.flaps) == (None, None, None)


# Needs.


def test_rules_need_the_longest_series_of_each_metric_and_every_rate():
    def over(metric: str, over_s: int | None, agg: str = "mean") -> Rule:
        return Rule("r", Pattern.THRESHOLD, (Condition(metric, ">", 1.0, over_s, agg),))

    needs = Needs.of(
        [
            over("items", HOUR),
            over("items", 3 * HOUR),
            over("items", 2 * HOUR),
            replace(over("response_ms", None), over_s=HOUR),
            over("size_bytes", HOUR, "last"),
            over("attempts", None),
            RATE,
            replace(RATE, over_s=HOUR),
            replace(RATE, over_s=HOUR, name="twice"),
            Rule("t", Pattern.TREND, (Condition("data_age_s", ">", 1.0),), over_s=HOUR),
        ]
    )
    assert needs == Needs((("data_age_s", HOUR), ("items", 3 * HOUR), ("response_ms", HOUR)), (HOUR, 6 * HOUR))
    assert Needs.of([BURN]) == Needs(burn=True)
    assert Needs.of([Rule("f", Pattern.FLAPPING)]) == Needs(flapping=True)
    assert Needs.of([NO_DATA, QUALITY]) == Needs()


@pytest.mark.parametrize(
    ("needs", "back"),
    [
        (Needs(), 6 * 300),
        (Needs(flapping=True), 21 * 300),
        (Needs(burn=True, flapping=True), 864 * 300),
        (Needs(rates=(HOUR, 6 * HOUR)), 6 * HOUR),
        (Needs(series=(("items", 9 * HOUR), ("quality", HOUR)), rates=(HOUR,)), 9 * HOUR),
        (Needs(rates=(60,)), 6 * 300),
    ],
)
def test_a_window_is_rebuilt_from_as_far_back_as_its_longest_memory(needs, back):
    assert window(needs).lookback_s() == back


def test_compiled_rules_hand_out_their_windows():
    rules = rules_for(ODDS, [RATE])
    assert rules.empty_window().needs == Needs(rates=(6 * HOUR,))
    assert rules.window() is None
    kept = rules.window(to_state(rules.empty_window()))
    assert kept is not None
    assert kept.source == "odds_api"
