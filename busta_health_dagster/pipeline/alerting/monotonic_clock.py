"""The steady clock of the alert passes, kept in the store between two of them (engines/monotonic_clock.py says why)."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from busta_health_dagster.engines.monotonic_clock import MonotonicClock, Reading, advance

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

_KEY = "steady_clock"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def read_clock(app: App, uow: UnitOfWork) -> MonotonicClock:
    """The steady clock now; reads only."""
    kept = uow.meta.get(_KEY)
    last = None if kept is None else MonotonicClock(kept["at"], Reading(kept["wall"], kept["monotonic"], kept["boot"]))
    return advance(last, Reading(app.clock.now(), app.clock.monotonic(), _boot()))


def latest(app: App, uow: UnitOfWork) -> float:
    """For leases and due times: the wall clock, or the steady one where that is ahead.

    A wall clock set back by an hour must not hold every message back for an hour; one set forward makes them due, which
    costs a duplicate at worst.
    """
    return max(app.clock.now(), read_clock(app, uow).at)


def save_clock(uow: UnitOfWork, steady: MonotonicClock) -> None:
    """Remember how far it had come; the next pass runs on from here."""
    reading = steady.reading
    kept = {"at": steady.at, "wall": reading.wall, "monotonic": reading.monotonic, "boot": reading.boot}
    uow.meta.put(_KEY, kept)


@cache
def _boot() -> str:
    """Which boot the monotonic clock belongs to; without Linux's id the machine's name, and `run_on` sees a reset."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return platform.node()
