"""What `busta up` could not do beside keeping its processes alive: write a log, copy a configuration, start a process.

It has no store to put that into. A note in the home tells the page and the metrics; the terminal prints it at once.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from busta_health_dagster.pipeline.app.side_note import BYTES, read_note, write_note

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from busta_health_dagster.domain.clock import Clock

_WHY_CHARS = 240


@dataclass(frozen=True, slots=True)
class SupervisorFailure:
    """`what` fails again and again, since `since` (epoch seconds)."""

    what: str
    why: str
    since: int


def supervisor_failures(path: Path) -> tuple[SupervisorFailure, ...]:
    """What the note says; a note that cannot be read is a failure itself."""
    try:
        text = read_note(path)
        return tuple(SupervisorFailure(**entry) for entry in json.loads(text or "[]"))
    except (OSError, ValueError, TypeError) as error:
        return (SupervisorFailure(str(path), f"it cannot be read ({error}); delete it", 0),)


@dataclass(slots=True)
class FailureBook:
    """Keeps the note. `say` tells the terminal, once per failure and once when it is over."""

    path: Path
    clock: Clock
    say: Callable[[str], None]
    _open: dict[str, SupervisorFailure] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        """Nothing is wrong yet, whatever an earlier process left here."""
        with self._lock:
            self._open.clear()
            self._write()

    def failed(self, what: str, why: str) -> None:
        """`what` did not work; it is tried again."""
        why = why[:_WHY_CHARS]
        with self._lock:
            known = self._open.get(what)
            if known is not None and known.why == why:
                return
            since = known.since if known is not None else int(self.clock.now())
            self._open[what] = SupervisorFailure(what, why, since)
            self.say(f"{what}: {why}. Everything else goes on; it is tried again.")
            self._write()

    def works(self, what: str) -> None:
        """`what` works (again)."""
        with self._lock:
            if self._open.pop(what, None) is not None:
                self.say(f"{what}: works again")
                self._write()

    def _write(self) -> None:
        entries = [asdict(failure) for failure in self._open.values()]
        while len(text := json.dumps(entries)) > BYTES:
            entries.pop()
        try:
            write_note(self.path, text if entries else "")
        except OSError as error:
            self.say(f"{self.path} cannot be written ({error.strerror or error}): the page does not show this")
