"""The sensors' application is opened again when a file of the configuration changed, also one that is included."""

from __future__ import annotations

from pathlib import Path

import pytest

from busta_health_dagster.defs import app_cache


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    directory = tmp_path / "config"
    directory.mkdir()
    (directory / "sources.yaml").write_text("version: 1\nsources: [{include: '[a-z]*_feeds.yaml'}]\n")
    (directory / "nfl_feeds.yaml").write_text("sources: [{name: a, type: t, probe: file, path: a.csv}]\n")
    monkeypatch.setenv("BUSTA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BUSTA_CONFIG_DIR", str(directory))
    app_cache._cache.forget()
    yield directory
    app_cache._cache.forget()


def names() -> list[str]:
    with app_cache.cached_app() as app:
        return list(app.config.sources)


def test_a_change_of_an_included_file_and_a_new_one_reach_the_sensors(config: Path) -> None:
    assert names() == ["a"]
    (config / "nfl_feeds.yaml").write_text("sources: [{name: another, type: t, probe: file, path: a.csv}]\n")
    assert names() == ["another"]
    (config / "nba_feeds.yaml").write_text("sources: [{name: b, type: t, probe: file, path: b.csv}]\n")
    assert names() == ["b", "another"]
