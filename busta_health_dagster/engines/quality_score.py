"""From check results to a quality score: the one definition (semantics section 9), in exact arithmetic.

    r        = 1 - unexpected / eligible        errored: 0; nothing eligible: not evaluated
    group    = (dimension, column)              r = the worst of its checks, weight = the largest severity x weight
    dimension= weighted mean of its groups
    raw      = weighted mean of the dimensions present
    score    = min(raw, caps), floored to 0.1

Taking the worst of a group is what keeps twenty easy checks on one column from hiding the one that fails.
Fractions, not floats: a source that is exactly at 89 must not be shown as 88.9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from busta_health_dagster.domain.quality import Cap, CheckSeverity, Dimension, QualityScore, exact, no_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from busta_health_dagster.domain.quality import CheckResult

DIMENSION_WEIGHTS = {
    Dimension.COMPLETENESS: 25,
    Dimension.VALIDITY: 25,
    Dimension.CONSISTENCY: 20,
    Dimension.UNIQUENESS: 15,
    Dimension.TIMELINESS: 15,
}
FURTHER_CRITICAL = 10
PROVISIONAL_BELOW = 60.0  # percent of coverage: below it, three of the five dimensions at best were checked
_Z2 = 1.959963984540054**2


def score(checks: Iterable[CheckResult], *, rows: int, total_rows: int | None = None) -> QualityScore:
    """Score the results of one validation over `rows` rows. The order of the checks does not matter.

    Returns NO_DATA (`score` None, `reason` set) for zero rows, no checks, or nothing that could be evaluated.
    """
    results = tuple(sorted(checks, key=lambda c: c.id))
    if rows == 0:
        return no_data("zero rows: nothing to evaluate", checks=results)
    if not results:
        return no_data("the suite has no checks", rows=rows)
    groups = _groups(results)
    coverage = _coverage(results, groups)
    means = {d: _mean([(g.ratio, g.weight) for g in groups if g.dimension is d]) for d in Dimension}
    present = {d: m for d, m in means.items() if m is not None}
    if not present:
        return no_data(
            "no check could be evaluated (no eligible values, or INFO checks only)", rows=rows, checks=results
        )
    total_weight = sum(DIMENSION_WEIGHTS[d] for d in present)
    raw = sum((DIMENSION_WEIGHTS[d] * m for d, m in present.items()), Fraction(0)) * 100 / total_weight
    caps = _caps(results)
    final = min([raw, *(Fraction(c.limit) for c in caps)])
    return QualityScore(
        score=math.floor(final * 10) / 10,
        raw=float(raw),
        half_width=_half_width(groups, total_weight),
        coverage=coverage,
        dimensions={d: float(m * 100) for d, m in present.items()},
        caps=caps,
        checks=results,
        rows=rows,
        total_rows=total_rows,
        provisional=coverage < PROVISIONAL_BELOW,
    )


def score_metrics(
    metrics: Mapping[Dimension, Fraction], issues: Iterable[CheckResult], *, rows: int, overall: Fraction | None = None
) -> QualityScore:
    """The same score from shares (0-1) per dimension that someone else computed, capped by the issues they found.

    Without any dimension `overall` is the raw score, with coverage 0 and so provisional. Nothing is known of the
    sampling, so the half-width is 0.
    """
    found = tuple(issues)
    total = sum(DIMENSION_WEIGHTS[d] for d in metrics)
    if not total and overall is None:
        return no_data("no metric and no overall score", rows=rows, checks=found)
    weighted = sum((DIMENSION_WEIGHTS[d] * m for d, m in metrics.items()), Fraction(0))
    raw = 100 * weighted / total if total else 100 * (overall or Fraction(0))
    caps = _caps(found)
    final = min([raw, *(Fraction(c.limit) for c in caps)])
    shown = {d: float(metrics[d] * 100) for d in Dimension if d in metrics}
    provisional = total < PROVISIONAL_BELOW
    return QualityScore(
        math.floor(final * 10) / 10,
        float(raw),
        0.0,
        float(total),
        shown,
        caps,
        found,
        rows,
        rows,
        provisional=provisional,
    )


def combine(suite: QualityScore, validator: QualityScore) -> QualityScore:
    """The worse of two verdicts rules; the notes say how they differ. NO_DATA yields to a verdict."""
    if suite.score is None or validator.score is None:
        ruling, other = (validator, suite) if suite.score is None else (suite, validator)
        if ruling.score is None:
            return replace(ruling, reason=f"suite: {suite.reason}; validator: {validator.reason}")
        silent = "suite" if other is suite else "validator"
        return replace(ruling, notes=(*ruling.notes, f"the {silent} had no verdict: {other.reason}"))
    worse = validator if validator.score < suite.score else suite
    name = "validator" if worse is validator else "suite"
    notes = [f"suite {suite.score:.1f}, validator {validator.score:.1f}: the {name} rules"]
    for dimension in Dimension:
        a, b = suite.dimensions.get(dimension), validator.dimensions.get(dimension)
        if a is None and b is None:
            continue
        if a is None or b is None:
            notes.append(f"{dimension}: evaluated by the {'validator' if a is None else 'suite'} only")
        elif abs(a - b) >= 0.1:
            notes.append(f"{dimension}: suite {a:.1f}, validator {b:.1f}")
    return replace(worse, notes=(*worse.notes, *notes))


@dataclass(frozen=True, slots=True)
class _Group:
    """All checks of one column in one dimension; `worst` gives the ratio."""

    dimension: Dimension
    ratio: Fraction
    weight: Fraction
    worst: CheckResult


def _groups(results: tuple[CheckResult, ...]) -> list[_Group]:
    """INFO checks weigh nothing, so they take no part: they may not drag a column's minimum down either."""
    members: dict[tuple[Dimension, str | None], list[tuple[Fraction, CheckResult]]] = {}
    for check in results:
        ratio = check.ratio
        if ratio is not None and check.power > 0:
            members.setdefault((check.dimension, check.column), []).append((ratio, check))
    groups = []
    for (dimension, _), found in members.items():
        # Among equals the fewest eligible rows: the widest interval is the honest one, and the choice is order-free.
        ratio, worst = min(found, key=lambda pair: (pair[0], pair[1].eligible, pair[1].id))
        groups.append(_Group(dimension, ratio, max(c.power for _, c in found), worst))
    return groups


