"""Someone outside hears from us only while we look, and while what we say arrives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.pipeline.app.freshness import LAST_TICK
from busta_health_dagster.pipeline.delivery.dead_mans_switch import LAST_HEARTBEAT, heartbeat
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.settings.settings_model import DeadMansSwitch, Settings
from tests.delivery_stories import Receiver, application, enqueue, hook, message

if TYPE_CHECKING:
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import Store


def watched(app: App, url: object, *, private: bool = True) -> App:
    switch = DeadMansSwitch(url=url, allow_private=private)
    app = replace(app, config=replace(app.config, settings=Settings(dead_mans_switch=switch)))
    ticked(app)
    return app


def ticked(app: App) -> None:
    with app.store.write() as uow:
        uow.meta.put(LAST_TICK, {"at": app.now(), "started_at": app.now()})


def test_it_is_called_every_five_minutes_while_ticks_are_fresh_and_never_after(store: Store, tmp_path: Path) -> None:
    with Receiver() as outside:
        app = watched(application(store, tmp_path, hook("ops", outside.url)), outside.url)
        assert heartbeat(app).sent
        assert heartbeat(app) is None, "not time yet"
        app.clock.advance(300)
        ticked(app)
        assert heartbeat(app).sent
        app.clock.advance(901)  # the scheduler is dead: three ticks did not come
        silent = heartbeat(app)
        assert len(outside.received) == 2
    assert not silent.sent
    assert silent.reason == "held back: the last tick was 15 min ago"


def test_it_stops_when_no_message_leaves_and_goes_on_when_one_does(store: Store, tmp_path: Path) -> None:
    with Receiver(status=503) as ops, Receiver() as outside:
        app = watched(application(store, tmp_path, hook("ops", ops.url)), outside.url)
        enqueue(app, message("k1", "ops"))
        for _ in range(4):
            app.clock.advance(301)
            delivery_pass(app)
        ticked(app)
        assert "no message has left for 20 min" in heartbeat(app).reason
        ops.status = 200
        app.clock.advance(3600)
        delivery_pass(app)
        ticked(app)
        assert heartbeat(app).sent
        assert len(outside.received) == 1


def test_a_missing_secret_and_a_private_address_are_reasons_and_no_token_is_kept(store: Store, tmp_path: Path) -> None:
    with Receiver() as outside:
        missing = watched(application(store, tmp_path, hook("ops", outside.url)), SecretRef(env="SWITCH_URL"))
        assert "SWITCH_URL is not set" in heartbeat(missing).reason
        token = f"{outside.url}/f00dfeed-token"
        app = application(store, tmp_path, hook("ops", outside.url), environ={"SWITCH_URL": token})
        app = watched(app, SecretRef(env="SWITCH_URL"), private=False)
        assert "loopback address" in heartbeat(app).reason
        assert outside.received == []
    with store.read() as uow:
        assert "f00dfeed" not in str(uow.meta.get(LAST_HEARTBEAT))
