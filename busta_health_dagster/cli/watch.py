"""`sources health --watch`: the fleet drawn again every few seconds, until Ctrl-C. It says when no one answers any more,
and since when what stands there is old.
"""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

from busta_health_dagster.cli.glyphs import glyph_set
from busta_health_dagster.cli.health_summary import Lost
from busta_health_dagster.cli.health_view import render
from busta_health_dagster.cli.session import console
from busta_health_dagster.domain.errors import BustaError
from busta_health_dagster.domain.units import from_iso, iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from busta_health_dagster.domain.documents.sources import Fleet

REFRESH_S = 5.0
NO_ANSWER = 3
"""Errors with this exit code may pass (a restart, a locked store, the network); others end the watching."""


def watch(observation: Callable[[], Fleet]) -> None:
    """Draw what `observation` answers on the whole terminal, until Ctrl-C.

    Raises:
        BustaError: the first observation fails, or one that cannot come right by waiting (a token that was revoked).
    """
    from rich.console import Group
    from rich.live import Live

    out, letters = console(), glyph_set()

    def draw(fleet: Fleet, lost: Lost | None) -> Group:
        height = out.height if out.is_terminal else 10_000
        drawn = render(
            fleet, width=out.width, height=height, letters=letters, note="Ctrl-C stops.", live=True, lost=lost
        )
        return Group(*drawn)

    frames, left = follow(observation, time.monotonic), _left_at_ctrl_c()
    try:
        frame = draw(*next(frames))
        if not out.is_terminal:  # a pipe, a log: one frame after the other
            out.print(frame, "")
            out.file.flush()
            while not left.wait(REFRESH_S):
                out.print(draw(*next(frames)), "")
                out.file.flush()
            return
        with Live(frame, console=out, screen=True, auto_refresh=False) as live:
            while not left.wait(REFRESH_S):
                live.update(draw(*next(frames)), refresh=True)
    except KeyboardInterrupt:
        return


def _left_at_ctrl_c() -> threading.Event:
    """Set by the first Ctrl-C, which interrupts whatever runs. Python drops an interruption that falls into a finalizer, so
    the event is asked, too. A second Ctrl-C finds us leaving, where it would be a traceback, and is ignored: that also holds
    while the interpreter ends, which gives every other handler back to the system first.
    """
    left = threading.Event()

    def leave(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        left.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, leave)
    return left


def follow(observation: Callable[[], Fleet], now: Callable[[], float]) -> Iterator[tuple[Fleet, Lost | None]]:
    """What is known at each asking, and whether anybody still answers. `now` is a monotonic clock in seconds.

    The first observation must succeed. While no one answers, the fleet known last grows old: its instant moves on, and after
    `stale_at` it is stale. The clock is the monitor's, moved on by ours: a laptop's own may be wrong.
    """
    fleet, read = observation(), now()
    yield fleet, None
    lost_at: float | None = None
    while True:
        try:
            fleet, read, lost_at = observation(), now(), None
        except BustaError as error:
            if error.exit_code != NO_ANSWER:
                raise
            at = now()
            lost_at = at if lost_at is None else lost_at
            known = from_iso(fleet["at"])
            yield _aged(fleet, known + at - read), Lost(int(known + lost_at - read), str(error))
        else:
            yield fleet, None


def _aged(fleet: Fleet, at: float) -> Fleet:
    old = fleet["stale"] or fleet["stale_at"] is None or at > from_iso(fleet["stale_at"])
    return {**fleet, "at": iso(at), "stale": old}
