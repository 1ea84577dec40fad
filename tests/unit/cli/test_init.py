"""`busta init`: from an empty directory to a configuration that the doctor accepts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.main import app


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["init", *words], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def test_what_it_writes_loads_without_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run(str(tmp_path / "monitor"))
    assert "17 files written" in said
    assert f"Next:\n  cd {tmp_path / 'monitor'}\n  busta config doctor " in said
    monkeypatch.chdir(tmp_path / "monitor")
    found = bootstrap.diagnose_config(tmp_path / "monitor" / "config", {})
    assert found.errors == ()
    assert [warning.field for warning in found.warnings] == ["dead_mans_switch"]
    assert found.config is not None
    assert list(found.config.sources) == ["espn_nfl"]


def test_what_is_there_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    mine = tmp_path / "config" / "sources.yaml"
    mine.write_text("# mine\n")
    said = run("--no-suites")
    assert mine.read_text() == "# mine\n"
    assert "1 were there and are left as they are: config/sources.yaml" in said
    assert not (tmp_path / "expectations").exists()
    assert "0 files written" in run("--no-suites")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(app, ["init", str(tmp_path / "file")])
    assert result.exit_code == 2
    assert "cannot be written: Not a directory" in " ".join(result.output.split())
    assert os.path.isfile(tmp_path / "file")  # noqa: PTH113
