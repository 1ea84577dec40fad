"""The history goes into a real store, and stands there as it was made."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from demo_home import ANCHOR, CHANNELS, EXPECTATIONS, PROBES, address
from rich.console import Console

from busta_health_dagster.demo.catalogue import NAMES
from busta_health_dagster.demo.config import write_config
from busta_health_dagster.demo.fill import fill
from busta_health_dagster.demo.history import generate
from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.settings.config import Config
from busta_health_dagster.settings.loading import load
from busta_health_dagster.store import Store


@pytest.fixture
def config(tmp_path: Path) -> Config:
    write_config(tmp_path, address(tmp_path), expectations=EXPECTATIONS)
    return load(tmp_path / "config", PROBES, CHANNELS, {})


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store(f"sqlite:///{tmp_path / 'busta.sqlite3'}") as opened:
        opened.upgrade()
        yield opened


def test_the_history_goes_in_comes_out_and_goes_in_only_once(store: Store, config: Config) -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=100)
    assert fill(store, config.sources, config.windows, 1.5, ANCHOR, console=console) == 432 * 12
    assert "432/432" in shown.getvalue()
    made = {o.source: o for o in list(generate(1.5, ANCHOR))[-1]}
    with store.read() as uow:
        states = uow.states.all()
        observations = uow.observations.columns(ANCHOR - 7200, ANCHOR)
    assert set(states) == set(NAMES)
    assert {n: (s.status, s.slot, s.reason) for n, s in states.items()} == {
        n: (o.status, o.slot, o.reason) for n, o in made.items()
    }
    planned = [look.slot for look in observations["rss_beat_writers"] if look.maintenance]
    assert planned == list(range(ANCHOR - 85 * 60, ANCHOR, 300))
    assert not any(look.maintenance for look in observations["weather_api"])
    assert fill(store, config.sources, config.windows, 1, ANCHOR) == 0


def test_a_source_that_was_taken_out_of_the_configuration_is_left_out(store: Store, config: Config) -> None:
    fewer = {n: s for n, s in config.sources.items() if n != "pfr_stats"}
    assert fill(store, fewer, config.windows, 0.1, ANCHOR) == 28 * 11 + 11  # 28.8 slots: the first one is floored
    with store.read() as uow:
        assert "pfr_stats" not in uow.states.all()


def test_an_unknown_scenario_writes_nothing(store: Store, config: Config) -> None:
    with pytest.raises(UnknownName):
        fill(store, config.sources, config.windows, 1, ANCHOR, scenario="hurricane")
    with store.read() as uow:
        assert uow.states.all() == {}
