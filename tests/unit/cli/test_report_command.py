"""`busta report weekly` as a person runs it: on a store, with files and formats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.main import app

MONDAY = 1_732_492_800  # 2024-11-25T00:00:00Z


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    config = tmp_path / "config"
    config.mkdir()
    (config / "sources.yaml").write_text(
        "version: 1\nsources:\n  - {name: odds_api, type: odds, probe: file, path: /nowhere.csv, max_data_age: 1h}\n"
    )
    monkeypatch.setenv("BUSTA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BUSTA_CONFIG_DIR", str(config))
    monkeypatch.delenv("BUSTA_DATABASE_URL", raising=False)
    bootstrap.open_app(create_store=True).close()
    return tmp_path


def run(*argv: str):
    return CliRunner().invoke(app, ["report", "weekly", *argv])


def test_a_week_without_data_is_a_report_all_the_same(home: Path) -> None:
    result = run("--week", "2024-W47")
    assert result.exit_code == 0
    assert result.stdout.startswith("SOURCE HEALTH, WEEK 47 OF 2024\n")
    assert "Nothing was observed." in result.stdout


def test_every_format_goes_to_a_directory(home: Path) -> None:
    for form in ("text", "html", "md", "json", "csv"):
        assert run("--week", "2024-W47", "--format", form, "--out", str(home / "out")).exit_code == 0
    assert sorted(p.name for p in (home / "out").iterdir()) == [
        "weekly-2024-W47-incidents.csv",
        "weekly-2024-W47-sources.csv",
        "weekly-2024-W47.html",
        "weekly-2024-W47.json",
        "weekly-2024-W47.md",
        "weekly-2024-W47.txt",
    ]
    data = json.loads((home / "out" / "weekly-2024-W47.json").read_text())
    assert (data["period"], data["findings"]["headline"]) == ("2024-W47", "Nothing was observed.")


def test_keeping_it_makes_it_readable_for_the_page_and_tells_nobody(home: Path) -> None:
    assert run("--week", "2024-W47", "--keep", "--format", "json").exit_code == 0
    with bootstrap.open_app() as opened, opened.store.read() as uow:
        assert [(k.period, k.sent_at) for k in uow.reports.list("weekly")] == [("2024-W47", None)]
        assert uow.outbox.list("waiting") == []


def test_what_is_no_week_is_a_usage_error_with_the_remedy(home: Path) -> None:
    result = run("--week", "2024-W60")
    assert result.exit_code == 2
    assert "2026-W47" in result.output
