"""`busta up` as a person meets it: real processes, one URL, live numbers, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from small_home import TOLD

pytestmark = pytest.mark.e2e

BUSTA = [sys.executable, "-m", "busta_health_dagster.cli"]

SOURCES = """\
version: 1
sources:
  - {name: good_file, type: stats, probe: file, path: "%(data)s/good.csv", max_data_age: 26h}
  - {name: gone_file, type: stats, probe: file, path: "%(data)s/gone.csv", max_data_age: 26h}
"""
RULES = """\
version: 1
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
  - {name: slow-response, metric: response_ms, op: ">", value: 5s, for: 2, severity: warning}
  - {name: stale-data, metric: data_age_s, op: ">", value: max_data_age, severity: warning}
"""
ALERTS = RULES + TOLD


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    data = tmp_path / "data"
    data.mkdir()
    (data / "good.csv").write_text("game_id,play\n1,run\n2,pass\n")
    config = tmp_path / "config"
    config.mkdir()
    (config / "sources.yaml").write_text(SOURCES % {"data": data})
    (config / "alerts.yaml").write_text(ALERTS % {"data": data})
    home = {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(config)}
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))}
    return clean | home | {"NO_COLOR": "1"}


def eventually(condition, seconds: float, what: str):
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.25)


def processes_of(home: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environ = (entry / "environ").read_bytes()
            if (
                f"BUSTA_HOME={home}\0".encode() in environ
                and (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
            ):
                found.append(f"{entry.name}: {(entry / 'cmdline').read_bytes().decode(errors='replace')}")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def health(environment: dict[str, str]) -> dict[str, dict]:
    done = subprocess.run(
        [*BUSTA, "sources", "health", "-o", "json"], env=environment, capture_output=True, text=True, check=False
    )
    return {row["source"]: row for row in json.loads(done.stdout)} if done.returncode == 0 else {}


def test_up_from_start_to_stop(environment: dict[str, str]) -> None:
    home = Path(environment["BUSTA_HOME"])
    with subprocess.Popen(
        [*BUSTA, "up"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as up:
        try:
            running = json.loads(
                eventually(lambda: (home / "up.json").exists() and (home / "up.json").read_text(), 90, "up.json")
            )
            query = {"query": "{ assetNodes { assetKey { path } } }"}
            wanted = {"sources/good_file", "sources/gone_file", "health/fleet"}

            def assets() -> bool:
                try:
                    answer = requests.post(f"{running['url']}/graphql", json=query, timeout=20).json()
                except requests.ConnectionError:  # up.json is there before the page listens, on a slow machine
                    return False
                return wanted <= {"/".join(node["assetKey"]["path"]) for node in answer["data"]["assetNodes"]}

            eventually(assets, 60, "the UI's GraphQL shows the assets")

            def observed() -> dict[str, dict] | None:
                found = health(environment)  # the web process makes the store before the first tick fills it
                return found if found and all(row["observed_at"] for row in found.values()) else None

            def ticked() -> dict[str, dict] | None:
                rows = health(environment)
                return rows if rows and rows["good_file"]["observed_at"] else None

            seen = eventually(ticked, 90, "the first tick, at once and not at the next five minutes")
            assert seen["good_file"]["status"] == "up"
            assert seen["good_file"]["items"] == 2
            assert seen["gone_file"]["status"] == "down"
            assert seen["gone_file"]["reason_code"] == "missing"

            second = subprocess.run([*BUSTA, "up"], env=environment, capture_output=True, text=True, check=False)
            assert second.returncode == 2
            assert f"already runs on {home} (pid {up.pid})" in " ".join(second.stderr.split())

            killed = running["pids"]["daemon"]
            os.kill(killed, signal.SIGKILL)

            def back() -> bool:
                """Another one: the killed process may be listed for a moment longer."""
                daemons = [line for line in processes_of(str(home)) if "dagster._daemon" in line]
                return any(not line.startswith(f"{killed}:") for line in daemons)

            eventually(back, 60, "the daemon is back")
        finally:
            asked = time.monotonic()
            up.send_signal(signal.SIGTERM)
            out, err = up.communicate(timeout=30)
    assert time.monotonic() - asked < 10
    assert up.returncode == 0
    assert running["url"] in out
    assert "daemon ended with exit code -9 and is started again" in " ".join(err.split())
    assert processes_of(str(home)) == []
    assert not (home / "up.json").exists()
