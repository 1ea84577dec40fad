"""The wall clock of a running monitor is set, an hour ahead and back again: nothing that is open expires, ends or escalates for it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import requests

from tests.e2e.up_stories import eventually, running, up
from tests.faults.monitor_stories import monitor, observations, sent, ticks_done
from tests.faults.shifted_clock import ShiftedClock

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
HOUR = 3600
LADDER = """\
escalations:
  - name: default
    steps: [{after: 0m, severity: warning, notify: [log]}, {after: 45m, severity: critical, notify: [log]}]
    repeat: 50m
"""


def test_an_hour_ahead_and_back_nothing_escalates_is_repeated_or_ends(tmp_path: Path) -> None:
    clock = ShiftedClock(tmp_path / "clock")
    environ = monitor(tmp_path) | clock.environ()
    alerts = tmp_path / "config" / "alerts.yaml"
    text = alerts.read_text()
    alerts.write_text(text.replace(text[text.index("escalations:") : text.index("routes:")], LADDER))
    with up(environ):
        url = running(environ)["url"]
        eventually(lambda: sent(tmp_path) == [("alert.opened", "gone_file/source-down")], "the first tick notifies")
        clock.jump(HOUR)
        eventually(lambda: observations(environ, "gone_file", since=time.time() + HOUR - 60), "it ticks an hour ahead")
        count = ticks_done(environ)
        eventually(lambda: ticks_done(environ) > count, "and again")
        clock.jump(-HOUR)
        said = "the clock was set back"
        eventually(
            lambda: said in requests.get(f"{url}/readyz", timeout=60).text, "it says that the clock was set back"
        )
        found = requests.get(f"{url}/api/v1/alerts?state=open", timeout=60).json()["items"]
        assert "gone_file/source-down" in {alert["fingerprint"] for alert in found}
    of_sources = [what for what in sent(tmp_path) if not what[1].startswith("monitor/")]
    assert of_sources == [("alert.opened", "gone_file/source-down")]
