"""The whole fleet in one object: HTTP servers, files and the warehouse of one world. Used by the demo, the tests and
the benchmarks.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

from busta_health_dagster.demo.disk import Disk
from busta_health_dagster.demo.scenarios import scenario
from busta_health_dagster.demo.server import Upstreams
from busta_health_dagster.demo.world import World
from busta_health_dagster.domain.clock import Clock, SystemClock
from busta_health_dagster.domain.units import floor_to

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from busta_health_dagster.demo.faults import Fault
    from busta_health_dagster.demo.timeline import Scenario

SLOT_S = 300


class DemoFleet:
    """`async with DemoFleet(root) as fleet:` serves the twelve upstreams below `root` (files) and on loopback ports
    (`fleet.urls`).

    Args:
        root: directory of the files; made if missing.
        scenario: a scenario or its name. Tests mostly want `calm` and then `await fleet.set(...)`.
        clock: the fleet's time; payloads, ages and the script follow it.
        anchor: the slot of the start (epoch seconds); default: the clock's present slot.
        ports: port per source from an earlier run; missing ones are free ports.
    """

    def __init__(
        self,
        root: Path,
        *,
        scenario: Scenario | str = "calm",
        clock: Clock | None = None,
        anchor: int | None = None,
        ports: Mapping[str, int] | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self.world = World(_scenario(scenario), clock, floor_to(clock.now(), SLOT_S) if anchor is None else anchor)
        self.root = root
        self._upstreams = Upstreams(self.world, ports)
        self._disk = Disk(self.world, root)

    @property
    def urls(self) -> dict[str, str]:
        """URL of every source: http for nine, `sqlite:///` for the warehouse; the two kinds of file are in `paths`."""
        return {**self._upstreams.urls, "postgres_warehouse": f"sqlite:///{self._disk.paths['postgres_warehouse']}"}

    @property
    def paths(self) -> dict[str, str]:
        """Path or pattern of the sources that are files."""
        found = self._disk.paths
        return {
            "play_by_play_csv": str(found["play_by_play_csv"] / "*.csv"),
            "feature_store": str(found["feature_store"]),
        }

    @property
    def ports(self) -> dict[str, int]:
        return self._upstreams.ports

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._disk.sync)
        try:
            await self._upstreams.start()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._upstreams.stop()
        self._disk.close()

    async def sync(self) -> None:
        """Make sockets and files what the world says now; call it after moving an injected clock."""
        await self._upstreams.sync()
        await asyncio.to_thread(self._disk.sync)

    async def set(
        self, source: str, fault: Fault | None, *, ms: float = 0.0, share: float = 0.0, status: int = 503
    ) -> None:
        """Give one source a fault (None: make it well) and wait until it shows. Errors as `World.set`."""
        self.world.set(source, fault, ms=ms, share=share, status=status)
        await self.sync()

    async def run(self, stop: asyncio.Event, every_s: float = 1.0) -> None:
        """Follow the script until `stop`."""
        while not stop.is_set():
            await self.sync()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every_s)


def _scenario(chosen: Scenario | str) -> Scenario:
    return scenario(chosen) if isinstance(chosen, str) else chosen
