"""Jobs that wait at the gate, checks that can be decided, and where the value of a custom metric stands."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_engine_stories import ODDS, T0

from busta_health_dagster.domain.custom_metric import CustomMetric
from busta_health_dagster.domain.rule import Limits, Pattern, Rule
from busta_health_dagster.domain.verdict import ExternalFact, Outcome
from busta_health_dagster.engines.rules.asset_checks import decidable_checks
from busta_health_dagster.engines.rules.external import HELD_S, evaluate_external
from busta_health_dagster.engines.rules.metrics import FIRST_CUSTOM, METRICS, index_of, position, width
from busta_health_dagster.wording.durations import duration_text

HELD = Rule("bets-held", Pattern.GATE_HELD)


def fact(held_s: int, *, ok: bool | None = False, name: str = "place_bets") -> ExternalFact:
    return ExternalFact("gate", name, ok, T0, "odds_api is down", held_s=held_s)


@pytest.mark.parametrize(
    ("rule", "held_s", "outcome", "limit"),
    [
        (HELD, HELD_S - 1, Outcome.UNKNOWN, "10m"),
        (HELD, HELD_S, Outcome.BAD, "10m"),
        (replace(HELD, over_s=120), 119, Outcome.UNKNOWN, "2m"),
        (replace(HELD, over_s=120), 120, Outcome.BAD, "2m"),
    ],
)
def test_a_job_that_waits_is_bad_from_its_limit_on(rule: Rule, held_s: int, outcome: Outcome, limit: str) -> None:
    (verdict,) = evaluate_external(rule, [fact(held_s)])
    assert (verdict.outcome, verdict.slot, verdict.value) == (outcome, T0, float(held_s))
    assert verdict.limit == float(rule.over_s or HELD_S)
    assert verdict.reason == f"place_bets held for {duration_text(held_s)} (limit {limit}): odds_api is down"
    assert (verdict.label, verdict.settled, verdict.numbers) == ("place_bets", False, {"kind": "gate"})


def test_a_job_that_no_longer_waits_is_good_at_once() -> None:
    (verdict,) = evaluate_external(HELD, [replace(fact(0, ok=True), detail="released")])
    assert (verdict.outcome, verdict.slot) == (Outcome.GOOD, T0)
    assert verdict.reason == "place_bets does not wait: released"
    assert (verdict.label, verdict.settled) == ("place_bets", True)


def test_a_gate_that_cannot_be_asked_says_nothing_of_the_job() -> None:
    (verdict,) = evaluate_external(HELD, [replace(fact(HELD_S, ok=None), detail="the store is away")])
    assert (verdict.outcome, verdict.slot, verdict.label) == (Outcome.UNKNOWN, T0, "place_bets")
    assert (verdict.reason, verdict.settled) == ("place_bets: the store is away", False)


def test_a_check_is_decidable_where_it_has_a_limit_and_something_to_measure() -> None:
    every = Limits(response_ms=5_000.0, data_age_s=60.0, failure_ratio=0.05, failure_over_s=3_600, quality=90.0)
    plain = replace(ODDS, quality=None)
    assert decidable_checks(plain, Limits()) == ("connectivity",)
    assert decidable_checks(plain, every) == ("connectivity", "response_time", "failure_rate", "data_age")
    assert decidable_checks(replace(plain, probe="heartbeat"), every) == ("connectivity", "failure_rate", "data_age")
    assert decidable_checks(ODDS, Limits(), anomaly=True) == (
        ("connectivity", "quality", "anomaly") if ODDS.quality is not None else ("connectivity", "anomaly")
    )

    class Port:
        tells_age = False

    assert "data_age" not in decidable_checks(replace(plain, config=Port()), every)


def test_a_custom_metric_stands_behind_the_built_in_ones_in_the_order_of_the_file() -> None:
    board = replace(ODDS, metrics=(CustomMetric("books", path="$"), CustomMetric("left", header="x")))
    assert [position(name, board) for name in ("status", "quality", "books", "left", "gone")] == [
        0,
        METRICS.index("quality"),
        FIRST_CUSTOM,
        FIRST_CUSTOM + 1,
        None,
    ]
    assert index_of("left", board) == FIRST_CUSTOM + 1
    assert (width(ODDS), width(board)) == (len(METRICS), FIRST_CUSTOM + 2)
    with pytest.raises(AssertionError, match="has no metric gone: its rule was not compiled"):
        index_of("gone", board)
