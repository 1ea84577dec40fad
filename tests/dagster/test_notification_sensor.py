"""The notification sensor delivers what waits, within its budget, and says what it did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import dagster as dg

from busta_health_dagster import bootstrap
from busta_health_dagster.defs.app_cache import cached_app
from busta_health_dagster.defs.delivery import notification_sensor
from tests.delivery_stories import message

if TYPE_CHECKING:
    from pathlib import Path


def test_the_sensor_runs_from_the_start_and_delivers_the_outbox(home: Path, data: Path) -> None:
    assert notification_sensor.default_status is dg.DefaultSensorStatus.RUNNING
    with bootstrap.open_app(create_store=True) as app, app.store.write() as uow:
        uow.outbox.enqueue([message("k1", "log")], app.now())
    with dg.DagsterInstance.ephemeral() as instance:
        said = notification_sensor(dg.build_sensor_context(instance=instance))
        again = notification_sensor(dg.build_sensor_context(instance=instance))
    assert said.skip_message == "1 delivered"
    assert again.skip_message == "nothing was due"
    assert json.loads((data / "notifications.jsonl").read_text())["key"] == "k1"
    with cached_app() as app:
        app.close()
