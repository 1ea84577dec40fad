"""Everything of a monitor is killed, and no one starts it again for two hours. What can be read meanwhile says so; nothing is over."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import requests

from tests.delivery_stories import Receiver
from tests.e2e.up_stories import BUSTA, eventually, kill_all, running, up
from tests.faults.monitor_stories import monitor, sent
from tests.faults.shifted_clock import ShiftedClock

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
HOURS = 2 * 3600
GONE = "gone_file/source-down"


def test_statuses_are_unknown_the_monitor_is_stale_the_switch_is_silent_and_nothing_has_ended(tmp_path: Path) -> None:
    clock = ShiftedClock(tmp_path / "clock")
    environ = monitor(tmp_path) | clock.environ()
    with Receiver() as outside:
        switch = {"version": 1, "dead_mans_switch": {"url": outside.url, "allow_private": True}}
        (tmp_path / "config" / "settings.yaml").write_text(json.dumps(switch))
        with up(environ):
            running(environ)
            eventually(lambda: outside.received, "the switch outside is called")
            eventually(lambda: sent(tmp_path) == [("alert.opened", GONE)], "the first tick notifies")
            kill_all(environ["BUSTA_HOME"])
            (tmp_path / "home" / "up.json").unlink()  # or it would be read as that of the next one
        clock.jump(HOURS)
        calls = len(outside.received)
        shown = subprocess.run(
            [*BUSTA, "sources", "health", "-o", "json"], env=environ, capture_output=True, text=True, check=False
        )
        assert {source["status"] for source in json.loads(shown.stdout)} == {"unknown"}
        with up(environ, "web"):
            url = running(environ)["url"]
            ready = requests.get(f"{url}/readyz", timeout=60)
            assert (ready.status_code, ready.json()["tick"]) == (503, "stale")
            items = requests.get(f"{url}/api/v1/sources", timeout=60).json()["items"]
            assert {source["status"] for source in items} == {"unknown"}
            alerts = requests.get(f"{url}/api/v1/alerts?state=open", timeout=60).json()["items"]
            assert GONE in {alert["fingerprint"] for alert in alerts}
        assert len(outside.received) == calls
    assert sent(tmp_path) == [("alert.opened", GONE)]
