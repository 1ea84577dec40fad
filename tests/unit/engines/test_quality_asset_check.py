"""The check `quality` of a source says what rule low-quality would say, and never more than it knows."""

from __future__ import annotations

import pytest

from busta_health_dagster.domain.rule import Limits
from busta_health_dagster.domain.source import QualitySpec, Source
from busta_health_dagster.domain.verdict import Outcome, Score
from busta_health_dagster.engines.rules import quality_check

NOW = 1_795_420_800
SOURCE = Source("odds_api", "odds", "http", quality=QualitySpec(suite="odds", every_s=3600))


@pytest.mark.parametrize(
    ("score", "limit", "outcome", "reason"),
    [
        (None, 90.0, Outcome.UNKNOWN, "no score yet"),
        (Score(NOW, None), 90.0, Outcome.UNKNOWN, "no score yet"),
        (Score(NOW, 90.0), 90.0, Outcome.GOOD, "score 90.0, limit 90"),
        (Score(NOW, 89.9), None, Outcome.BAD, "score 89.9, limit 90"),
        (Score(NOW, 89.0, 98.1, 1.4), 90.0, Outcome.BAD, "score 89.0, limit 90"),
        (Score(NOW, 89.5, 89.54, 1.4), 90.0, Outcome.UNKNOWN, "score 89.5, limit 90; too few rows to be sure"),
        (Score(NOW - 7200, 99.0), 90.0, Outcome.GOOD, "score 99.0, limit 90"),
        (Score(NOW - 7800, 99.0), 90.0, Outcome.UNKNOWN, "the newest score, 99.0, is 2 h 10 min old"),
    ],
)
def test_the_newest_score_against_its_limit(score, limit, outcome, reason) -> None:
    verdict = quality_check(SOURCE, Limits(quality=limit), score, NOW)
    assert not verdict.came_to_nothing
    assert (verdict.name, verdict.outcome, verdict.severity, verdict.reason) == ("quality", outcome, "WARN", reason)


def test_a_validation_without_a_score_takes_back_the_score_of_better_days() -> None:
    verdict = quality_check(
        SOURCE, Limits(quality=90.0), Score(NOW, 100.0), NOW, no_score="the source is down: HTTP 503"
    )
    assert (verdict.outcome, verdict.came_to_nothing) == (Outcome.UNKNOWN, True)
    assert verdict.reason == "cannot be evaluated: the source is down: HTTP 503"
