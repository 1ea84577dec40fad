"""An existing validator's verdict reads like ours: same weights, same caps, its own opinion noted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.quality import Dimension
from busta_health_dagster.engines.quality_score import combine
from busta_health_dagster.quality.validator import from_validator


class Level(Enum):
    INFO = "info"
    WARNING = 2
    CRITICAL = "critical"


@dataclass
class Result:
    completeness: float = 1.0
    consistency: float = 1.0
    validity: float = 0.9
    uniqueness: float = 1.0
    timeliness: float = 1.0
    overall_score: float = 0.975
    issues: list[Any] = field(default_factory=list)
    total_records: int = 500


def test_five_metrics_make_the_score_by_our_weights():
    found = from_validator(Result(), scale=1)
    assert (found.score, found.coverage, found.rows, found.notes) == (97.5, 100.0, 500, ())
    assert found.dimensions[Dimension.VALIDITY] == 90.0


def test_issues_cap_by_their_severity_and_are_kept_readable():
    issues = [
        {"severity": "error", "message": "gap in ids", "column": "id"},
        SimpleNamespace(severity=Level.WARNING, description="slow"),
    ]
    found = from_validator(Result(issues=issues), scale=1)
    assert found.score == 89.0
    assert found.caps[0].reason == "ERROR check failed: gap in ids"
    assert from_validator(Result(issues=[{"severity": Level.CRITICAL, "message": "m"}] * 2), scale=1).score == 59.0
    assert from_validator(Result(issues=[{"severity": "INFO", "message": "m"}]), scale=1).score == 97.5


def test_the_validators_own_overall_is_shown_where_it_differs():
    assert (
        "itself says 80.0; by our weights its metrics make 97.5"
        in from_validator(Result(overall_score=0.8), scale=1).notes[0]
    )
    alone = from_validator({"score": 93, "rows": 10}, scale=100)
    assert (alone.score, alone.coverage, alone.provisional) == (93.0, 0.0, True)


@pytest.mark.parametrize("name", ["metrics", "quality_metrics", "scores"])
def test_figures_one_level_down_are_found(name):
    outer = SimpleNamespace(
        **{name: Result(issues=[])}, issues=[{"severity": "error", "message": "gap"}], total_records=40
    )
    found = from_validator(outer, scale=1)
    assert (found.raw, found.score, found.rows) == (97.5, 89.0, 40)
    assert from_validator({name: {"validity": 0.5, "completeness": 1.0}}, scale=1, rows=10).score == 75.0


def test_no_rows_and_no_result_are_no_data():
    assert from_validator(Result(total_records=0), scale=1).score is None
    assert from_validator(None, scale=1).reason == "the validator returned nothing"


@pytest.mark.parametrize(
    ("result", "scale", "message"),
    [
        (Result(validity=93), 1, "declare scale: 100"),
        (Result(validity=float("nan")), 1, "not a number"),
        (Result(), 100, "is the validator's scale 1"),
        (Result(issues=[{"severity": "odd"}]), 1, "issue 0"),
        ({"a": 1}, 1, "has none of"),
        (Result(), 10, "scale of 1 or of 100"),
    ],
)
def test_what_cannot_be_mapped_is_refused_with_the_remedy(result, scale, message):
    with pytest.raises(BadInput, match=message):
        from_validator(result, scale=scale)


def test_suite_and_validator_together_the_worse_rules():
    ruling = combine(
        from_validator(Result(validity=1.0, overall_score=1), scale=1), from_validator(Result(timeliness=0), scale=1)
    )
    assert ruling.score == 82.5
    assert "timeliness: suite 100.0, validator 0.0" in ruling.notes
