"""What a source usually looks like, learned from its validations. Pure: a shape and the time in, the next memory out.

The shape follows slow change (volume, null rates). A real drift is held against it until it has lasted
a week (then it is the new normal) or a person says so; otherwise one bad validation would teach the next that bad is
normal, and no score would be bad twice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.quality import CheckSeverity, Learned
from busta_health_dagster.engines.schema_drift import drift

if TYPE_CHECKING:
    from busta_health_dagster.domain.quality import SchemaSnapshot
    from busta_health_dagster.engines.schema_drift import Drift

ENOUGH = 3
"""Validations before anything can drift: one observation cannot tell a column that comes and goes from one that is gone."""
NEW_NORMAL_S = 7 * 86400
_FOLLOW = 0.1


def reference(known: Learned | None) -> SchemaSnapshot | None:
    """What drift is evaluated against; None while too little was seen."""
    return known.shape if known is not None and known.seen >= ENOUGH else None


def learn(known: Learned | None, seen: SchemaSnapshot, now: int) -> tuple[Learned, tuple[Drift, ...]]:
    """The memory after one more validation, and what has drifted from the one before it (gravest first)."""
    if known is None:
        return Learned(seen, now), ()
    settled = known.seen >= ENOUGH
    found = drift(known.shape, seen) if settled else ()
    if not settled:
        return Learned(_joined(known.shape, seen), now, known.seen + 1), ()
    if any(d.severity is CheckSeverity.ERROR for d in found):
        since = known.drifting_since if known.drifting_since is not None else now
        if now - since >= NEW_NORMAL_S:
            return Learned(seen, now, ENOUGH), found
        return replace(known, drifting_since=since), found
    return Learned(_joined(known.shape, seen), known.learned_at, known.seen + 1), found


def accept(seen: SchemaSnapshot, now: int) -> Learned:
    """A person says that this is how it should look."""
    return Learned(seen, now, ENOUGH)


def _joined(shape: SchemaSnapshot, seen: SchemaSnapshot) -> SchemaSnapshot:
    """The columns that both have, a tenth of the way towards what was seen. A column of nulls has no type to teach.

    A new column is not taken in: one that comes and goes would be "removed" every other time. A person may accept it.
    """
    columns = []
    for old in shape.columns:
        new = seen.column(old.name)
        if new is not None:
            rate = old.null_rate + _FOLLOW * (new.null_rate - old.null_rate)
            columns.append(replace(old, type=old.type if new.type == "null" else new.type, null_rate=rate))
    rows = max(1, round(shape.rows + _FOLLOW * (seen.rows - shape.rows)))
    return replace(seen, columns=tuple(columns), rows=rows)
