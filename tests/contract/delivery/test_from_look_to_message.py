"""From a failing look to the message and its end, and the answer to "why was I not told?". On both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.rule import Condition, Pattern, Rule, Severity
from busta_health_dagster.domain.source import Source
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.observing.observe import store_observations
from busta_health_dagster.pipeline.views.explain import explain_alert
from tests.delivery_stories import Receiver, application, hook

if TYPE_CHECKING:
    from pathlib import Path

    from busta_health_dagster.domain.policy import ChannelSpec
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import Store

DOWN = Rule("source-down", Pattern.STATUS, (Condition("status", "==", "down"),), severity=Severity.WARNING)


def monitor(store: Store, tmp_path: Path, *channels: ChannelSpec) -> App:
    app = application(store, tmp_path, *channels)
    app = replace(
        app, config=replace(app.config, sources={"odds_api": Source("odds_api", "odds", "http")}, rules=(DOWN,))
    )
    with store.write() as uow:
        uow.sources.sync(app.config.sources.values(), app.now())
    return app


def look(app: App, status: Status) -> None:
    now = app.now()
    reason = "connect" if status is Status.DOWN else "ok"
    store_observations(app, [Observation("odds_api", floor_to(now, 300), now, status, reason, "connection refused")])
    alert_pass(app, ticking=True)
    delivery_pass(app)
    app.clock.advance(300)


def test_everyone_who_was_told_that_it_fired_is_told_that_it_ended(store: Store, tmp_path: Path) -> None:
    with Receiver() as ops:
        app = monitor(store, tmp_path, hook("ops", ops.url))
        for status in (Status.DOWN, Status.UP, Status.UP):
            look(app, status)
    assert ops.types == ["alert.opened", "alert.resolved"]


def test_explain_says_why_a_message_has_not_arrived(store: Store, tmp_path: Path) -> None:
    app = monitor(store, tmp_path, hook("ops", "http://127.0.0.1:1/hook", fallback="gone"))
    look(app, Status.DOWN)
    [sent] = explain_alert(app, 1).sent
    assert "127.0.0.1 cannot be reached: connection refused; attempt 2 of 12" in sent.row.reason
    with Receiver(status=401) as ops:
        app = replace(
            app, config=replace(app.config, policy=application(store, tmp_path, hook("ops", ops.url)).config.policy)
        )
        app.clock.advance(600)
        delivery_pass(app)
    [sent] = explain_alert(app, 1).sent
    assert sent.row.state == "dead"
    assert "answered 401" in sent.row.reason
    assert sent.row.reason.endswith("Ops has no fallback")
    assert [a.outcome for a in sent.attempts] == ["retry", "dead"]
