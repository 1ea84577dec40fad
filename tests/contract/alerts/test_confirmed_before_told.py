"""What has just failed is observed again between the ticks, by its real probe, before anyone is notified."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.observation import Kind
from busta_health_dagster.pipeline.tick.confirmation import confirmation_pass
from busta_health_dagster.pipeline.tick.tick import run_tick
from busta_health_dagster.testing import EPOCH, FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App

SOURCES = """\
version: 1
sources:
  - {name: second, type: files, probe: file, path: "%s/second.csv", confirm: 0}
  - {name: first, type: files, probe: file, path: "%s/first.csv", confirm: 0, tier: 1}
"""
ALERTS = """\
version: 1
channels: [{name: log, kind: file, path: "%s/log.jsonl"}]
rules:
  - {name: source-down, metric: status, op: "==", value: down, confirm: true, recover_after: 1, overrides: [{select: {tiers: [1]}, confirm: false}]}
escalations: [{name: default, steps: [{after: 0m, severity: warning, notify: [log]}]}]
routes: [{select: {}, escalation: default}]
"""


class Night:
    def __init__(self, app: App, data: Path) -> None:
        self.app, self.data = app, data
        assert isinstance(app.clock, FakeClock)
        self.clock = app.clock

    def up(self, *names: str) -> None:
        for name in ("first", "second"):
            file = self.data / f"{name}.csv"
            file.write_text("a\n1\n") if name in names else file.unlink(missing_ok=True)

    def sensor(self, after: int) -> int:
        """The sensor's pass so many seconds later; -> how many observations it made."""
        self.clock.advance(after)
        return confirmation_pass(self.app).observations

    def open(self) -> list[str]:
        with self.app.store.read() as uow:
            return sorted(a.source for a in uow.alerts.open())


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    for folder in ("data", "config"):
        (tmp_path / folder).mkdir()
    data = str(tmp_path / "data")
    (tmp_path / "config" / "sources.yaml").write_text(SOURCES % (data, data))
    (tmp_path / "config" / "alerts.yaml").write_text(ALERTS % data)
    clock = FakeClock(EPOCH)
    app = bootstrap.open_app(home=tmp_path / "home", config_dir=tmp_path / "config", create_store=True, clock=clock)
    try:
        one = Night(app, tmp_path / "data")
        one.up("first", "second")
        run_tick(app)
        clock.advance(300)
        yield one
    finally:
        app.close()


def test_tier_one_is_told_at_once_and_tier_two_after_ninety_seconds(night: Night) -> None:
    night.up()
    run_tick(night.app)
    assert night.open() == ["first"]
    assert (night.sensor(30), night.open()) == (1, ["first"])
    assert (night.sensor(30), night.open()) == (0, ["first"])
    assert (night.sensor(30), night.open()) == (1, ["first", "second"])
    assert night.sensor(30) == 0, "it is open: nothing is left to confirm"


def test_a_blip_is_over_when_it_is_observed_again_and_stays_outside_the_sla(night: Night) -> None:
    night.up("first")
    run_tick(night.app)
    night.up("first", "second")
    assert night.sensor(30) == 1
    assert night.open() == []
    assert night.sensor(60) == 0
    with night.app.store.read() as uow:
        state = uow.states.all()["second"]
        seen = uow.observations.window(["second"], 0, night.app.now() + 1, manual=True)["second"]
        counted = uow.observations.window(["second"], 0, night.app.now() + 1)["second"]
    assert state.status.word == "up"
    assert [(o.kind, o.status.word, o.attempts) for o in seen][-2:] == [
        (Kind.SCHEDULED, "down", 1),
        (Kind.CONFIRMATION, "up", 1),
    ]
    assert [o.status.word for o in counted] == ["up", "down"], "what counts for the SLA is what the slot saw"


def test_without_a_sensor_the_next_slot_confirms(night: Night) -> None:
    night.up("first")
    run_tick(night.app)
    night.clock.advance(300)
    run_tick(night.app)
    assert night.open() == ["second"]


def test_a_restart_in_between_loses_nothing(night: Night, tmp_path: Path) -> None:
    night.up("first")
    run_tick(night.app)
    night.sensor(30)
    again = bootstrap.open_app(home=tmp_path / "home", config_dir=tmp_path / "config", clock=night.clock)
    try:
        assert Night(again, night.data).sensor(60) == 1
    finally:
        again.close()
    assert night.open() == ["second"]
