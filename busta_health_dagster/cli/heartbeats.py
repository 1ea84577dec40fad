"""Whether a process that is there still gets anything done: each is asked again and again, and one that hangs stays silent.

A machine that is busy answers late, and late is an answer: only one that stays silent for `HUNG_AFTER_S`, asked many times,
hangs. While it starts it is given `STARTING_S`. Questions are counted and not only seconds, so that a supervisor that was
itself stopped, or a machine that slept, blames no one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from busta_health_dagster.cli import ports

if TYPE_CHECKING:
    from collections.abc import Callable

    from busta_health_dagster.domain.clock import Clock

EVERY_S = 5.0
ANSWER_WITHIN_S = 10.0
HUNG_AFTER_S = 60.0
STARTING_S = 600.0
QUESTIONS = 4
_PING = "/api.DagsterApi/Ping"
_SILENCE = ("StatusCode.DEADLINE_EXCEEDED", "StatusCode.UNAVAILABLE")


def web_answers(host: str, port: int) -> Callable[[int], bool]:
    """A page is served, by the process that has the port now."""
    return lambda _pid: ports.answers(host, port, ANSWER_WITHIN_S)


def code_server_answers(host: str, port: int) -> Callable[[int], bool]:
    """Dagster's own ping, which the code server hands on to the process that it works through. An error is an answer too (code
    that does not load), unless it says that the other process did not answer. The message is empty: nothing of Dagster is
    imported here.
    """

    def ask(_pid: int) -> bool:
        import grpc

        with grpc.insecure_channel(f"{host}:{port}") as channel:
            ping = channel.unary_unary(_PING, request_serializer=bytes, response_deserializer=bytes)
            try:
                ping(b"", timeout=ANSWER_WITHIN_S)
            except grpc.RpcError as error:
                text = f"{error.code()} {error.details()}"
                return not any(silence in text for silence in _SILENCE)
        return True

    return ask


class Works:
    """For one that cannot be asked: Dagster's daemon looks after its schedules every few seconds, and uses the processor for it."""

    def __init__(self) -> None:
        self._used: tuple[int, int] | None = None

    def __call__(self, pid: int) -> bool:
        before, self._used = self._used, _processor_ticks(pid)
        return self._used is None or self._used != before


def _processor_ticks(pid: int) -> tuple[int, int] | None:
    """The process, and what it has used; None: this system does not say (no /proc), or the process has gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return pid, int(fields[11]) + int(fields[12])


@dataclass(slots=True, eq=False)
class Heartbeat:
    """Of one child: `ask(pid)` is called in a thread of its own, and may take its time."""

    ask: Callable[[int], bool]
    clock: Clock
    _pid: int | None = None
    _ever: bool = False
    _since: float = 0.0
    _unanswered: int = 0

    def begin(self, pid: int) -> None:
        """The process has just been started."""
        self._ever, self._since, self._unanswered = False, self.clock.monotonic(), 0
        self._pid = pid

    def listen(self, stopping: threading.Event) -> None:
        threading.Thread(target=self._listen, args=(stopping,), daemon=True, name="heartbeat").start()

    @property
    def heard(self) -> bool:
        """The last question was answered."""
        return self._ever and not self._unanswered

    def silent_s(self) -> float | None:
        """For how long, if for so long that it hangs."""
        silent = self.clock.monotonic() - self._since
        bound = HUNG_AFTER_S if self._ever else STARTING_S
        return silent if silent > bound and self._unanswered >= QUESTIONS else None

    def _listen(self, stopping: threading.Event) -> None:
        while not stopping.wait(EVERY_S):
            pid = self._pid
            answered = pid is not None and self.ask(pid)
            if pid is None or pid != self._pid:
                continue  # it was asked of one that is no more
            if answered:
                self._ever, self._since, self._unanswered = True, self.clock.monotonic(), 0
            else:
                self._unanswered += 1
