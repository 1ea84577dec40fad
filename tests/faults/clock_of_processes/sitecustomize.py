"""The wall clock of every Python process that has this folder on its path is ahead by the seconds that a file says, from one moment
to the next when the file changes. Waits and the monotonic clock keep the machine's, as when somebody sets the clock.

(libfaketime, preloaded, makes Python's own `time.sleep` fail: it is one that the kernel is asked to end at an instant.)
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path


class _MachineTime:
    """gRPC hands its deadlines as instants to a library in C, which reads the clock of the machine."""

    def __getattr__(self, name: str) -> object:
        from time_machine import escape_hatch

        return escape_hatch.time.time if name == "time" else getattr(time, name)


def _follow(file: Path) -> None:
    import grpc._channel
    import grpc._server
    from time_machine import travel

    grpc._channel.time = grpc._server.time = _MachineTime()

    def ahead() -> float:
        return float(file.read_text())

    known = ahead()
    clock = travel(time.time() + known, tick=True).start()

    def watch() -> None:
        shown = known
        while True:
            time.sleep(0.2)
            if (wanted := ahead()) != shown:
                clock.shift(wanted - shown)
                shown = wanted

    threading.Thread(target=watch, daemon=True, name="shifted clock").start()


if "CLOCK_AHEAD_FILE" in os.environ:
    _follow(Path(os.environ["CLOCK_AHEAD_FILE"]))
