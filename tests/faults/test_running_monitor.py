"""What may happen to a running `busta up`: its logs, its disk, its children. Real processes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from tests.e2e.up_stories import environment, eventually, kill_all, processes_of, running, up
from tests.faults.monitor_stories import metric

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

SLOW = """\
version: 1
sources:
  - {name: odds, type: odds, probe: http, url: "%(url)s", allow_private: true, interval: 1m, timeout: 50s, confirm: 0}
"""
STARTED, FAILURE, SUCCESS = DagsterRunStatus.STARTED, DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS


class Odds:
    """A source over a real socket that answers at once, or not at all."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if peer.answers.wait(55):
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(b'{"odds": [1]}')

            def log_message(self, *args) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address) -> None:
                """A client that was killed is part of the story."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def odds() -> Iterator[Odds]:
    source = Odds()
    yield source
    source.answers.set()
    source.server.shutdown()
    source.server.server_close()


def ticks(home: Path) -> list[DagsterRun]:
    """Newest first."""
    with DagsterInstance.from_config(str(home / "dagster")) as instance:
        return [run for run in instance.get_runs() if run.job_name == "health_tick"]


def state_of(home: Path, run_id: str) -> DagsterRunStatus:
    return next(run.status for run in ticks(home) if run.run_id == run_id)


def scheduled(run: DagsterRun) -> bool:
    return "dagster/schedule_name" in run.tags


def test_a_full_disk_and_logs_that_are_moved_stop_nothing_and_are_shown(tmp_path: Path) -> None:
    # A tick writes no line of its own; Python writes one for each import, so that every log has something to lose.
    environ = environment(tmp_path) | {"PYTHONPROFILEIMPORTTIME": "1"}
    home, said = tmp_path / "home", tmp_path / "up.err"
    logs = home / "logs"
    logs.mkdir(parents=True)
    (logs / "first-tick.log").symlink_to("/dev/full")
    with up(environ) as process:
        url = running(environ)["url"]
        eventually(lambda: (metric(url, "busta_ticks_total") or 0) >= 1, "it ticks, though it cannot say so")
        eventually(lambda: metric(url, "busta_supervisor_failing") == 1, "the metric knows")
        trouble = "first-tick.log: cannot be written (No space left on device)"
        eventually(lambda: trouble in requests.get(f"{url}/source-health", timeout=60).text, "the page knows")
        assert trouble in said.read_text()
        logs.rename(tmp_path / "moved")
        logs.write_text("no folder any more")
        os.kill(running(environ)["pids"]["web"], signal.SIGKILL)
        eventually(lambda: "web ended" in said.read_text(), "the death of the web process is said")
        eventually(lambda: (metric(url, "busta_ticks_total") or 0) >= 1, "it is back, without a log")
        logs.unlink()
        eventually(lambda: metric(url, "busta_supervisor_failing") == 0, "the metric knows that it is over")
        assert process.poll() is None
        assert "bytes of output were lost here" in (logs / "first-tick.log").read_text()
    assert process.returncode == 0
    assert processes_of(str(home)) == {}


def test_a_tick_that_was_killed_with_its_code_server_holds_up_no_other(tmp_path: Path, odds: Odds) -> None:
    environ = environment(tmp_path, SLOW.replace("%(url)s", odds.url))
    home = tmp_path / "home"
    with up(environ):
        running(environ)
        first = eventually(lambda: [r for r in ticks(home) if r.status is STARTED], "the first tick is under way")[0]
        kill_all(str(home))  # everything at once, as the machine would
    assert state_of(home, first.run_id) is STARTED
    with up(environ):
        eventually(lambda: state_of(home, first.run_id) is FAILURE, "the run that was killed is ended at the start")
        odds.answers.set()
        pids = running(environ)["pids"]
        eventually(lambda: ticks(home)[0].status is SUCCESS, "the new first tick")
        odds.answers.clear()
        hung = eventually(
            lambda: [r for r in ticks(home) if r.status is STARTED and scheduled(r)], "a tick of the schedule hangs"
        )[0]
        os.killpg(pids["code-server"], signal.SIGKILL)
        odds.answers.set()
        eventually(lambda: state_of(home, hung.run_id) is FAILURE, "it is ended when its code server has died")
        eventually(lambda: ticks(home)[0].run_id != hung.run_id and ticks(home)[0].status is SUCCESS, "the next tick")
    with DagsterInstance.from_config(str(home / "dagster")) as instance:
        for run_id in (first.run_id, hung.run_id):
            messages = [entry.message or "" for entry in instance.all_logs(run_id)]
            assert any("The process of this run has died" in message for message in messages)
