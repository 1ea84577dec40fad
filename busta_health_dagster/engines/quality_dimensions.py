"""A validation as one verdict for each of its dimensions: what Dagster shows beside the score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from busta_health_dagster.domain.quality import CheckSeverity, Dimension
from busta_health_dagster.domain.verdict import CheckVerdict, Outcome
from busta_health_dagster.wording.lists import listed
from busta_health_dagster.wording.numbers import score as score_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.domain.quality import CheckResult, QualityScore

_NAMED_AT_MOST = 3


def dimension_verdicts(verdict: QualityScore, dimensions: Iterable[Dimension]) -> tuple[CheckVerdict, ...]:
    """One for each of `dimensions`. It passes while every check of the dimension reaches its `mostly`; checks of weight 0 are
    noted in the score and decide nothing here.
    """
    return tuple(_verdict(verdict, dimension) for dimension in dimensions)


def _verdict(verdict: QualityScore, dimension: Dimension) -> CheckVerdict:
    name = dimension.value
    if verdict.no_data:
        why = f"cannot be evaluated: {verdict.reason}"
        return CheckVerdict(name, Outcome.UNKNOWN, "WARN", why, came_to_nothing=True)
    checks = [c for c in verdict.checks if c.dimension is dimension and c.power > 0]
    decided = [c for c in checks if c.passed is not None]
    value = verdict.dimensions.get(dimension)
    if not decided or value is None:
        return CheckVerdict(name, Outcome.UNKNOWN, "WARN", "nothing could be evaluated", came_to_nothing=bool(checks))
    failed = [c for c in verdict.failing if c in decided]
    numbers = {"score": value, "checks": len(decided), "failed": len(failed)}
    head = f"{score_text(value)} of 100"
    if not failed:
        passed = "its check passes" if len(decided) == 1 else f"all {len(decided)} checks pass"
        return CheckVerdict(name, Outcome.GOOD, "WARN", f"{head}; {passed}", numbers)
    named = listed([c.id for c in failed], most=_NAMED_AT_MOST)
    return CheckVerdict(name, Outcome.BAD, _severity(failed), f"{head}; {len(failed)} failed: {named}", numbers)


def _severity(failed: Iterable[CheckResult]) -> Literal["WARN", "ERROR"]:
    grave = any(c.severity in {CheckSeverity.ERROR, CheckSeverity.CRITICAL} for c in failed)
    return "ERROR" if grave else "WARN"
