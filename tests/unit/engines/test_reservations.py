"""A source that is up is called healthy only where no figure is past its limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from busta_health_dagster.domain.rule import Limits
from busta_health_dagster.domain.source import QualitySpec, Source
from busta_health_dagster.engines.reservations import reservations

SCORED = Source("odds_api", "odds", "http", quality=QualitySpec(suite="odds", every_s=3600))
LIMITS = Limits(failure_ratio=0.05, failure_over_s=6 * 3600, quality=90.0)
WELL: dict[str, Any] = {"quality": 90.0, "failure_percent": 5.0, "budget_left": 0.0, "open_alerts": 0}


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({}, ()),
        ({"quality": None, "failure_percent": None, "budget_left": None}, ()),
        ({"quality": 89.0}, ("quality 89.0, limit 90",)),
        ({"failure_percent": 7.25}, ("7.3% of checks failed, limit 5%",)),
        ({"budget_left": -65.0}, ("error budget −65.0%",)),
        ({"open_alerts": 2}, ("2 alerts open",)),
        (
            {"quality": 89.0, "failure_percent": 7.0, "budget_left": -0.5, "open_alerts": 1},
            ("quality 89.0, limit 90", "7% of checks failed, limit 5%", "error budget −0.5%", "1 alert open"),
        ),
    ],
)
def test_every_figure_past_its_limit_is_said_and_none_that_is_on_it(
    figures: dict[str, Any], said: tuple[str, ...]
) -> None:
    assert reservations(SCORED, LIMITS, **{**WELL, **figures}) == said


def test_without_a_rule_the_limit_of_a_score_is_what_the_source_promises() -> None:
    none = Limits()
    assert reservations(SCORED, none, **{**WELL, "quality": 89.9, "failure_percent": 99.0}) == (
        "quality 89.9, limit 90",
    )


def test_a_source_that_is_not_scored_any_more_is_not_held_to_an_old_score() -> None:
    assert reservations(replace(SCORED, quality=None), LIMITS, **{**WELL, "quality": 12.0}) == ()
