"""`busta up` as a person meets it: real processes, one URL, live numbers, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
import requests

from tests.e2e.up_stories import BUSTA, HANG_GUARD_S, environment, eventually, processes_of, running, up

pytestmark = pytest.mark.e2e


def health(environ: dict[str, str]) -> dict[str, dict]:
    done = subprocess.run(
        [*BUSTA, "sources", "health", "-o", "json"], env=environ, capture_output=True, text=True, check=False
    )
    return {row["source"]: row for row in json.loads(done.stdout)} if done.returncode == 0 else {}


def assets(url: str) -> set[str]:
    query = {"query": "{ assetNodes { assetKey { path } } }"}
    answer = requests.post(f"{url}/graphql", json=query, timeout=120)
    return {"/".join(node["assetKey"]["path"]) for node in answer.json()["data"]["assetNodes"]}


def test_up_from_start_to_stop(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    home = tmp_path / "home"
    with up(environ) as process:
        now = running(environ)
        wanted = {"sources/good_file", "sources/gone_file", "health/fleet"}
        eventually(lambda: wanted <= assets(now["url"]), "the UI's GraphQL shows the assets")

        def ticked() -> dict[str, dict] | None:
            rows = health(environ)  # the web process makes the store before the first tick fills it
            return rows if rows and rows["good_file"]["observed_at"] else None

        found = eventually(ticked, "the first tick, at once and not at the next five minutes")
        assert found["good_file"]["status"] == "up"
        assert found["good_file"]["items"] == 2
        assert found["gone_file"]["status"] == "down"
        assert found["gone_file"]["reason_code"] == "missing"

        err = tmp_path / "up.err"
        eventually(lambda: "the first tick is done: 2 sources, 1 down and 1 up" in err.read_text(), "what it found")
        assert err.read_text().splitlines()[0].endswith(f"starts in {home}"), "said before anything is loaded"

        second = subprocess.run([*BUSTA, "up"], env=environ, capture_output=True, text=True, check=False)
        assert second.returncode == 2
        assert f"already runs on {home} (pid {process.pid})" in " ".join(second.stderr.split())

        killed = now["pids"]["daemon"]
        os.kill(killed, signal.SIGKILL)

        def back() -> bool:
            """Another one: the killed process may be listed for a moment longer."""
            return any(pid != killed and "dagster._daemon" in line for pid, line in processes_of(str(home)).items())

        eventually(back, "the daemon is back")
        written = home / "up.json"
        eventually(
            lambda: json.loads(written.read_text())["pids"]["daemon"] != killed, "its new number is written down"
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANG_GUARD_S) == 0
        assert processes_of(str(home)) == {}
        assert not (home / "up.json").exists()
    printed = (tmp_path / "up.out").read_text()
    assert now["url"] in printed
    said = " ".join(err.read_text().split())
    assert "daemon ended with exit code -9 and is started again" in said
