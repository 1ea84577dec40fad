"""An existing DataSourceValidator's result as a QualityScore, so that both kinds of verdict read alike.

Duck-typed: attributes or mapping keys `completeness, consistency, validity, uniqueness, timeliness`, `overall_score`
(or `score`), `issues` with `severity` and `message`, and a row count; the numbers may also lie one level down, in
`metrics`, `quality_metrics` or `scores`. The scale is declared, never guessed: 0.93 on a
scale of 100 is a disaster.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.quality import CheckResult, CheckSeverity, Dimension, QualityScore, exact, no_data
from busta_health_dagster.engines.quality_score import score_metrics

_OVERALL = ("overall_score", "overall", "quality_score", "score")
_ROWS = ("total_records", "record_count", "row_count", "total_rows", "rows")
_INSIDE = ("metrics", "quality_metrics", "scores")
_TEXT = ("message", "description", "detail", "text")
_COLUMN = ("column", "field", "column_name", "field_name")
_ALIASES = {"WARN": "WARNING", "FATAL": "CRITICAL", "HIGH": "ERROR", "MEDIUM": "WARNING", "LOW": "INFO"}


def from_validator(result: Any, *, scale: int, rows: int | None = None) -> QualityScore:
    """Map a validator's result. `scale` is 1 or 100; `rows` wins over the row count the result carries.

    The five metrics make raw by our weights; each issue caps it by its severity, as a failing check would. What the
    validator itself called the overall score is noted when it differs.

    Raises:
        BadInput: a metric is no number or off its scale, an issue has an unknown severity, or nothing was found at all.
    """
    if scale not in {1, 100}:
        raise BadInput(f"scale {scale!r}: a validator's metrics are on a scale of 1 or of 100; declare which")
    if result is None:
        return no_data("the validator returned nothing")
    count = rows if rows is not None else _rows(result)
    if count == 0:
        return no_data("zero rows: nothing to evaluate")
    metrics = {d: m for d in Dimension if (m := _metric(result, d.value, scale)) is not None}
    overall = next((m for name in _OVERALL if (m := _metric(result, name, scale)) is not None), None)
    if not metrics and overall is None:
        wanted = ", ".join([*Dimension, *_OVERALL])
        raise BadInput(f"the validator's result ({type(result).__name__}) has none of: {wanted}")
    known = [*metrics.values(), *([overall] if overall is not None else [])]
    if scale == 100 and 0 < max(known) <= Fraction(1, 100):
        raise BadInput("every metric is at most 1 on a declared scale of 100; is the validator's scale 1?")
    issues = [_issue(i, entry) for i, entry in enumerate(_get(result, "issues") or [])]
    verdict = score_metrics(metrics, issues, rows=count or 0, overall=overall)
    if overall is not None and verdict.raw is not None and abs(float(overall) * 100 - verdict.raw) >= 0.1:
        note = (
            f"the validator itself says {float(overall) * 100:.1f}; by our weights its metrics make {verdict.raw:.1f}"
        )
        verdict = replace(verdict, notes=(*verdict.notes, note))
    return verdict


def _get(result: Any, name: str) -> Any:
    return result.get(name) if isinstance(result, Mapping) else getattr(result, name, None)


def _figure(result: Any, name: str) -> Any:
    """A number of the result itself, else of the object that holds its numbers."""
    inside = (held for n in _INSIDE if (held := _get(result, n)) is not None and not callable(held))
    return next((v for holder in (result, *inside) if (v := _get(holder, name)) is not None), None)


def _rows(result: Any) -> int | None:
    return next((v for n in _ROWS if isinstance(v := _figure(result, n), int) and not isinstance(v, bool)), None)


def _metric(result: Any, name: str, scale: int) -> Fraction | None:
    value = _figure(result, name)
    if value is None and not isinstance(result, Mapping):
        value = _figure(result, f"{name}_score")
    if value is None or callable(value):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadInput(f"the validator's {name} is {value!r}, not a number")
    if not 0 <= value <= scale:
        hint = "; declare scale: 100" if scale == 1 and value <= 100 else ""
        raise BadInput(f"the validator's {name} is {value}, outside its scale of 0 to {scale}{hint}")
    return exact(value) / scale


def _issue(index: int, entry: Any) -> CheckResult:
    """An issue as a failed check of its severity. It weighs nothing in the mean (the metrics already carry it): it
    caps.
    """
    severity = _get(entry, "severity")
    word = str(getattr(severity, "value", severity)).upper()
    word = _ALIASES.get(word, word)
    if word not in CheckSeverity.__members__:
        name = getattr(severity, "name", "").upper()
        if name not in CheckSeverity.__members__:
            raise BadInput(
                f"issue {index} of the validator has the severity {severity!r}; known: {', '.join(CheckSeverity)}"
            )
        word = name
    text = next((str(v) for n in _TEXT if (v := _get(entry, n))), "no message")
    column = next((str(v) for n in _COLUMN if (v := _get(entry, n))), None)
    kind = str(_get(entry, "dimension") or _get(entry, "category") or "").lower()
    dimension = Dimension(kind) if kind in set(Dimension) else Dimension.VALIDITY
    return CheckResult(f"issue.{index + 1}", dimension, column, CheckSeverity(word), 1, 1, table=True, why=text[:300])
