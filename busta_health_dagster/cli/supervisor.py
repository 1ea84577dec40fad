"""Keeps the processes of `busta up` alive, and ends them all: no process may outlive the one that started it.

Each child leads a session of its own. Stopping asks with SIGTERM, and after `GRACE_S` kills the whole session: an
orphaned
reload child of Dagster's code server was seen to hold its port for minutes. Nothing restarts once stopping has begun.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from busta_health_dagster.domain.clock import Clock

GRACE_S = 8.0
LOG_CAP_BYTES = 10 * 1024 * 1024
BACKOFF_S = (0.0, 1.0, 2.0, 5.0, 15.0, 30.0)
STEADY_AFTER_S = 60.0


@dataclass(slots=True)
class Child:
    """One supervised process. `once` children are not restarted (the first tick); their exit code is logged, and where
    it is 0, `then` is started.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    once: bool = False
    then: Child | None = None
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    restart_at: float | None = None


@dataclass(slots=True)
class Supervisor:
    """Starts children in order, restarts those that die, stops all on SIGTERM, SIGINT or `stop()`.

    `on_event(text)` is told of every start, death and stop; `every` are callables run about once a second (a
    configuration watch).
    """

    log_dir: Path
    clock: Clock
    on_event: Callable[[str], None]
    every: list[Callable[[], None]] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self, child: Child) -> Child:
        """Start a child; its output goes to `<log_dir>/<name>.log`."""
        self.children.append(child)
        self._spawn(child)
        return child

    def restart(self, child: Child) -> None:
        """End a child and start it anew at once, so that it reads its configuration again; that is no failure of it."""
        if self._stopping.is_set() or child.process is None:
            return  # it is being started again anyway, or nothing is started any more
        _signal_group(child, signal.SIGTERM)
        try:
            child.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.on_event(f"{child.name} did not stop within {GRACE_S:.0f} s and is killed")
        _signal_group(child, signal.SIGKILL)
        child.process.wait()
        self._spawn(child)

    def stop(self) -> None:
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def install_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._stopping.set())

    def run(self, poll_s: float = 0.5) -> None:
        """Watch until told to stop, then end every child. Returns when nothing is left."""
        try:
            while not self._stopping.wait(poll_s):
                for child in self.children:
                    self._mind(child)
                for task in self.every:
                    task()
        finally:
            self.shutdown()

    def shutdown(self) -> None:
        """Ask every session to end, then kill what remains. Idempotent."""
        self._stopping.set()
        alive = [child for child in self.children if child.process is not None]
        for child in reversed(alive):
            _signal_group(child, signal.SIGTERM)
        deadline = self.clock.monotonic() + GRACE_S
        for child in alive:
            assert child.process is not None
            try:
                child.process.wait(max(0.0, deadline - self.clock.monotonic()))
            except subprocess.TimeoutExpired:
                self.on_event(f"{child.name} did not stop within {GRACE_S:.0f} s and is killed")
        for child in alive:
            # The leader may be gone while a grandchild lives on: the session is what must be empty.
            _signal_group(child, signal.SIGKILL)
            assert child.process is not None
            child.process.wait()
            child.process = None

    def _mind(self, child: Child) -> None:
        now = self.clock.monotonic()
        if child.restart_at is not None:
            if now >= child.restart_at:
                child.restart_at = None
                self._spawn(child)
            return
        if child.process is None:
            return
        code = child.process.poll()
        if code is None:
            if child.failures and now - child.started > STEADY_AFTER_S:
                child.failures = 0
            self._cap_log(child)
            return
        _signal_group(child, signal.SIGKILL)
        child.process = None
        if child.once:
            if code:
                last = tail(self._log(child))
                self.on_event(f"{child.name} ended with exit code {code}; the end of {self._log(child)}:\n{last}")
            elif child.then is not None:
                self.start(child.then)
            return
        wait_s = BACKOFF_S[min(child.failures, len(BACKOFF_S) - 1)]
        child.failures += 1
        child.restart_at = now + wait_s
        self.on_event(
            f"{child.name} ended with exit code {code} and is started again in {wait_s:.0f} s; see {self._log(child)}"
        )

    def _spawn(self, child: Child) -> None:
        with self._log(child).open("ab") as log:
            child.process = subprocess.Popen(  # noqa: S603  our own argv
                list(child.argv),
                env=dict(child.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        child.started = self.clock.monotonic()

    def _log(self, child: Child) -> Path:
        return self.log_dir / f"{child.name}.log"

    def _cap_log(self, child: Child) -> None:
        # Opened for appending, so that truncation in place is safe while the child writes.
        path = self._log(child)
        if path.stat().st_size > LOG_CAP_BYTES:
            path.with_suffix(".log.1").write_bytes(path.read_bytes())
            os.truncate(path, 0)


def tail(path: Path, lines: int = 8) -> str:
    """The last lines of a log, each cut to what a person reads."""
    return "\n".join(line[:300] for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _signal_group(child: Child, number: signal.Signals) -> None:
    if child.process is None:
        return
    try:
        os.killpg(child.process.pid, number)
    except ProcessLookupError:
        return  # the whole group has ended already: that is what we want
