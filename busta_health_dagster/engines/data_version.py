"""Which content a source delivers: the same version means the same data, a new one means new data.

Dagster starts what is downstream when a source has new data, so that an observation of the old ones must not look new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Status

if TYPE_CHECKING:
    from busta_health_dagster.domain.observation import Observation, SourceState

_MARKS = ("data_version", "newest", "content")
"""Facts that tell contents apart, best first: what a probe of a third party says, the newest time in the data (pages that
print the time of day change with every request), the server's ETag or a hash."""


def data_version(seen: Observation | SourceState) -> str | None:
    """None where it cannot be told: the source gave no data, or nothing about it that tells contents apart."""
    if seen.status not in (Status.UP, Status.DEGRADED):
        return None
    mark = next((str(seen.facts[name]) for name in _MARKS if seen.facts.get(name)), None)
    counted = None if seen.items is None else f"{seen.items} items"
    said = [part for part in (mark, counted) if part is not None]
    return ", ".join(said)[:200] if said else None
