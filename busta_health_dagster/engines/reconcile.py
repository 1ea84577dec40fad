"""Two sources against each other: is each game of the odds in the scores, and do both say the same of it? Pure.

Rows are plain mappings under the names of their suites. Names may be spelt differently on both sides: `names` maps a
spelling to the one that counts.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.quality import CheckResult, CheckSeverity, Dimension

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from busta_health_dagster.domain.source import Reconcile

Row = dict[str, Any]
_SAME = 0.98
"""The share of matched records that must agree: one game whose kick-off one side has not yet moved is no alarm."""


def reconcile(
    spec: Reconcile, ours: Iterable[Row], theirs: Iterable[Row], names: Mapping[str, str]
) -> tuple[CheckResult, ...]:
    """`reconcile.found`: the share of our records that the other source has; then one check for each column compared.

    Where not one record is found the checks are errors that show both spellings: a score must not rest on a comparison
    that never happened.
    """
    canon = {_plain(spelling): _plain(name) for spelling, name in names.items()}
    left, right = _by_key(spec.on, ours, canon), _by_key([spec.theirs(c) for c in spec.on], theirs, canon)
    found = left.keys() & right.keys()
    return (
        _found(spec, left, right, len(found)),
        *(_same(spec, c, left, right, sorted(found), canon) for c in spec.compare),
    )


def _by_key(on: Sequence[str], rows: Iterable[Row], canon: Mapping[str, str]) -> dict[tuple[Any, ...], Row]:
    """The first record of each key; a record without one of its parts has no key."""
    out: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple(_part(row.get(column), canon) for column in on)
        if None not in key:
            out.setdefault(key, row)
    return out


def _found(spec: Reconcile, left: Mapping[Any, Row], right: Mapping[Any, Row], found: int) -> CheckResult:
    error = None
    if left and not found:
        here = " / ".join(map(str, next(iter(left))))
        there = " / ".join(map(str, next(iter(right)))) if right else "nothing"
        error = f"no record is in {spec.other}: here `{here}`, there `{there}`; correct `on`, or give `names` that translate"
    return CheckResult(
        "reconcile.found",
        Dimension.COMPLETENESS,
        ",".join(spec.on),
        CheckSeverity.ERROR,
        eligible=len(left),
        unexpected=len(left) - found,
        mostly=spec.found,
        error=error,
        why=f"what is here and not in {spec.other} is missing there, or wrong here",
    )


def _same(
    spec: Reconcile,
    column: str,
    left: Mapping[Any, Row],
    right: Mapping[Any, Row],
    found: Sequence[Any],
    canon: Mapping[str, str],
) -> CheckResult:
    there, most = spec.theirs(column), spec.tolerance.get(column, 0.0)
    pairs = [(left[key].get(column), right[key].get(there)) for key in found]
    both = [(a, b) for a, b in pairs if not _nothing(a) and not _nothing(b)]
    differ = sum(not _agree(a, b, most, canon) for a, b in both)
    return CheckResult(
        f"reconcile.{column}",
        Dimension.CONSISTENCY,
        column,
        CheckSeverity.ERROR,
        eligible=len(both),
        unexpected=differ,
        mostly=_SAME,
        why=f"{spec.other} says something else of the same record",
    )


def _agree(a: Any, b: Any, most: float, canon: Mapping[str, str]) -> bool:
    """Numbers and times within the tolerance (a time's is in seconds), everything else to the letter."""
    for read in (_number, _instant):
        x, y = read(a), read(b)
        if x is not None and y is not None:
            return abs(x - y) <= most
    return _part(a, canon) == _part(b, canon)


def _nothing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _part(value: Any, canon: Mapping[str, str]) -> str | None:
    if _nothing(value):
        return None
    text = _plain(int(value) if isinstance(value, float) and value.is_integer() else value)
    return canon.get(text, text)


def _plain(value: Any) -> str:
    return " ".join(str(value).split()).casefold()


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _instant(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp()
