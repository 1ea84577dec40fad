"""`busta` alone: in ten lines every source that is not up is named or counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from page_stories import history, world
from typer.testing import CliRunner

from busta_health_dagster.cli.glance_view import glance
from busta_health_dagster.cli.glyphs import ASCII, UNICODE
from busta_health_dagster.cli.health_view import render
from busta_health_dagster.cli.main import app
from busta_health_dagster.domain.health import WORST_FIRST
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def fleet(tmp_path: Path) -> Any:
    clock = FakeClock()
    with Monitor(world(tmp_path, clock), "test") as monitor:
        history(monitor.app, clock, 3, odds_api=Status.DOWN)
        return monitor.fleet(bars=True)


def of(fleet: Any, **counts: int) -> Any:
    """The fleet with so many sources of each status."""
    row = fleet["sources"][0]
    rows = [
        {
            **row,
            "source": f"{status}_{n}",
            "status": status,
            "shown": status,
            "reason": f"it is {status}",
            "open_alerts": 0,
            "reservations": [],
        }
        for status in WORST_FIRST
        for n in range(1, counts.get(status, 0) + 1)
    ]
    for one in rows:
        if one["status"] == "maintenance":
            one |= {"status": "down", "maintenance_until": "2026-11-23T09:00:00Z"}
    return {**fleet, "sources": rows, "counts": {**dict.fromkeys(WORST_FIRST, 0), **counts}, "alerts": []}


def lines(fleet: Any, width: int = 80) -> list[str]:
    return [line.plain.rstrip() for line in glance(fleet, width=width, letters=UNICODE)]


def test_the_five_worst_have_a_line_each_and_the_others_are_counted_by_status(fleet: Any) -> None:
    drawn = lines(of(fleet, down=2, degraded=6, unknown=1, maintenance=1, up=4))
    assert len(drawn) == 10
    assert [line.split()[2] for line in drawn[3:8]] == ["down_1", "down_2", "degraded_1", "degraded_2", "degraded_3"]
    assert drawn[3].startswith("■ DOWN     down_1             it is down; for")
    assert drawn[8] == "and 5 more: 3 degraded, 1 no data, 1 maintenance"
    assert "busta sources health" in drawn[9]


def test_a_fleet_that_is_up_needs_no_list(fleet: Any) -> None:
    drawn = lines(of(fleet, up=12))
    assert drawn[1].startswith("● 12 up")
    assert len(drawn) == 4


def test_a_refused_configuration_takes_a_line_of_the_ten(fleet: Any) -> None:
    drawn = lines({**of(fleet, down=7), "config_problem": "sources.yaml:3: what is this?"})
    assert len(drawn) == 10
    assert drawn[2].startswith("! Configuration not accepted")
    assert drawn[8] == "and 3 more: 3 down"


def test_of_a_monitor_that_does_not_report_nothing_is_known(fleet: Any) -> None:
    drawn = lines({**of(fleet, down=1, up=7), "stale": True})
    assert "Treat all as unknown." in drawn[1]
    assert all(line.startswith("○ NO DATA") for line in drawn[3:8])
    assert drawn[8] == "and 3 more: 3 no data"


@pytest.mark.parametrize("width", [20, 40, 80, 160])
def test_no_line_is_wider_than_the_terminal(fleet: Any, width: int) -> None:
    many = of(fleet, down=3, degraded=6, maintenance=2, off_season=2)
    assert max(map(len, lines(many, width))) <= width
    plain = "".join(line.plain for line in glance(many, width=width, letters=ASCII))
    assert plain.isascii()


def test_in_the_long_list_the_rest_is_counted_by_status_and_not_called_by_its_worst(fleet: Any) -> None:
    many = of(fleet, down=1, degraded=3, maintenance=1, up=7)
    drawn = [line.plain.strip() for line in render(many, width=80, height=10, letters=UNICODE)]
    (rest,) = [line for line in drawn if " more: " in line and "busta" not in line]
    assert rest.startswith("11 more: 3 degraded, 1 maintenance, 7 up")
    assert "DEGRADED" not in rest


def test_it_is_what_the_command_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    with Monitor(world(tmp_path, clock), "test") as monitor:
        history(monitor.app, clock, 3, odds_api=Status.DOWN)
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(app, [], env={"COLUMNS": "72", "BUSTA_HOME": str(tmp_path)})
    assert said.exit_code == 0, said.output
    assert "odds_api" in said.output
    assert max(map(len, said.output.splitlines())) <= 72
