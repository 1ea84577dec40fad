"""Files that are edited under a running monitor: half a file is refused aloud, a source that is gone ends its alert."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.up_stories import eventually, running, up
from tests.faults.monitor_stories import metric, monitor, observations, page, sent

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
GONE, ACCEPTED = "gone_file/source-down", "busta_config_last_reload_success"


def test_half_a_file_leaves_the_last_good_one_in_force_and_a_source_that_is_gone_ends_its_alert(tmp_path: Path) -> None:
    environ = monitor(tmp_path)
    file = tmp_path / "config" / "sources.yaml"
    whole = file.read_text()
    with up(environ):
        url = running(environ)["url"]
        eventually(lambda: ("alert.opened", GONE) in sent(tmp_path), "the first tick notifies")
        file.write_text(whole[: len(whole) // 2])
        eventually(lambda: metric(url, ACCEPTED) == 0, "the metric knows")
        eventually(lambda: "not accepted" in page(url), "the page says so")
        eventually(lambda: ("alert.opened", "monitor/configuration") in sent(tmp_path), "someone is notified")
        seen = len(observations(environ, "gone_file"))
        eventually(lambda: len(observations(environ, "gone_file")) > seen, "the last good one is observed on")
        left = [line for line in whole.splitlines() if "gone_file" not in line]
        file.write_text("\n".join([*left, "# gone_file is not delivered any more", ""]))
        eventually(lambda: ("alert.resolved", "monitor/configuration") in sent(tmp_path), "its end is notified")
        eventually(lambda: ("alert.resolved", GONE) in sent(tmp_path), "the source is gone, and its alert with it")
        eventually(lambda: metric(url, ACCEPTED) == 1, "the metric knows that it is over")
    assert "removed" in (tmp_path / "data" / "notifications.jsonl").read_text()
    assert observations(environ, "gone_file"), "its history stays"
