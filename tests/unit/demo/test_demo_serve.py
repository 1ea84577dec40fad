"""The fleet as a process: it says where it is, follows SIGTERM, keeps its ports, and does not outlive its supervisor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from busta_health_dagster.demo import upstreams
from busta_health_dagster.demo.serve import main
from busta_health_dagster.domain.errors import BadInput


def start(home: Path, *extra: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "busta_health_dagster.demo.serve", "--home", str(home), *extra]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ready(process: subprocess.Popen[str], home: Path) -> upstreams.Address:
    return upstreams.wait_until_ready(home, process.pid, alive=lambda: process.poll() is None)


def test_it_serves_stops_on_sigterm_and_takes_up_its_ports_again(tmp_path: Path) -> None:
    process = start(tmp_path, "--scenario", "calm", "--anchor", "1795422300")
    with process:
        address = ready(process, tmp_path)
        assert (address.scenario, address.anchor) == ("calm", 1795422300)
        with urllib.request.urlopen(address.urls["rss_beat_writers"]) as answer:
            assert json.load(answer)["items"]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=5)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["ports"] == address.ports
    assert upstreams.read(tmp_path) == address.stopped()
    assert [p for p in tmp_path.rglob("*") if p.suffix == ".part"] == []
    with start(tmp_path, "--scenario", "calm") as again:
        assert ready(again, tmp_path).ports == address.ports
        again.terminate()
        assert again.wait(240) == 0
        again.communicate()


def test_it_ends_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time;"
        "p = subprocess.Popen([sys.executable, '-m', 'busta_health_dagster.demo.serve', '--home', sys.argv[1],"
        " '--scenario', 'calm', '--parent', str(os.getpid())], stdout=subprocess.DEVNULL);"
        "print(p.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        upstreams.wait_until_ready(tmp_path, pid, alive=lambda: True)
        parent.kill()
    deadline = time.monotonic() + 240
    while (found := upstreams.read(tmp_path)) and found.pid is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert found is not None
    assert found.pid is None


def test_an_unknown_scenario_is_one_paragraph_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(tmp_path), "--scenario", "hurricane"]) == 2
    assert "There is no demo scenario 'hurricane'" in capsys.readouterr().err


def test_waiting_for_a_fleet_that_ended_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="ended before it answered"):
        upstreams.wait_until_ready(tmp_path, os.getpid(), alive=lambda: False)
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "upstreams.json").write_text("{")
    with pytest.raises(BadInput, match="Delete it and start the demo again"):
        upstreams.read(tmp_path)