def _mean(pairs: list[tuple[Fraction, Fraction]]) -> Fraction | None:
    weight = sum((w for _, w in pairs), Fraction(0))
    return sum((r * w for r, w in pairs), Fraction(0)) / weight if weight else None


def _coverage(results: tuple[CheckResult, ...], groups: list[_Group]) -> float:
    """Percent of the five dimensions' weight that was evaluated: missing dimensions and empty columns both lower it."""
    declared: dict[tuple[Dimension, str | None], Fraction] = {}
    for check in results:
        key = (check.dimension, check.column)
        declared[key] = max(declared.get(key, Fraction(0)), check.power)
    covered = Fraction(0)
    for dimension, weight in DIMENSION_WEIGHTS.items():
        written = sum((w for (d, _), w in declared.items() if d is dimension), Fraction(0))
        evaluated = sum((g.weight for g in groups if g.dimension is dimension), Fraction(0))
        if written:
            covered += weight * min(evaluated / written, Fraction(1))
    return math.floor(covered * 10) / 10


def _caps(results: tuple[CheckResult, ...]) -> tuple[Cap, ...]:
    """One cap per failing check that has one, tightest first."""
    caps: list[Cap] = []
    critical = 0
    for check in results:
        ratio, limit = check.ratio, check.severity.cap
        if ratio is None or limit is None or check.power == 0 or check.passed:
            continue
        if check.severity is CheckSeverity.CRITICAL:
            limit = max(0, limit - FURTHER_CRITICAL * critical)
            critical += 1
        caps.append(Cap(limit, check.id, _cap_reason(check, ratio)))
    return tuple(sorted(caps, key=lambda c: (c.limit, c.check)))


def _cap_reason(check: CheckResult, ratio: Fraction) -> str:
    if check.error is not None:
        return f"{check.severity} check could not run: {check.error}"
    if check.table:
        return f"{check.severity} check failed" + (f": {check.why}" if check.why else "")
    share = math.floor(ratio * 100_000) / 1000
    wanted = float(exact(check.mostly) * 100)
    return (
        f"{check.severity} check: {share:g}% of {check.eligible} passed, {wanted:g}% wanted ({check.unexpected} failed)"
    )


def _half_width(groups: list[_Group], total_weight: int) -> float:
    """95% half-width of raw in points: Agresti-Coull per group; table-level and errored checks are certain."""
    variance = 0.0
    for dimension, dimension_weight in DIMENSION_WEIGHTS.items():
        members = [g for g in groups if g.dimension is dimension]
        weight = float(sum((g.weight for g in members), Fraction(0)))
        for group in members:
            check = group.worst
            if check.table or check.error is not None:
                continue
            n = check.eligible + _Z2
            p = (check.eligible - check.unexpected + _Z2 / 2) / n
            share = dimension_weight / total_weight * float(group.weight) / weight
            variance += share * share * p * (1 - p) / n
    return 100 * math.sqrt(_Z2 * variance)
