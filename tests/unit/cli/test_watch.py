"""`sources health --watch`: what is drawn at each width, and what it says when no one answers any more."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from page_stories import history, seen, tick, world

from busta_health_dagster.cli.glyphs import ASCII, UNICODE
from busta_health_dagster.cli.health_layout import LAYOUTS, resample
from busta_health_dagster.cli.health_view import render
from busta_health_dagster.cli.watch import follow
from busta_health_dagster.domain.errors import Refused, RemoteUnavailable
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.units import from_iso
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def fleet(tmp_path: Path):
    clock = FakeClock()
    with Monitor(world(tmp_path, clock), "test") as monitor:
        history(monitor.app, clock, 3, odds_api=Status.DOWN)
        yield monitor.fleet(bars=True)


def drawn(fleet: Any, width: int, height: int = 40, **more: Any) -> list[str]:
    return [
        line.plain for line in render(fleet, width=width, height=height, letters=UNICODE, note="x", live=True, **more)
    ]


@pytest.mark.parametrize("width", [40, 54, 60, 79, 80, 111, 112, 120, 135, 136, 200])
def test_no_line_is_wider_than_the_terminal_and_no_figure_is_cut(fleet, width: int) -> None:
    lines = drawn(fleet, width)
    assert max(map(len, lines)) <= width
    layout = next(one for one in LAYOUTS if width >= one.width)
    head = next(line for line in lines if line.startswith("STATUS"))
    row = next(line for line in lines if "odds_api" in line)
    assert head.rstrip().endswith("BUDGET%" if layout.money else "RESPONSE")
    assert "…" not in head + row
    assert "503" in row


def test_at_80_columns_it_is_the_mock(fleet) -> None:
    lines = drawn(fleet, 80, 24)
    assert lines[0].split() == [
        "Source",
        "health",
        "08:15:00",
        "UTC",
        "·",
        "live",
        "·",
        "next",
        "check",
        "in",
        "5",
        "min",
    ]
    assert lines[1].split("  ")[0] == "■ 1 down"
    assert lines[1].endswith("1 alert, 1 not acknowledged")
    assert lines[3].split() == ["STATUS", "SOURCE", "LAST", "24", "H", "30", "D", "%", "RESPONSE", "QUAL", "BUDGET%"]
    assert lines[4].startswith("■ DOWN     odds_api           ··")
    assert lines[5].strip().startswith("answered 503; for 0 s; not acknowledged; pager 08:45")


def test_where_there_is_room_the_ladder_of_each_alert_is_shown(fleet) -> None:
    (line,) = [one for one in drawn(fleet, 140) if one.startswith("ALERTS")]
    assert line.split()[1:6] == ["!", "warning", "1", "odds_api", "source-down"]
    assert line.split("  ")[-1] == "next: pager 08:45"
    assert "[L1] L2   not acknowledged" in line


def test_the_worst_stay_when_there_is_no_room_for_all(fleet) -> None:
    lines = drawn(fleet, 80, 10)
    assert len(lines) <= 10
    assert any("odds_api" in line for line in lines)
    assert any("2 more" in line for line in lines)


def test_a_terminal_without_utf_8_gets_plain_letters(fleet) -> None:
    text = "\n".join(line.plain for line in render(fleet, width=80, height=24, letters=ASCII))
    assert "# DOWN" in text
    assert set(text) & set("■▲●○▃█—…") == set()


def test_when_nobody_answers_it_says_since_when_and_at_last_believes_nothing(fleet) -> None:
    now = [0.0]
    answers = iter(
        [fleet, RemoteUnavailable("No answer"), RemoteUnavailable("No answer"), RemoteUnavailable("x"), fleet]
    )

    def look():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    frames, at = [], from_iso(fleet["at"])
    stepping = follow(look, lambda: now[0])
    for later in (0, 10, 20, 2000, 2010):
        now[0] = later
        frames += islice(stepping, 1)
    assert [lost is not None for _, lost in frames] == [False, True, True, True, False]
    assert frames[2][1].since == at + 10, "since the first time"
    known = drawn(frames[2][0], 80, lost=frames[2][1])
    assert known[0].endswith("CONNECTION LOST")
    assert "No answer since 08:15:10 (10 s). Below: what was known then." in known[1]
    assert any(line.startswith("■ DOWN     odds_api") for line in known)
    old = drawn(frames[3][0], 80, lost=frames[3][1])
    assert "Treat all as unknown." in old[1]
    assert not any("DOWN " in line[:8] for line in old)
    assert any("last seen DOWN at" in line for line in old)


def test_what_waiting_cannot_mend_ends_the_watching(fleet) -> None:
    answers = iter([fleet])

    def look():
        for answer in answers:
            return answer
        raise Refused("the token was revoked")

    stepping = follow(look, lambda: 0.0)
    next(stepping)
    with pytest.raises(Refused):
        next(stepping)


def test_planned_work_names_its_end(tmp_path: Path) -> None:
    clock = FakeClock()
    planned = 'version: 1\nwindows: [{name: w, select: {names: [odds_api]}, start: "2026-11-23T08:00", duration: 1h, zone: UTC}]\n'
    with Monitor(world(tmp_path, clock, maintenance=planned), "test") as monitor:
        tick(monitor.app, seen(monitor.app, "odds_api", Status.DOWN))
        lines = drawn(monitor.fleet(bars=True), 80)
    assert any("maintenance until 09:00; alerts held; answered 503" in line for line in lines)


DROPPED = """
import io, json, signal, sys
from busta_health_dagster.cli import watch

class Finalizer:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)  # Python drops what this raises here

class Pipe(io.StringIO):
    def flush(self):
        Finalizer()

fleet = json.load(sys.stdin)
sys.stdout = Pipe()
watch.REFRESH_S = 3600.0
watch.watch(lambda: fleet)
"""


def test_a_ctrl_c_that_python_drops_ends_the_watching_at_once_and_not_after_the_pause(fleet) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", DROPPED],
        input=json.dumps(fleet),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def test_a_time_in_which_no_one_knew_does_not_vanish_between_two_bars() -> None:
    strip = ["up", "unknown", "up", "down", "unknown", "degraded", None, "up", None, None, "off_season", "up"]
    assert resample(strip, 6) == ["unknown", "down", "degraded", "up", None, "off_season"]
