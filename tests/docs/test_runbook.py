"""docs/operations.md has a row of its runbook for every alert that the monitor raises about itself, and for none that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from busta_health_dagster.cli.main import app as busta
from busta_health_dagster.domain.self_monitoring import MONITOR, MONITOR_RULES

DOCS = Path(__file__).parents[2] / "docs"
ALERTS = {f"{MONITOR.name}/{rule.name}" for rule in MONITOR_RULES}


def rows(page: str, heading: str) -> dict[str, list[str]]:
    part = (DOCS / page).read_text(encoding="utf-8").partition(f"### {heading}\n")[2]
    part = re.split(r"^#", part, maxsplit=1, flags=re.MULTILINE)[0]
    found = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| `monitor/")]
    return {cells[0].strip("`"): cells[1:] for cells in found}


def test_the_runbook_has_a_row_for_every_alert_that_says_what_to_look_at_and_what_to_do() -> None:
    runbook = rows("operations.md", "Each alert about the monitor itself")
    assert set(runbook) == ALERTS
    for alert, cells in runbook.items():
        assert len(cells) == 3, alert
        assert all(len(cell.strip()) > 10 for cell in cells), alert


def test_the_page_of_alerts_lists_the_same() -> None:
    assert set(rows("alerts.md", "Alerts about the monitor itself")) == ALERTS


@pytest.mark.parametrize(("command", "code"), [("config doctor", 1), ("config show", 2), ("sources list", 2)])
def test_the_exit_codes_of_a_broken_configuration_are_those_of_the_page(
    command: str, code: int, tmp_path: Path
) -> None:
    (tmp_path / "sources.yaml").write_text("version: 1\nsourcs: []\n")
    words = ["--home", str(tmp_path / "home"), "--config-dir", str(tmp_path), *command.split()]
    assert CliRunner().invoke(busta, words).exit_code == code
    text = " ".join((DOCS / "operations.md").read_text(encoding="utf-8").split())
    assert "or wrong (`busta config doctor` with an error), 2 usage or a configuration that does not load" in text
