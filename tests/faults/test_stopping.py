"""SIGTERM and Ctrl-C reach the whole process group of a terminal at once; whatever `busta` does then, it is over in ten
seconds, and nothing is left. The machine is busy meanwhile: its children ignore the request, or do not get to it.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.up_stories import HANG_GUARD_S, environment, eventually, processes_of, running, up

pytestmark = pytest.mark.e2e
BOUND_S = 10


def told_to_stop(process, number: signal.Signals) -> float:
    """-> how long it took."""
    asked = time.monotonic()
    os.killpg(process.pid, number)
    process.wait(HANG_GUARD_S)
    return time.monotonic() - asked


def test_children_that_do_not_get_to_it_are_killed_within_the_bound(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    home = tmp_path / "home"
    with up(environ) as process:
        pids = running(environ)["pids"]
        for pid in pids.values():
            os.kill(pid, signal.SIGSTOP)  # no machine is so busy that a process gets less time than none
        assert told_to_stop(process, signal.SIGINT) < BOUND_S
        assert process.returncode == 0
        assert processes_of(str(home)) == {}
    assert not (home / "up.json").exists()


def test_the_demo_stops_while_it_makes_up_its_past(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    home = tmp_path / "home"
    with up(environ, "demo", "--days", "60") as process:
        eventually(lambda: any((home / "config").glob("sources.yaml")), "the fleet is there; the past is being made up")
        assert told_to_stop(process, signal.SIGTERM) < BOUND_S
        assert process.returncode == 0
        assert processes_of(str(home)) == {}
    said = (tmp_path / "up.err").read_text()
    assert "stopped while it was being prepared" in said
    assert "Traceback" not in said
