"""A home of 0.1.0 opens in this version: nothing is lost, and nothing is told twice."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from busta_health_dagster import bootstrap
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.tick.tick import run_tick
from busta_health_dagster.testing import FakeClock
from tests.delivery_stories import Receiver
from tests.kept.home_story import STEP, T0, configure

KEPT = Path(__file__).parent / "home_0_1_0.sql"


@pytest.fixture
def hook():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def environ(tmp_path: Path, hook: Receiver) -> dict[str, str]:
    """The kept home under today's paths; its webhook answers now."""
    environ = configure(tmp_path, hook.url)
    home = tmp_path / "home"
    home.mkdir()
    with sqlite3.connect(home / "busta.sqlite3") as store:
        store.executescript(KEPT.read_text())
    store.close()
    return environ


def test_its_alerts_its_waiting_messages_and_its_tokens_go_on(
    environ: dict[str, str], hook: Receiver, tmp_path: Path
) -> None:
    clock = FakeClock(T0 + 2 * STEP)
    with bootstrap.open_app(environ=environ, create_store=True, clock=clock) as app:
        run_tick(app)
        delivery_pass(app)
        with app.store.read() as uow:
            alerts = {alert.source: alert for alert in uow.alerts.open()}
            incidents = uow.alerts.list(limit=10)
        assert {name: alert.id for name, alert in alerts.items()} == {
            "gone_file": 1,
            "acked_file": 2,
            "snoozed_file": 3,
        }
        assert alerts["acked_file"].ack
        assert alerts["acked_file"].ack.by == "ann"
        assert alerts["acked_file"].ack.note == "the provider knows"
        assert alerts["snoozed_file"].snooze
        assert alerts["snoozed_file"].snooze.until == T0 + 7200
        assert {alert.first_bad_slot for alert in alerts.values()} == {T0}
        assert len(incidents) == 3
        assert [token.name for token in access.list_tokens(app)] == ["ann"]
        first = list(hook.types)
        clock.advance(STEP)
        run_tick(app)
        delivery_pass(app)
        assert hook.types == first
    assert not (tmp_path / "data" / "notifications.jsonl").exists(), "its reader was told by 0.1.0"
    assert first == ["storm.opened", "storm.acknowledged", "storm.snoozed"]
