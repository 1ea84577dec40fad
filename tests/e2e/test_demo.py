"""`busta demo` on the real clock: real upstreams fail, the tick sees it, and the right notification is in the file channel."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

BUSTA = [sys.executable, "-m", "busta_health_dagster.cli"]


def notifications(path: Path) -> list[dict]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_failing_upstream_of_the_demo_is_told_within_the_first_tick(tmp_path: Path) -> None:
    home = tmp_path / "home"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))}
    env = clean | {"BUSTA_HOME": str(home), "NO_COLOR": "1"}
    with subprocess.Popen(
        [*BUSTA, "demo", "--no-history"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        try:
            deadline = time.monotonic() + 300
            notified: list[dict] = []
            while not any(n["data"].get("source", {}).get("name") == "weather_api" for n in notified):
                assert demo.poll() is None, demo.stderr.read() if demo.stderr else ""
                assert time.monotonic() < deadline, f"nothing was sent about weather_api, only: {notified}"
                time.sleep(0.5)
                notified = notifications(home / "notifications.jsonl")
            done = subprocess.run(
                [*BUSTA, "sources", "health", "-o", "json"], env=env, capture_output=True, text=True, check=True
            )
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.communicate(timeout=120)
    (opened,) = (n for n in notified if n["data"]["source"]["name"] == "weather_api")
    assert (opened["type"], opened["data"]["rule"]["name"], opened["data"]["alert"]["severity"]) == (
        "alert.opened",
        "source-down",
        "warning",
    )
    assert "503" in opened["data"]["text"]
    assert not any(n["data"]["source"]["name"] == "rss_beat_writers" for n in notified), "its maintenance holds it"
    rows = {row["source"]: row for row in json.loads(done.stdout)}
    assert len(rows) == 12
    assert (rows["weather_api"]["status"], rows["weather_api"]["open_alerts"]) == ("down", 1)
    assert rows["postgres_warehouse"]["status"] == "up"
