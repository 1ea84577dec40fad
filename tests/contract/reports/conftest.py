"""A home with two sources and a month of history in it, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from weekly_history import ALERTS, DAY, MONDAY, SETTINGS, SEVEN, SOURCES, write_history

from busta_health_dagster import bootstrap
from busta_health_dagster.pipeline.imports.import_history import import_history
from busta_health_dagster.testing import FakeClock


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    for name, text in (("sources", SOURCES), ("alerts", ALERTS), ("settings", SETTINGS)):
        (folder / f"{name}.yaml").write_text(text)
    return folder


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(SEVEN)


@pytest.fixture
def app(tmp_path: Path, config: Path, store_url: str, clock: FakeClock):
    opened = bootstrap.open_app(
        home=tmp_path / "home",
        config_dir=config,
        environ={"BUSTA_DATABASE_URL": store_url},
        create_store=True,
        clock=clock,
    )
    with opened:
        yield opened


@pytest.fixture
def month(app, tmp_path: Path):
    """The application with 30 days of history, replayed into alerts and incidents."""
    import_history(app, write_history(tmp_path / "history.csv", since=MONDAY - 30 * DAY, until=MONDAY))
    return app
