"""A process of `busta up` that hangs instead of dying: stopped by the kernel, it is there, keeps its port, and does nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.e2e.up_stories import eventually, processes_of, running, up
from tests.faults.monitor_stories import metric, monitor, ticks_done

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
NAMES = ("code-server", "daemon", "web")


def test_a_process_that_hangs_is_named_killed_and_started_again_and_ticks_go_on(tmp_path: Path) -> None:
    environ = monitor(tmp_path)
    said = tmp_path / "up.err"
    with up(environ) as process:
        found = running(environ)
        eventually(lambda: ticks_done(environ) >= 1, "the first tick")
        code_server = found["pids"]["code-server"]
        worker = Path(f"/proc/{code_server}/task/{code_server}/children").read_text().split()[0]
        for pid in (int(worker), found["pids"]["daemon"], found["pids"]["web"]):
            os.kill(pid, signal.SIGSTOP)
        for name in NAMES:
            eventually(lambda n=name: f"The process {n}: no sign of life" in said.read_text(), f"{name} is named")
            eventually(lambda n=name: f"The process {n}: works again" in said.read_text(), f"{name} is back")
        assert len(set(running(environ)["pids"].values()) & set(found["pids"].values())) == 0
        assert metric(found["url"], "busta_supervisor_failing") == 0
        before = ticks_done(environ)
        eventually(lambda: ticks_done(environ) > before, "the schedule ticks on")
        assert process.poll() is None
    assert said.read_text().count("no sign of life") == len(NAMES), "no one was restarted who only was late"
    assert processes_of(environ["BUSTA_HOME"]) == {}
