"""A configuration directory to write files into, and the one problem of what is in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from settings_stories import CHANNELS, DESIGN_ALERTS, DESIGN_MAINTENANCE, DESIGN_SOURCES, ONE_SOURCE, PROBES, Files


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.chdir(tmp_path)
    return Files(tmp_path / "config")


@pytest.fixture
def design(files: Files) -> Files:
    """The example of the design, word for word."""
    return files.write(
        sources=DESIGN_SOURCES, alerts=DESIGN_ALERTS, maintenance=DESIGN_MAINTENANCE, settings="version: 1\n"
    )


@pytest.fixture
def problem(files: Files) -> Callable[..., Any]:
    """The one error of these files; more than one, or none, fails."""

    def only(**texts: str) -> Any:
        found = files.write(**({"sources": ONE_SOURCE} | texts)).diagnose()
        assert len(found.errors) == 1, "\n".join(map(str, found.errors)) or "no error"
        assert found.config is None
        return found.errors[0]

    return only


@pytest.fixture
def registries() -> tuple[dict[str, type[BaseModel]], dict[str, type[BaseModel]]]:
    return PROBES, CHANNELS
