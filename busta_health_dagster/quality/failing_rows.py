"""Which rows failed, without showing what is in them: keys by default, other values as shapes, unless a column is
declared public.

GX is asked again with index lists, only when someone wants to see rows. Results of ordinary runs never hold a value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.quality import FailingRow
from busta_health_dagster.quality.derive import derive
from busta_health_dagster.quality.flattening import rows_of
from busta_health_dagster.quality.frame import MAX_ROWS, rows_to_frame

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import pandas as pd

    from busta_health_dagster.quality.runner import GxRunner
    from busta_health_dagster.quality.suite import CheckSpec, Suite

PER_CHECK = 20
_LONGEST = 60


def failing_rows(
    runner: GxRunner,
    source: str,
    suite: Suite,
    rows: Any,
    now: datetime,
    *,
    failed: Iterable[str] | None = None,
    per_check: int = PER_CHECK,
) -> tuple[FailingRow, ...]:
    """At most `per_check` failing rows for each row-level check (of those named in `failed`, when given)."""
    frame = derive(rows_to_frame(rows_of(rows, suite.layout)[:MAX_ROWS], suite.layout), suite, now).reset_index(
        drop=True
    )
    if frame.empty:
        return ()
    wanted = None if failed is None else set(failed)
    checks = [c for c in suite.checks if not c.table and (wanted is None or c.id in wanted)]
    found: list[FailingRow] = []
    for check_id, positions in runner.locate(source, suite, frame, checks).items():
        spec = suite.check(check_id)
        found.extend(_row(suite, spec, frame, int(p), len(positions)) for p in sorted(positions)[:per_check])
    return tuple(found)


def _row(suite: Suite, spec: CheckSpec, frame: pd.DataFrame, row: int, of: int) -> FailingRow:
    keys = {k: _shown(frame[k].iloc[row]) for k in suite.keys if k in frame.columns}
    derived = {d.column: d.sources for d in suite.derivations}
    read = dict.fromkeys(s for c in spec.columns for s in (c, *derived.get(c, ())))
    values = {}
    for column in read:
        if column in keys or column not in frame.columns:
            continue
        value = frame[column].iloc[row]
        values[column] = _shown(value) if column in suite.public or column in derived else mask(value)
    return FailingRow(spec.id, row, keys, values, of)


def mask(value: Any) -> str:
    """The shape of a value: letters become a or A, digits 9. `12.0 oz` -> `99.9 aa`; a null is called null."""
    if _is_null(value):
        return "null"
    text = "".join(
        "9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in str(value)[:_LONGEST]
    )
    return text or "(empty)"


def _shown(value: Any) -> str:
    return "null" if _is_null(value) else str(value)[:_LONGEST]


def _is_null(value: Any) -> bool:
    return value is None or value != value or type(value).__name__ in {"NAType", "NaTType"}  # noqa: PLR0124 - NaN differs from itself
