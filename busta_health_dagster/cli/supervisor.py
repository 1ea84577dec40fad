"""Keeps the processes of `busta up` alive, and ends them all: no process may outlive the one that started it.

Each child leads a session of its own. Stopping asks with SIGTERM, and after `GRACE_S` kills the whole session: an
orphaned reload child of Dagster's code server was seen to hold its port for minutes. Nothing restarts once stopping has
begun, and `STOP_WITHIN_S` after the signal this process is gone too, whatever it was doing.

Nothing that is done beside supervising may end it: each child and each task is tried by itself, reported where it fails,
and tried again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from busta_health_dagster.cli.child_log import ChildLog
from busta_health_dagster.cli.offspring import ALONE_S, has_living_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from busta_health_dagster.cli.heartbeats import Heartbeat
    from busta_health_dagster.domain.clock import Clock
    from busta_health_dagster.pipeline.app.supervisor_failures import FailureBook

GRACE_S = 6.0
STOP_WITHIN_S = 9.0
BACKOFF_S = (0.0, 1.0, 2.0, 5.0, 15.0, 30.0)
STEADY_AFTER_S = 60.0
_STEP_S = 0.1


class Stopped(BaseException):
    """A signal asked to stop while something long was being prepared. As Python's own interrupt it is no `Exception`: what
    catches those, wherever the signal comes, must not take it for a failure of its own.
    """


@dataclass(slots=True, eq=False)
class Child:
    """One supervised process. `once` children are not restarted (the first tick); their exit code is logged, and where
    it is 0, `then` is started. `ended` is called after every end of it that no one asked for, with the exit code. One that
    works `through_another` process, which it started itself, is started again when that one has gone. One whose `heartbeat`
    stays away hangs, and is started again as if it had died.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    inherits: tuple[int, ...] = ()
    once: bool = False
    then: Child | None = None
    ended: Callable[[int], None] | None = None
    through_another: bool = False
    heartbeat: Heartbeat | None = None
    alone_since: float | None = None
    process: subprocess.Popen[bytes] | None = None
    log: ChildLog | None = None
    started: float = 0.0
    failures: int = 0
    restart_at: float | None = None


