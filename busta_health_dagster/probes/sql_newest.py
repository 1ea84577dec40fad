"""The newest time of more rows than are fetched: the database says it, from all of them."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from busta_health_dagster.probes.ages import to_epoch

if TYPE_CHECKING:
    from busta_health_dagster.probes.ages import Ages, ColumnAge

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:([T ])\d\d:\d\d(?::\d\d(?:\.\d+)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?)?")


def newest_statement(query: str, column: str, example: Any, spec: ColumnAge, ages: Ages) -> str | None:
    """`max(column)` over all rows, of the times that count; None when this way of writing a time has no order that the
    database knows. `column` is quoted already, `example` one of its values.
    """
    bounds = [_literal(at, example, spec) for at in ages.counted]
    if None in bounds:
        return None
    end = "min" if spec.oldest else "max"
    return f"select {end}({column}) from ({query}\n) busta_rows where {column} between {bounds[0]} and {bounds[1]}"  # noqa: S608  the query is the configuration's own, the bounds are ours


def _literal(at: float, example: Any, spec: ColumnAge) -> str | None:
    """An epoch as the column writes it."""
    zone = ZoneInfo(spec.zone)
    if isinstance(example, datetime):
        local = datetime.fromtimestamp(int(at), example.tzinfo or zone)
        return f"'{local if example.tzinfo else local.replace(tzinfo=None)}'"
    if isinstance(example, date):
        return f"'{datetime.fromtimestamp(at, zone).date()}'"
    if isinstance(example, int | float | Decimal) and not isinstance(example, bool):
        epoch = to_epoch(example, spec.format)
        return None if not epoch else str(int(at * round(float(example) / epoch)))
    if not isinstance(example, str) or spec.format not in ("auto", "iso"):
        return None
    written = _ISO.fullmatch(example.strip())
    if written is None:
        return None
    between, offset = written.groups()
    if between is None:
        return f"'{datetime.fromtimestamp(at, zone).date()}'"
    home = zone if offset is None else datetime.fromisoformat(f"2000-01-01T00:00{offset}").tzinfo or zone
    local = datetime.fromtimestamp(int(at), home).replace(tzinfo=None)
    return f"'{local.isoformat(between)}'"
