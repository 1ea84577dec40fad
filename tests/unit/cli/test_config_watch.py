"""What an accepted change of the configuration sets in motion, and a broken one does not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from busta_health_dagster.cli import config_watch
from busta_health_dagster.cli.session import Session
from busta_health_dagster.domain.clock import SystemClock
from busta_health_dagster.pipeline.app.supervisor_failures import FailureBook

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
    monkeypatch.setattr(config_watch.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(config_watch.time, "time", lambda: now[0])
    current = Session(home=tmp_path / "home", config_dir=config, environ={})
    watch = config_watch.config_watch(
        current,
        done.append,
        FailureBook(tmp_path / "note", SystemClock(), done.append),
        reload_code=lambda: done.append("code reloaded"),
        renew_web=lambda: done.append("web renewed"),
    )

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


def test_other_sources_reload_the_code_first(watched) -> None:
    write, look = watched
    look()
    write(SOURCES % "2h" + '  - {name: new_file, type: stats, probe: file, path: "new.csv", max_data_age: 2h}\n')
    assert look()[-1] == "code reloaded"


def test_a_copy_that_finds_no_room_is_said_once_tried_again_and_holds_nothing_up(watched, tmp_path: Path) -> None:
    write, look = watched
    look()
    kept = tmp_path / "home" / "last_good_config"
    kept.rename(tmp_path / "aside")
    kept.write_text("in the way")
    write(SOURCES % "2h")
    said = look()
    assert said[0].startswith(f"The copy of the configuration: {kept} cannot be written (")
    assert said[1].startswith("configuration accepted")
    assert said[2] == "web renewed"
    assert look() == []
    kept.unlink()
    assert look() == ["The copy of the configuration: works again"]
    assert "2h" in (kept / "sources.yaml").read_text()
