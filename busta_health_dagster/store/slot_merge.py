"""Several lines of one slot become one observation, by the rule that makes one verdict of a timeslice.

A log that another monitor wrote every minute, of a source that is watched every five, loses nothing that way: keeping
the first line of each slot would make every outage begin late or never.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.units import iso
from busta_health_dagster.store.observation_csv import Rejected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.store.observation_csv import Row


def merge(rows: Sequence[Row]) -> tuple[Row, list[Rejected]]:
    """The lines of one slot of one source -> the line that stands for them, and those that say an instant again.

    Down if at least half of those with a verdict are down, degraded if at least half are down or degraded. What was
    measured is that of the newest line with this status: a real observation, not a mean of several. The quality is the newest.
    """
    notified = {row.at: row for row in reversed(rows)}
    again = [
        Rejected(row.file, row.line, f"a second observation at {iso(row.at)}; the first one counts")
        for row in rows
        if notified[row.at] is not row
    ]
    ordered = [notified[at] for at in sorted(notified)]
    status = _status([row.status for row in ordered])
    newest = [row for row in ordered if row.status is status][-1]
    quality = next((row.quality for row in reversed(ordered) if row.quality is not None), None)
    return replace(newest, quality=quality), again


def _status(seen: Sequence[Status]) -> Status:
    evaluated = len(seen) - seen.count(Status.UNKNOWN)
    if not evaluated:
        return Status.UNKNOWN
    down = seen.count(Status.DOWN)
    if 2 * down >= evaluated:
        return Status.DOWN
    return Status.DEGRADED if 2 * (down + seen.count(Status.DEGRADED)) >= evaluated else Status.UP
