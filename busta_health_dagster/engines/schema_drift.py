"""Has the shape of a source changed? Two snapshots in, findings with severity and an explanation out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.quality import CheckResult, CheckSeverity, Dimension

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.domain.quality import ColumnShape, SchemaSnapshot

NULL_JUMP = 0.10  # points of share: less is everyday variation in every feed we measured
VOLUME_WARNING = 0.5  # half the rows, or twice as many
VOLUME_ERROR = 0.1  # a tenth: the source is there, and nearly empty
WIDENED = {("integer", "number")}  # 3 where 3.0 was possible: the same numbers, so a warning and not an error


@dataclass(frozen=True, slots=True)
class Drift:
    """One change. `kind` is added, removed, retyped, null_rate or volume; `column` is None for volume."""

    kind: str
    column: str | None
    severity: CheckSeverity
    explanation: str


def drift(learned: SchemaSnapshot, seen: SchemaSnapshot, *, volume_error: float = VOLUME_ERROR) -> tuple[Drift, ...]:
    """What changed between the learned shape and the one just seen, gravest first. An empty `seen` is no shape: no
    findings. `volume_error`: with this share of the rows or less, the volume is an ERROR.
    """
    if seen.rows == 0 or learned.rows == 0:
        return ()
    found = [*_columns(learned, seen), *_volume(learned, seen, volume_error)]
    return tuple(sorted(found, key=lambda d: (-d.severity.weight, d.kind, d.column or "")))


def drift_checks(
    learned: SchemaSnapshot, seen: SchemaSnapshot, *, volume_error: float = VOLUME_ERROR
) -> tuple[CheckResult, ...]:
    """The same as two table-level checks, so that drift counts in the score: `schema.columns` and `schema.volume`."""
    if seen.rows == 0 or learned.rows == 0:
        return ()
    findings = drift(learned, seen, volume_error=volume_error)
    return (
        _check("schema.columns", Dimension.CONSISTENCY, [f for f in findings if f.kind != "volume"]),
        _check("schema.volume", Dimension.COMPLETENESS, [f for f in findings if f.kind == "volume"]),
    )


def _check(check_id: str, dimension: Dimension, findings: Iterable[Drift]) -> CheckResult:
    counted = [f for f in findings if f.severity is not CheckSeverity.INFO]
    worst = max((f.severity for f in counted), key=lambda s: s.weight, default=CheckSeverity.WARNING)
    why = "; ".join(f.explanation for f in counted) or "columns, types, null rates and volume are as learned"
    return CheckResult(check_id, dimension, None, worst, eligible=1, unexpected=int(bool(counted)), table=True, why=why)


def _columns(learned: SchemaSnapshot, seen: SchemaSnapshot) -> list[Drift]:
    found = []
    before, after = {c.name: c for c in learned.columns}, {c.name: c for c in seen.columns}
    for name in before.keys() - after.keys():
        text = f"column {name} ({before[name].type}) is gone"
        twin = _renamed(before[name], [after[n] for n in after.keys() - before.keys()])
        found.append(
            Drift("removed", name, CheckSeverity.ERROR, text + (f"; perhaps renamed to {twin}" if twin else ""))
        )
    found.extend(
        Drift("added", name, CheckSeverity.INFO, f"column {name} ({after[name].type}) is new")
        for name in after.keys() - before.keys()
    )
    for name in before.keys() & after.keys():
        found.extend(_changed(before[name], after[name], learned.rows, seen.rows))
    return found


def _renamed(gone: ColumnShape, new: list[ColumnShape]) -> str | None:
    plain = gone.name.lower().replace("_", "").replace("-", "").replace(" ", "")
    for column in new:
        other = column.name.lower().replace("_", "").replace("-", "").replace(" ", "")
        if column.type == gone.type and (plain in other or other in plain):
            return column.name
    return None


def _changed(before: ColumnShape, after: ColumnShape, rows_before: int, rows_after: int) -> list[Drift]:
    found = []
    if before.type != after.type and "null" not in {before.type, after.type}:
        mild = (before.type, after.type) in WIDENED or (after.type, before.type) in WIDENED
        severity = CheckSeverity.WARNING if mild else CheckSeverity.ERROR
        found.append(
            Drift("retyped", before.name, severity, f"column {before.name} was {before.type}, is {after.type}")
        )
    jump = after.null_rate - before.null_rate
    # Agresti-Coull: one null among six rows is no evidence of a jump, although the plain variance would say so.
    spread = sum(_spread(rate, rows) for rate, rows in ((before.null_rate, rows_before), (after.null_rate, rows_after)))
    noise = 3 * math.sqrt(spread)
    if jump > max(NULL_JUMP, noise):
        severity = CheckSeverity.ERROR if after.null_rate >= 0.5 > before.null_rate else CheckSeverity.WARNING
        text = f"column {before.name} was {before.null_rate:.1%} null, is {after.null_rate:.1%}"
        found.append(Drift("null_rate", before.name, severity, text))
    return found


def _spread(rate: float, rows: int) -> float:
    p = (rate * rows + 2) / (rows + 4)
    return p * (1 - p) / (rows + 4)


def _volume(learned: SchemaSnapshot, seen: SchemaSnapshot, error_at: float) -> list[Drift]:
    if learned.truncated or seen.truncated:
        return []
    ratio = seen.rows / learned.rows
    if max(VOLUME_WARNING, error_at) < ratio < 1 / VOLUME_WARNING:
        return []
    severity = CheckSeverity.ERROR if ratio <= error_at else CheckSeverity.WARNING
    return [Drift("volume", None, severity, f"{seen.rows} rows, {learned.rows} learned ({ratio:.0%})")]