@dataclass(slots=True)
class Supervisor:
    """Starts children in order, restarts those that die, stops all on SIGTERM, SIGINT or `stop()`.

    `on_event(text)` is called at every start, death and stop; `tasks` are called about once a second, by name (a
    configuration watch). `leaving` is the last thing that is done where the bound of stopping has passed.
    """

    log_dir: Path
    clock: Clock
    on_event: Callable[[str], None]
    failures: FailureBook
    tasks: dict[str, Callable[[], None]] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    leaving: Callable[[], None] | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _interruptible: bool = False

    def start(self, child: Child) -> Child:
        """Start a child, or one that ran once again; its output goes to `<log_dir>/<name>.log`."""
        known = child in self.children
        if not known:
            self.children.append(child)
        self._spawn(child)
        if child.heartbeat is not None and not known:
            child.heartbeat.listen(self._stopping)
        return child

    def restart(self, child: Child) -> None:
        """End a child and start it again at once, so that it reads its configuration again; that is no failure of it."""
        if self._stopping.is_set() or child.process is None:
            return  # it is being started again anyway, or nothing is started any more
        _signal_group(child, signal.SIGTERM)
        if not self._ends(child.process, GRACE_S) and not self._stopping.is_set():
            self.on_event(f"{child.name} did not stop within {GRACE_S:.0f} s and is killed")
        _signal_group(child, signal.SIGKILL)
        child.process.wait()
        if not self._stopping.is_set():
            self._spawn(child)

    def stop(self) -> None:
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def install_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """For long work before `run()`: a signal ends it with `Stopped` wherever it is."""
        self._interruptible = True
        try:
            if self._stopping.is_set():
                raise Stopped
            yield
        finally:
            self._interruptible = False

    def run(self, poll_s: float = 0.5) -> None:
        """Watch until asked to stop, then end every child. Returns when nothing is left."""
        try:
            while not self._stopping.wait(poll_s):
                for child in tuple(self.children):
                    self._try(f"Watching {child.name}", partial(self._mind, child))
                for name, task in self.tasks.items():
                    self._try(name, task)
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
        for child in alive:
            assert child.process is not None
            child.process.wait()
            child.process = None
        for child in self.children:
            if child.log is not None:
                child.log.close()

    def _on_signal(self, *_: object) -> None:
        if not self._stopping.is_set():
            self._stopping.set()
            threading.Thread(target=self._leave_in_time, daemon=True, name="stop-bound").start()
        if self._interruptible:
            self._interruptible = False
            raise Stopped

    def _leave_in_time(self) -> None:
        """Whatever still holds this process up after the bound (a busy machine, a disk that hangs): end it."""
        threading.Event().wait(STOP_WITHIN_S)
        for child in tuple(self.children):
            _signal_group(child, signal.SIGKILL)
        if self.leaving is not None:
            self.leaving()
        os._exit(0)

    def _try(self, what: str, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001  whatever it is: told, and tried again; the children must live on
            self.failures.failed(what, f"{type(error).__name__}: {error}")
        else:
            self.failures.works(what)

    def _mind(self, child: Child) -> None:
        now = self.clock.monotonic()
        if child.log is not None:
            child.log.retry()
        if child.restart_at is not None:
            if now >= child.restart_at:
                child.restart_at = now + _wait_s(child)  # in case that it cannot be started now
                self._spawn(child)
                child.restart_at = None
            return
        if child.process is None:
            return
        code = child.process.poll()
        if code is None:
            self._mind_the_living(child, child.process.pid, now)
            return
        _signal_group(child, signal.SIGKILL)
        child.process = None
        if not child.once:
            wait_s = _wait_s(child)
            child.failures += 1
            child.restart_at = now + wait_s
            where = f"see {self._log(child)}"
            self.on_event(f"{child.name} ended with exit code {code} and is started again in {wait_s:.0f} s; {where}")
        elif code:
            assert child.log is not None
            child.log.settle()
            end = f"the end of {self._log(child)}:\n{child.log.tail()}"
            self.on_event(f"{child.name} ended with exit code {code}; {end}")
        elif child.then is not None:
            self.start(child.then)
        if child.ended is not None:
            child.ended(code)

    def _mind_the_living(self, child: Child, pid: int, now: float) -> None:
        if child.failures and now - child.started > STEADY_AFTER_S:
            child.failures = 0
        if child.through_another:
            self._mind_the_other(child, pid, now)
        if child.heartbeat is not None:
            self._mind_the_heartbeat(child, child.heartbeat)

    def _mind_the_other(self, child: Child, pid: int, now: float) -> None:
        if has_living_child(pid) is not False:
            child.alone_since = now
        elif child.alone_since is not None and now - child.alone_since > ALONE_S:
            self.on_event(f"{child.name} has lost the process that it works through, and is ended")
            _signal_group(child, signal.SIGKILL)

    def _mind_the_heartbeat(self, child: Child, heartbeat: Heartbeat) -> None:
        what = f"The process {child.name}"
        if heartbeat.heard:
            self.failures.works(what)
        elif (silent_s := heartbeat.silent_s()) is not None:
            self.failures.failed(
                what, f"no sign of life for {silent_s:.0f} s. It hangs: it is killed and started again"
            )
            _signal_group(child, signal.SIGKILL)

    def _spawn(self, child: Child) -> None:
        child.alone_since = None
        if child.log is None:
            child.log = ChildLog(self._log(child), self.failures)
        child.process = subprocess.Popen(  # noqa: S603  our own argv
            list(child.argv),
            env=dict(child.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=child.inherits,
        )
        assert child.process.stdout is not None
        child.log.follow(child.process.stdout)
        child.started = self.clock.monotonic()
        if child.heartbeat is not None:
            child.heartbeat.begin(child.process.pid)

    def _ends(self, process: subprocess.Popen[bytes], within_s: float) -> bool:
        """Wait for a process, but no longer than no one wants us to stop."""
        deadline = self.clock.monotonic() + within_s
        while process.poll() is None and self.clock.monotonic() < deadline:
            if self._stopping.wait(_STEP_S):
                return False
        return process.poll() is not None

    def _log(self, child: Child) -> Path:
        return self.log_dir / f"{child.name}.log"


def _wait_s(child: Child) -> float:
    return BACKOFF_S[min(child.failures, len(BACKOFF_S) - 1)]


def _signal_group(child: Child, number: signal.Signals) -> None:
    process = child.process
    if process is None:
        return
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return  # the whole group has ended already: that is what we want
