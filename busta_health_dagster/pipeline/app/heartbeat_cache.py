"""The newest beat of each pushed source, read once per check of the fleet and not once per source."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.store import Store
    from busta_health_dagster.store.heartbeats import Heartbeat


class HeartbeatCache:
    """What the prober asks; `refresh` before each observation."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: Mapping[str, Heartbeat] = {}

    def refresh(self) -> None:
        with self._store.read() as uow:
            self._known = uow.heartbeats.all()

    def __call__(self, name: str) -> Heartbeat | None:
        return self._known.get(name)
