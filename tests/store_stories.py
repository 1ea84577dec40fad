"""Words that the stories about the store share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.source import Source

if TYPE_CHECKING:
    from busta_health_dagster.store import Store

T0 = 1_794_787_200  # 2026-11-16T00:00:00Z, a Monday
HOUR, DAY = 3600, 86400


def seen(source: str, slot: int, status: Status = Status.UP, **more: Any) -> Observation:
    """An ordinary observation, three seconds after its slot."""
    ordinary: dict[str, Any] = {"response_ms": 100.0}
    if status in {Status.DOWN, Status.UNKNOWN}:
        ordinary = {"reason": "timeout", "detail": "no answer within 10 s"}
    return Observation(source, slot, slot + 3, status, **(ordinary | more))


def synced(store: Store, **intervals: int) -> Store:
    """The store with these sources, by their interval in seconds."""
    with store.write() as uow:
        uow.sources.sync([Source(name, "odds", "http", interval_s=s) for name, s in intervals.items()], T0)
    return store


def added(store: Store, *observations: Observation, planned: tuple[str, ...] = ()) -> set[tuple[str, int]]:
    with store.write() as uow:
        return uow.observations.add(observations, in_maintenance=planned)
