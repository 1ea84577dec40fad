"""Puts the demo's history into a store, a day per transaction, with a progress bar for anyone who waits."""

from __future__ import annotations

from itertools import groupby, islice
from typing import TYPE_CHECKING

from busta_health_dagster.demo.history import generate
from busta_health_dagster.demo.scenarios import scenario as named
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.engines.maintenance import MaintenanceIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.console import Console

    from busta_health_dagster.domain.maintenance import Window
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.store import Store

DAY = 86400
TICKS_PER_WRITE = 288  # a day: a transaction per tick would take minutes, a single one would hold the lock for seconds


def fill(
    store: Store,
    sources: Mapping[str, Source],
    windows: Iterable[Window],
    days: float,
    until: int,
    *,
    scenario: str = "default",
    anchor: int | None = None,
    seed: int = 0,
    interval_s: int = 300,
    console: Console | None = None,
) -> int:
    """Write the slots of `[until - days, until)`; -> observations stored. What is there already stays.

    `sources` and `windows` are the loaded demo configuration's: sources that someone took out of it are left out here,
    and slots under maintenance are marked. `console` (stderr) shows the progress when it is a terminal.

    Raises:
        UnknownName: no such scenario.
        StoreError: the store cannot be written; a day is there as a whole or not at all.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    ticks = generate(days, until, seed, scenario=named(scenario), anchor=anchor, interval_s=interval_s)
    first = floor_to(until - days * DAY, interval_s)
    index = MaintenanceIndex(windows, first, until)
    with store.write() as uow:
        uow.sources.sync(sources.values(), until)

    def held(slot: int) -> frozenset[str]:
        return frozenset(name for name, source in sources.items() if index.covers(source, slot))

    bar = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("slots"),
        TimeRemainingColumn(),
    )
    stored = 0
    with Progress(*bar, console=console, disable=console is None or not console.is_terminal) as progress:
        task = progress.add_task(f"Writing {days:g} days of history", total=(until - first) // interval_s)
        while batch := list(islice(ticks, TICKS_PER_WRITE)):
            with store.write() as uow:
                for names, some in groupby(batch, lambda tick: held(tick[0].slot)):
                    stored += len(
                        uow.observations.add([o for tick in some for o in tick if o.source in sources], names)
                    )
            progress.advance(task, len(batch))
    return stored
