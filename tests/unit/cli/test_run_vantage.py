"""`busta run vantage NAME`: a place that the configuration does not know is refused before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_home import environ_of
from typer.testing import CliRunner

from busta_health_dagster.cli.main import app as busta

SOURCES = 'version: 1\nsources:\n  - {name: odds, type: odds, probe: http, url: "https://a.example/"}\n'


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("vantages: {nyc: {}, fra: {}}", "settings.yaml has no vantage point 'lon'. There are: nyc, fra."),
        ("", "settings.yaml has no vantage point 'lon'. There is none; see docs/vantages.md."),
    ],
)
def test_a_vantage_point_that_is_not_there_is_refused_by_name(tmp_path: Path, settings: str, says: str) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "sources.yaml").write_text(SOURCES)
    (tmp_path / "config" / "settings.yaml").write_text(f"version: 1\n{settings}\n")
    done = CliRunner().invoke(busta, ["run", "vantage", "lon"], env=environ_of(tmp_path))
    assert done.exit_code == 2
    assert says in " ".join(done.output.split())
