"""What an accepted change of the configuration sets in motion, and a broken one does not."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from busta_health_dagster.cli import up
from busta_health_dagster.cli.session import Session

SOURCES = """\
version: 1
sources:
  - {name: good_file, type: stats, probe: file, path: "good.csv", max_data_age: %s}
"""


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """-> (write new text, look once, what was done)."""
    config = tmp_path / "config"
    config.mkdir()
    path = config / "sources.yaml"
    path.write_text(SOURCES % "26h")
    done: list[str] = []
    now = [time.monotonic()]
    monkeypatch.setattr(up.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(up.time, "time", lambda: now[0])
    current = Session(home=tmp_path / "home", config_dir=config, environ={})
    watch = up._config_watch(current, dict(os.environ), 9, done.append, lambda: done.append("web renewed"))

    def write(text: str) -> None:
        path.write_text(text)

    def look() -> list[str]:
        for _ in range(4):  # a file must have stopped changing before it is read
            now[0] += 6
            watch()
        said, done[:] = list(done), []
        return said

    return write, look


def test_an_accepted_change_reaches_the_web_process(watched) -> None:
    write, look = watched
    assert look() == []
    write(SOURCES % "2h")
    said = look()
    assert said[-1] == "web renewed"
    assert said[0].startswith("configuration accepted")
    assert look() == [], "once"


def test_a_broken_file_is_told_once_and_changes_nothing(watched) -> None:
    write, look = watched
    look()
    write("version: 1\nsources: [")
    said = look()
    assert len(said) == 1
    assert said[0].startswith("configuration not accepted, the last good one stays")
    assert look() == []
