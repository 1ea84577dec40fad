"""The supervisor against real processes: what dies comes back, what is told to stop is gone, grandchildren included."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from busta_health_dagster.cli.supervisor import Child, Supervisor
from busta_health_dagster.domain.clock import SystemClock

FOREVER = "import time; time.sleep(600)"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]):
    boss = Supervisor(log_dir=tmp_path, clock=SystemClock(), on_event=said.append)
    yield boss
    boss.shutdown()


def child(name: str, code: str, **options: bool) -> Child:
    return Child(name, [sys.executable, "-c", code], dict(os.environ), **options)


def running(boss: Supervisor) -> threading.Thread:
    thread = threading.Thread(target=boss.run, kwargs={"poll_s": 0.02})
    thread.start()
    return thread


def eventually(condition, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        threading.Event().wait(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_that_dies_is_started_again_and_said_so(supervisor: Supervisor, said: list[str]) -> None:
    worker = supervisor.start(child("worker", FOREVER))
    first = worker.process.pid
    thread = running(supervisor)
    os.kill(first, 9)
    eventually(lambda: worker.process is not None and worker.process.pid != first)
    supervisor.stop()
    thread.join(15)
    assert said[0].startswith("worker ended with exit code -9 and is started again in 0 s")


def test_a_child_that_runs_once_is_not_started_again_and_its_failure_is_said(
    supervisor: Supervisor, said: list[str]
) -> None:
    supervisor.start(child("first-tick", "print('no such source'); raise SystemExit(4)", once=True))
    thread = running(supervisor)
    eventually(lambda: bool(said))
    supervisor.stop()
    thread.join(15)
    assert said[0].startswith(f"first-tick ended with exit code 4; the end of {supervisor.log_dir / 'first-tick.log'}:")
    assert "no such source" in said[0]


def test_stopping_ends_grandchildren_too_even_when_their_parent_has_gone(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    note = tmp_path / "grandchild"
    code = f"import subprocess, sys, pathlib; p = subprocess.Popen([sys.executable, '-c', {FOREVER!r}]); pathlib.Path({str(note)!r}).write_text(str(p.pid))"
    supervisor.start(child("parent", code, once=True))
    eventually(note.exists)
    eventually(lambda: note.read_text() != "")
    supervisor.shutdown()
    pid = int(note.read_text())
    eventually(lambda: not alive(pid))


def test_a_child_that_ignores_the_request_is_killed(
    supervisor: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("busta_health_dagster.cli.supervisor.GRACE_S", 0.3)
    ready = tmp_path / "ready"
    deaf = f"import signal, time, pathlib; signal.signal(15, signal.SIG_IGN); pathlib.Path({str(ready)!r}).touch(); time.sleep(600)"
    stubborn = supervisor.start(child("deaf", deaf))
    pid = stubborn.process.pid
    eventually(ready.exists)
    supervisor.shutdown()
    assert not alive(pid)
    assert "is killed" in said[0]


def test_nothing_restarts_once_stopping_has_begun(supervisor: Supervisor) -> None:
    worker = supervisor.start(child("worker", FOREVER))
    supervisor.shutdown()
    supervisor.run(poll_s=0.01)
    assert worker.process is None


def test_a_log_that_grew_too_large_is_set_aside_and_begun_anew(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busta_health_dagster.cli.supervisor.LOG_CAP_BYTES", 1000)
    supervisor.start(child("chatty", "import time\nprint('x' * 4000, flush=True)\ntime.sleep(600)"))
    aside = supervisor.log_dir / "chatty.log.1"
    thread = running(supervisor)
    eventually(aside.exists)
    supervisor.stop()
    thread.join(15)
    assert aside.stat().st_size == 4001
    assert (supervisor.log_dir / "chatty.log").stat().st_size == 0


def test_a_child_is_renewed_on_demand_and_that_is_no_failure(supervisor: Supervisor, said: list[str]) -> None:
    worker = supervisor.start(child("worker", FOREVER))
    first = worker.process.pid
    supervisor.restart(worker)
    assert worker.process.pid != first
    assert not alive(first)
    assert alive(worker.process.pid)
    assert (worker.failures, said) == (0, [])
    supervisor.stop()
    second = worker.process.pid
    supervisor.restart(worker)
    assert worker.process.pid == second, "nothing is started any more once stopping has begun"


@pytest.mark.parametrize(("code", "follows"), [(0, True), (3, False)])
def test_what_comes_after_a_child_comes_only_when_it_went_well(
    supervisor: Supervisor, said: list[str], tmp_path: Path, code: int, follows: bool
) -> None:
    second = child("second", f"open({str(tmp_path / 'done')!r}, 'w').close()", once=True)
    first = child("first", f"import sys; sys.exit({code})", once=True)
    first.then = second
    supervisor.start(first)
    thread = running(supervisor)
    eventually(lambda: first.process is None)
    if follows:
        eventually((tmp_path / "done").exists)
    supervisor.stop()
    thread.join(10)
    assert (second in supervisor.children) is follows
    assert len(said) == (0 if follows else 1)
