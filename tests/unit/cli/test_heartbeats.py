"""A child that hangs instead of dying, as the supervisor hears of it: real processes that are stopped, and none that is only late."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from busta_health_dagster.cli import heartbeats, ports
from busta_health_dagster.cli.heartbeats import Heartbeat, Works, code_server_answers, web_answers
from busta_health_dagster.cli.supervisor import Child, Supervisor
from busta_health_dagster.domain.clock import SystemClock
from busta_health_dagster.pipeline.app.supervisor_failures import FailureBook, supervisor_failures
from busta_health_dagster.testing import FakeClock

BUSY = "import time\nwhile True:\n    sum(range(100_000)); time.sleep(0.01)"
SERVES = """
import http.server, socket, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page, bind_and_activate=False)
server.socket = socket.socket(fileno=int(sys.argv[1]))
server.serve_forever()
"""


def eventually(condition, seconds: float = 240.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)
    return found


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"EVERY_S": 0.02, "ANSWER_WITHIN_S": 0.3, "HUNG_AFTER_S": 4.0}.items():
        monkeypatch.setattr(heartbeats, name, value)


@pytest.fixture
def said() -> list[str]:
    return []


@contextmanager
def supervising(folder: Path, said: list[str], *children: Child):
    boss = Supervisor(
        log_dir=folder / "logs",
        clock=SystemClock(),
        on_event=said.append,
        failures=FailureBook(folder / "note", SystemClock(), said.append),
    )
    for child in children:
        boss.start(child)
    thread = threading.Thread(target=boss.run, kwargs={"poll_s": 0.02})
    thread.start()
    try:
        yield boss
    finally:
        boss.stop()
        thread.join(60)


def stopped_and_replaced(child: Child) -> None:
    eventually(lambda: child.heartbeat.heard)
    hung = child.process.pid
    os.kill(hung, signal.SIGSTOP)
    eventually(lambda: child.process is not None and child.process.pid != hung and child.heartbeat.heard)


@pytest.mark.usefixtures("quick")
def test_a_daemon_that_is_stopped_is_named_killed_and_started_again(tmp_path: Path, said: list[str]) -> None:
    heartbeat = Heartbeat(Works(), SystemClock())
    daemon = Child("daemon", [sys.executable, "-c", BUSY], dict(os.environ), heartbeat=heartbeat)
    with supervising(tmp_path, said, daemon) as boss:
        stopped_and_replaced(daemon)
        eventually(lambda: supervisor_failures(boss.failures.path) == ())
    assert "The process daemon: no sign of life for" in said[0]
    assert "daemon ended with exit code -9" in said[1]
    assert said[2] == "The process daemon: works again"


@pytest.mark.usefixtures("quick")
def test_a_page_that_accepts_and_never_answers_is_replaced_behind_the_same_address(
    tmp_path: Path, said: list[str]
) -> None:
    with ports.listen("127.0.0.1", 0) as listener:
        number = listener.fileno()
        heartbeat = Heartbeat(web_answers(*listener.getsockname()), SystemClock())
        argv = [sys.executable, "-c", SERVES, str(number)]
        web = Child("web", argv, dict(os.environ), inherits=(number,), heartbeat=heartbeat)
        with supervising(tmp_path, said, web):
            stopped_and_replaced(web)
    assert "The process web: no sign of life" in said[0]


def test_a_code_server_answers_while_the_process_that_it_works_through_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster's own, with an empty location."""
    monkeypatch.setattr(heartbeats, "ANSWER_WITHIN_S", 5.0)
    port = ports.free()
    module = Path(__file__).with_name("empty_location.py")
    argv = [
        sys.executable,
        "-m",
        "dagster",
        "code-server",
        "start",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "-f",
        str(module),
    ]
    ask = code_server_answers("127.0.0.1", port)
    assert not ask(0), "no one is there yet"
    server = subprocess.Popen(argv, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: ask(server.pid))
        worker = eventually(lambda: Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split())
        os.kill(int(worker[0]), signal.SIGSTOP)
        for _ in range(3):  # after a while the code server itself says that it cannot reach the other one
            assert not ask(server.pid)
        os.kill(int(worker[0]), signal.SIGCONT)
        eventually(lambda: ask(server.pid))
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def test_only_silence_that_was_asked_into_again_and_again_counts() -> None:
    """A supervisor that was stopped itself, or a machine that slept, has asked no one meanwhile."""
    clock = FakeClock(0.0)
    heartbeat = Heartbeat(lambda _pid: False, clock)
    heartbeat.begin(1)
    heartbeat._ever = True
    clock.advance(3600)
    heartbeat._unanswered = 1
    assert heartbeat.silent_s() is None
    heartbeat._unanswered = heartbeats.QUESTIONS
    assert heartbeat.silent_s() == 3600


def test_one_that_is_still_starting_has_ten_minutes() -> None:
    clock = FakeClock(0.0)
    heartbeat = Heartbeat(lambda _pid: False, clock)
    heartbeat.begin(1)
    heartbeat._unanswered = 100
    clock.advance(heartbeats.STARTING_S - 1)
    assert heartbeat.silent_s() is None
    clock.advance(2)
    assert heartbeat.silent_s() is not None


@pytest.mark.usefixtures("quick")
def test_what_was_asked_of_one_that_was_replaced_meanwhile_is_not_held_against_its_successor() -> None:
    answer, asked, stopping = threading.Event(), threading.Event(), threading.Event()

    def ask(_pid: int) -> bool:
        asked.set()
        answer.wait(240)
        return stopping.is_set()

    heartbeat = Heartbeat(ask, SystemClock())
    heartbeat.begin(1)
    heartbeat.listen(stopping)
    assert asked.wait(240)
    heartbeat.begin(2)
    stopping.set()
    answer.set()
    assert not heartbeat.heard
