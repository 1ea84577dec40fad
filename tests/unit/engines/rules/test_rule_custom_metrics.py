"""Rules on a source's own numbers: where they stand in the window, when they are new, and what each kind of rule makes of them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from alert_engine_stories import HOUR, ODDS, T0, TICK, look

from busta_health_dagster.domain.custom_metric import CustomMetric
from busta_health_dagster.domain.rule import Condition, Pattern, Rule
from busta_health_dagster.domain.verdict import Outcome
from busta_health_dagster.engines.rules import Needs, SourceWindow, evaluate_rules, rules_for, to_state
from busta_health_dagster.engines.rules import metrics as m
from busta_health_dagster.engines.rules.window_state import restore

BOARD = replace(ODDS, metrics=(CustomMetric("books", path="$"), CustomMetric("left", header="x")))
BOOKS, LEFT = m.FIRST_CUSTOM, m.FIRST_CUSTOM + 1
FEW = Rule("few", Pattern.THRESHOLD, (Condition("books", "<", 5.0),))
NONE = Rule("none", Pattern.THRESHOLD, (Condition("books", "<", 5.0), Condition("left", "<", 100.0)), combine="all")
MEAN = Rule("mean", Pattern.THRESHOLD, (Condition("books", "<", 5.0, over_s=HOUR, agg="mean"),))
USED_UP = Rule("used-up", Pattern.TREND, (Condition("left", "<", 0.0),), over_s=HOUR, within_s=2 * HOUR)


def says(rule: Rule, *observed: dict[str, float]) -> tuple[Outcome, str] | None:
    """What the rule makes of the newest of these observations; None: nothing of it was new."""
    rules = rules_for(BOARD, [rule])
    window = rules.empty_window()
    found = []
    for n, metrics in enumerate(observed):
        window.push(look(n, source=BOARD, metrics=metrics))
        found = evaluate_rules(rules, window, watched={rule.name})
    return (found[0][1].outcome, found[0][1].reason) if found else None


@pytest.mark.parametrize(
    ("metrics", "values", "bits"),
    [
        ({"books": 3.0, "left": 0.0}, [3.0, 0.0], 1 << BOOKS | 1 << LEFT),
        ({"left": 7.0}, [None, 7.0], 1 << LEFT),
        ({"elsewhere": 7.0}, [None, None], 0),
        ({}, [None, None], 0),
    ],
)
def test_only_what_was_measured_is_new_and_stands_behind_the_gap(metrics, values, bits):
    window = SourceWindow(BOARD, Needs())
    window.push(look(0, source=BOARD, metrics={"books": 1.0, "left": 1.0}))
    plain = SourceWindow(ODDS, Needs())
    for number, w in ((0, window), (1, plain)):
        w.push(look(1, source=(BOARD, ODDS)[number], metrics=metrics))
    assert window.values == [*plain.values, *[None] * (m.FIRST_CUSTOM - len(m.METRICS)), *values]
    assert window.fresh == plain.fresh | bits


def test_a_slot_of_plain_values_has_none_of_its_numbers():
    window = SourceWindow(BOARD, Needs())
    window.push(look(0, source=BOARD, metrics={"books": 1.0}))
    assert window.feed(T0 + TICK, 1, 200.0)
    assert window.values[m.FIRST_CUSTOM :] == [None, None]


def test_each_kind_of_rule_reads_the_number_it_names():
    assert says(FEW, {"books": 4.0, "left": 999.0}) == (Outcome.BAD, "4, limit 5")
    assert says(FEW, {"books": 5.0, "left": 1.0}) == (Outcome.GOOD, "5, limit 5")
    assert says(FEW, {"books": 4.0}, {"left": 1.0}) is None
    assert says(NONE, {"books": 4.0, "left": 99.0})[0] is Outcome.BAD
    assert says(NONE, {"books": 4.0, "left": 100.0})[0] is Outcome.GOOD
    assert says(NONE, {"books": 4.0})[0] is Outcome.UNKNOWN
    assert says(MEAN, *({"books": float(n), "left": 99.0} for n in range(12)))[0] is Outcome.GOOD
    assert says(MEAN, *({"books": n / 2, "left": 99.0} for n in range(12)))[0] is Outcome.BAD
    falling = [{"left": 1200.0 - 50 * n, "books": 50.0} for n in range(12)]
    assert says(USED_UP, *falling)[0] is Outcome.BAD
    assert says(USED_UP, *({"left": 1200.0, "books": one["left"]} for one in falling))[0] is Outcome.GOOD


def test_a_rule_on_a_number_that_a_source_has_not_is_left_out_with_the_reason():
    rules = rules_for(ODDS, [FEW, NONE])
    assert rules.evaluators == ()
    assert rules.not_applied == (("few", "the source has no metric books"), ("none", "the source has no metric books"))
    only_one = replace(ODDS, metrics=BOARD.metrics[:1])
    assert rules_for(only_one, [NONE]).not_applied == (("none", "the source has no metric left"),)


def test_a_kept_window_fits_only_a_source_with_the_same_numbers_in_the_same_order():
    needs = Needs((("books", HOUR), ("gone", HOUR), ("items", HOUR)))
    window = SourceWindow(BOARD, needs)
    for n in range(3):
        window.push(look(n, source=BOARD, items=30 + n, metrics={"books": 5.0 + n, "left": 9.0}))
    state = json.loads(json.dumps(to_state(window)))
    assert state["sig"].endswith("|books,left")
    assert set(state["series"]) == {"books", "items"}, "a rule may name a number that this source has not"
    kept = restore(BOARD, needs, state)
    assert kept is not None
    assert kept.values == window.values
    assert list(kept.series[BOOKS].values) == [(T0 + n * TICK, 5.0 + n) for n in range(3)]
    for metrics in ((), BOARD.metrics[:1], BOARD.metrics[::-1]):
        assert restore(replace(BOARD, metrics=metrics), needs, state) is None


def test_silence_is_counted_in_whole_intervals():
    window = SourceWindow(ODDS, Needs())
    window.close(T0 + 10)
    window.close(T0 + 10 + 5 * TICK // 2)
    assert repr(window.missing_intervals()) == "3"
    window.push(look(5))
    window.close(T0 + 5 * TICK + 5 * TICK // 2)
    assert repr(window.missing_intervals()) == "2"
