"""The supervisor against real processes: what dies comes back, what is told to stop is gone, grandchildren included."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from busta_health_dagster.cli.starting import Running, end_left_over
from busta_health_dagster.cli.supervisor import Child, Supervisor
from busta_health_dagster.domain.clock import SystemClock
from busta_health_dagster.pipeline.app.supervisor_failures import FailureBook, supervisor_failures
from busta_health_dagster.settings.home import Home

FOREVER = "import time; time.sleep(600)"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch):
    # Six seconds are enough for a child, not for one on a machine that has ten other things to do: a hang guard here.
    monkeypatch.setattr("busta_health_dagster.cli.supervisor.GRACE_S", 240.0)
    failures = FailureBook(tmp_path / "note", SystemClock(), said.append)
    boss = Supervisor(log_dir=tmp_path / "logs", clock=SystemClock(), on_event=said.append, failures=failures)
    yield boss
    boss.shutdown()


def child(name: str, code: str, **options: bool) -> Child:
    return Child(name, [sys.executable, "-c", code], dict(os.environ), **options)


def running(boss: Supervisor) -> threading.Thread:
    thread = threading.Thread(target=boss.run, kwargs={"poll_s": 0.02})
    thread.start()
    return thread


def eventually(condition, seconds: float = 240.0) -> None:
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
    thread.join(60)
    assert said[0].startswith("worker ended with exit code -9 and is started again in 0 s")


def test_a_child_that_runs_once_is_not_started_again_and_its_failure_is_said(
    supervisor: Supervisor, said: list[str]
) -> None:
    supervisor.start(child("first-tick", "print('no such source'); raise SystemExit(4)", once=True))
    thread = running(supervisor)
    eventually(lambda: bool(said))
    supervisor.stop()
    thread.join(60)
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


def test_a_log_that_grew_too_large_is_set_aside_and_begun_again(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busta_health_dagster.cli.child_log.CAP_BYTES", 1000)
    supervisor.start(child("chatty", "import os, time\nos.write(1, b'x' * 4001)\ntime.sleep(600)"))
    aside = supervisor.log_dir / "chatty.log.1"
    eventually(lambda: aside.exists() and (supervisor.log_dir / "chatty.log").exists())
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
    thread.join(60)
    assert (second in supervisor.children) is follows
    assert len(said) == (0 if follows else 1)


TICKING = "import time\nfor n in range(10**6):\n    print(n, flush=True)\n    time.sleep(0.02)"


def troubles_of(boss: Supervisor) -> list[str]:
    """What the page would show."""
    return [f"{failure.what} {failure.why}" for failure in supervisor_failures(boss.failures.path)]


def test_a_log_that_was_moved_away_is_begun_again(supervisor: Supervisor, said: list[str]) -> None:
    worker = supervisor.start(child("worker", TICKING))
    log = supervisor.log_dir / "worker.log"
    thread = running(supervisor)
    eventually(lambda: log.exists() and log.stat().st_size > 0)
    log.rename(log.with_name("elsewhere"))
    eventually(lambda: log.exists() and log.stat().st_size > 0)
    assert thread.is_alive()
    assert alive(worker.process.pid)
    supervisor.stop()
    thread.join(60)
    assert said == []


def test_a_full_disk_costs_the_lines_and_nothing_else(supervisor: Supervisor, said: list[str]) -> None:
    log = supervisor.log_dir / "worker.log"
    log.parent.mkdir()
    log.symlink_to("/dev/full")
    worker = supervisor.start(child("worker", TICKING))
    thread = running(supervisor)
    wanted = [f"The log {log} cannot be written (No space left on device)"]
    eventually(lambda: troubles_of(supervisor) == wanted)
    log.unlink()
    eventually(lambda: troubles_of(supervisor) == [])
    assert thread.is_alive()
    assert alive(worker.process.pid)
    eventually(lambda: "bytes of output were lost here" in log.read_text())
    supervisor.stop()
    thread.join(60)
    assert len(said) == 2, "said once when it began, once when it was over"
    assert said[1].endswith("works again")


def test_a_log_folder_that_is_no_longer_one_ends_nothing_and_a_silent_child_is_no_obstacle_to_recovery(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    (tmp_path / "logs").write_text("a file")
    go_on = tmp_path / "silent"
    code = f"import pathlib, time\nprint('once', flush=True)\npathlib.Path({str(go_on)!r}).touch()\ntime.sleep(600)"
    supervisor.start(child("worker", code))
    thread = running(supervisor)
    eventually(lambda: go_on.exists() and len(troubles_of(supervisor)) == 1)
    (tmp_path / "logs").unlink()
    eventually(lambda: troubles_of(supervisor) == [])
    assert (tmp_path / "logs" / "worker.log").read_text() == "[5 bytes of output were lost here]\n"
    supervisor.stop()
    thread.join(60)


def test_a_task_that_fails_ends_neither_the_watch_nor_the_other_tasks(supervisor: Supervisor, said: list[str]) -> None:
    turns = {"copy": 0, "other": 0}
    repaired = threading.Event()

    def copy() -> None:
        turns["copy"] += 1
        if not repaired.is_set():
            raise OSError(28, "No space left on device")

    def other() -> None:
        turns["other"] += 1

    supervisor.tasks |= {"Copying": copy, "The other": other}
    thread = running(supervisor)
    eventually(lambda: turns["copy"] > 3 and turns["other"] > 3)
    assert troubles_of(supervisor) == ["Copying OSError: [Errno 28] No space left on device"]
    repaired.set()
    eventually(lambda: troubles_of(supervisor) == [])
    supervisor.stop()
    thread.join(60)
    assert len(said) == 2


def test_a_child_that_cannot_be_started_again_now_is_tried_until_it_can(
    supervisor: Supervisor, tmp_path: Path, said: list[str]
) -> None:
    interpreter = tmp_path / "python"
    interpreter.symlink_to(sys.executable)
    other = supervisor.start(child("other", FOREVER))
    worker = supervisor.start(Child("worker", [str(interpreter), "-c", FOREVER], dict(os.environ)))
    thread = running(supervisor)
    first = worker.process.pid
    interpreter.unlink()
    os.kill(first, 9)
    eventually(lambda: any("Watching worker FileNotFoundError" in line for line in troubles_of(supervisor)))
    assert alive(other.process.pid)
    interpreter.symlink_to(sys.executable)
    eventually(lambda: worker.process is not None and alive(worker.process.pid))
    eventually(lambda: troubles_of(supervisor) == [])
    supervisor.stop()
    thread.join(60)


def test_a_note_that_cannot_be_written_is_said_and_ends_nothing(supervisor: Supervisor, said: list[str]) -> None:
    supervisor.failures.path.mkdir()
    supervisor.failures.failed("Copying", "no room")
    assert said[0] == "Copying: no room. Everything else goes on; it is tried again."
    assert "the page does not show this" in said[1]


def test_who_died_is_told_to_the_process_that_must_clean_up(supervisor: Supervisor) -> None:
    codes: list[int] = []
    worker = child("worker", FOREVER)
    worker.ended = codes.append
    supervisor.start(worker)
    thread = running(supervisor)
    os.kill(worker.process.pid, 9)
    eventually(lambda: codes == [-9])
    supervisor.stop()
    thread.join(60)
    assert codes == [-9], "an end that was asked for is no death"


def test_what_a_killed_supervisor_left_running_is_ended_and_nobody_else(supervisor: Supervisor, tmp_path: Path) -> None:
    home = Home(tmp_path / "home").ensure()
    mine = Child("daemon", [sys.executable, "-c", FOREVER], dict(os.environ) | {"BUSTA_HOME": str(home.root)})
    other = Child("other", [sys.executable, "-c", FOREVER], dict(os.environ) | {"BUSTA_HOME": f"{home.root}-2"})
    for worker in (mine, other):
        supervisor.start(worker)
    pids = {worker.name: worker.process.pid for worker in (mine, other)}
    Running("http://127.0.0.1:1", "127.0.0.1", 1, 2, 0.0, pids | {"web": 2**22 - 1}).write(home)
    assert end_left_over(home) == ["daemon"]
    eventually(lambda: mine.process.poll() is not None)
    assert other.process.poll() is None
    assert not home.processes.exists()
    assert end_left_over(home) == []


THROUGH_ANOTHER = (
    "import subprocess, sys, time; "
    "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); open({file!r}, 'w').write(str(p.pid)); "
    "time.sleep(600)"
)


def test_a_child_that_lost_the_process_it_works_through_is_started_again(
    supervisor: Supervisor, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster's code server lives on without its server, and nothing would ever be observed again."""
    monkeypatch.setattr("busta_health_dagster.cli.supervisor.ALONE_S", 0.2)
    file = tmp_path / "pid"
    server = supervisor.start(child("code-server", THROUGH_ANOTHER.format(file=str(file)), through_another=True))
    watching = running(supervisor)
    eventually(lambda: file.exists() and file.read_text())
    first, before = int(file.read_text()), server.process
    eventually(lambda: server.alone_since is not None)
    os.kill(first, 9)
    eventually(lambda: server.process not in {None, before} and file.read_text() not in {"", str(first)})
    assert any("lost the process that it works through" in text for text in said)
    supervisor.stop()
    watching.join()


def test_one_that_has_not_begun_yet_is_left_alone(
    supervisor: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busta_health_dagster.cli.supervisor.ALONE_S", 0.0)
    slow = supervisor.start(child("code-server", FOREVER, through_another=True))
    for _ in range(20):
        supervisor._mind(slow)
    assert slow.process is not None
    assert slow.process.poll() is None
    assert said == []


def test_the_log_of_a_process_that_prints_nothing_is_there(supervisor: Supervisor) -> None:
    supervisor.start(child("daemon", FOREVER))
    assert (supervisor.log_dir / "daemon.log").read_bytes() == b""
