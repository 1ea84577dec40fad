"""A drill tells every channel of the route that it fires and that it ends, says how long each took, and leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from busta_health_dagster.channels import registry
from busta_health_dagster.domain.clock import SystemClock
from busta_health_dagster.domain.digest import Digest
from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.domain.on_call import Rotation, Shift
from busta_health_dagster.domain.policy import AlertPolicy, ChannelSpec, Escalation, Mute, Route, Step
from busta_health_dagster.domain.rule import Condition, Pattern, Rule, Severity
from busta_health_dagster.domain.source import Selector, Source
from busta_health_dagster.domain.weekly_hours import WEEK, WeeklyHours
from busta_health_dagster.pipeline.delivery.channel_test import channel_test
from busta_health_dagster.pipeline.drill.drill import drill
from busta_health_dagster.pipeline.drill.storm import drill_storm
from busta_health_dagster.store import Store
from tests.delivery_stories import Receiver, application, hook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from busta_health_dagster.domain.policy import ChannelSpec as Spec
    from busta_health_dagster.pipeline.app.app import App

FAST = 100_000.0
DOWN = Rule("source-down", Pattern.STATUS, (Condition("status", "==", "down"),), severity=Severity.WARNING)
LADDER = Escalation(
    "default",
    (Step(0, ("chat",), Severity.WARNING), Step(1800, ("chat", "mail"), Severity.CRITICAL), Step(7200, ("pager",))),
    repeat_s=4 * 3600,
)


def on_call(store: Store, tmp_path: Path, *channels: Spec, environ: dict[str, str] | None = None) -> App:
    app = application(store, tmp_path, *channels, environ=environ, clock=SystemClock())
    policy = AlertPolicy({"default": LADDER}, (Route(Selector(), "default"),), channels={c.name: c for c in channels})
    sources = {"odds_api": Source("odds_api", "odds", "http", tier=1), "scores": Source("scores", "stats", "http")}
    return replace(app, config=replace(app.config, sources=sources, rules=(DOWN,), policy=policy))


def pager(url: str) -> Spec:
    config = registry.BUILT_IN["pagerduty"].config(
        routing_key=SecretRef(env="PAGER_KEY"), url=url.removesuffix("/hook")
    )
    return ChannelSpec("pager", "pagerduty", config)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The monitor's own store, which a drill leaves alone: it brings one of its own."""
    with Store(f"sqlite:///{tmp_path / 'real.db'}") as real:
        real.upgrade()
        yield real


def test_the_whole_ladder_is_climbed_and_every_channel_hears_the_end(store: Store, tmp_path: Path) -> None:
    listened = []
    with Receiver() as chat, Receiver() as mail, Receiver(status=202) as phone, Receiver() as spare:
        channels = (hook("chat", chat.url), hook("mail", mail.url), pager(phone.url), hook("spare", spare.url))
        app = on_call(store, tmp_path, *channels, environ={"PAGER_KEY": "R0UTING"})
        report = drill(app, source="odds_api", speed=FAST, on_step=lambda s: listened.append(s.name))
    assert listened == ["opens, warning", "escalates, critical", "step L3", "acknowledged", "resolves"]
    assert report.passed
    assert (report.lost, report.twice, report.not_tried) == (0, 0, ("spare",))
    assert chat.types == ["alert.opened", "alert.escalated", "alert.acknowledged", "alert.resolved"]
    assert mail.types[0] == "alert.escalated"
    assert mail.types[-1] == "alert.resolved"
    assert all(r["body"]["data"]["drill"] and r["body"]["data"]["text"].startswith("DRILL") for r in chat.received)
    events = [r["body"] for r in phone.received]
    assert [e["event_action"] for e in events] == ["trigger", "acknowledge", "resolve"]
    assert {e["dedup_key"] for e in events} == {"busta/drill-1"}, "never the key of a real alert"
    assert events[0]["payload"]["severity"] == "info"
    assert report.steps[3].result == "the clock stops: no step for 4 h"
    with store.read() as uow:
        assert uow.alerts.list() == []
        assert uow.outbox.counts()["done"] == 0


def test_a_channel_that_does_not_accept_fails_the_drill_and_the_rest_goes_on(store: Store, tmp_path: Path) -> None:
    with Receiver() as chat, Receiver(status=410) as mail:
        channels = (hook("chat", chat.url), hook("mail", mail.url), pager("http://127.0.0.1:1"))
        app = on_call(store, tmp_path, *channels)
        report = drill(app, speed=FAST)
    assert not report.passed
    failed = {t.channel: t.result for s in report.steps for t in s.notified if not t.ok and t.result.startswith("dead")}
    assert "answered 410" in failed["mail"]
    assert "PAGER_KEY is not set" in failed["pager"]
    of_alerts = [t for t in chat.types if t != "monitor.channel"]  # said once in six hours of the wall clock
    assert of_alerts[-1] == "alert.resolved"


def test_a_channel_off_the_route_is_tried_on_request(store: Store, tmp_path: Path) -> None:
    with Receiver() as chat, Receiver() as spare:
        app = on_call(store, tmp_path, hook("chat", chat.url), hook("spare", spare.url))
        short = replace(app.config.policy, escalations={"default": replace(LADDER, steps=LADDER.steps[:1])})
        app = replace(app, config=replace(app.config, policy=short))
        assert drill(app, speed=FAST, channel="spare").passed
        with pytest.raises(UnknownName, match="There is no channel 'pager2'"):
            drill(app, channel="pager2")
    assert spare.types == ["alert.opened", "alert.acknowledged", "alert.resolved"]


def test_a_storm_is_one_message_and_one_end(store: Store, tmp_path: Path) -> None:
    with Receiver() as chat:
        app = on_call(store, tmp_path, hook("chat", chat.url), hook("mail", chat.url), pager(chat.url))
        report = drill_storm(app, 37)
    assert report.passed
    assert (report.opened, report.resolved, len(report.notified), report.held, report.lost) == (37, 37, 1, 36, 0)
    assert chat.types == ["storm.opened", "storm.resolved"]
    assert "37" in report.texts[0]


SERVICES: dict[str, dict[str, object]] = {
    "teams": {"webhook_url": {"env": "ADDRESS"}},
    "discord": {"webhook_url": {"env": "ADDRESS"}},
    "googlechat": {"webhook_url": {"env": "ADDRESS"}},
    "telegram": {"token": {"env": "KEY"}, "chat": "@data_alerts"},
    "ntfy": {"topic": "data-alerts"},
    "opsgenie": {"api_key": {"env": "KEY"}},
    "sms": {"account": "AC1", "auth_token": {"env": "KEY"}, "from": "busta", "to": ["+491701234567"]},
}


@pytest.mark.parametrize("kind", SERVICES)
def test_a_drill_and_a_test_go_through_each_service(store: Store, tmp_path: Path, kind: str) -> None:
    with Receiver() as service, Receiver() as spare:
        own = {} if "webhook_url" in SERVICES[kind] else {"url": service.url.removesuffix("/hook")}
        config = registry.BUILT_IN[kind].config(**SERVICES[kind], **own, allow_private=True)
        channels = (ChannelSpec("chat", kind, config), hook("mail", spare.url), hook("pager", spare.url))
        app = on_call(store, tmp_path, *channels, environ={"KEY": "k3y", "ADDRESS": service.url})
        report = drill(app, source="odds_api", speed=FAST)
        asked = len(service.received)
        answer = channel_test(app, "chat")
    assert report.passed, [t for s in report.steps for t in s.notified if not t.ok]
    assert asked >= 3, "it opens, it escalates, it ends"
    assert answer.ok
    assert len(service.received) > asked


def test_a_drill_is_heard_at_muted_hours_waits_for_no_digest_and_reaches_who_is_on_call(
    store: Store, tmp_path: Path
) -> None:
    with Receiver() as chat, Receiver() as anna:
        app = on_call(store, tmp_path, hook("chat", chat.url), hook("anna", anna.url))
        now = datetime.fromtimestamp(app.now(), UTC).replace(tzinfo=None)
        almost_always = Mute(WeeklyHours("UTC", ((0, WEEK - 1),)))
        rota = Rotation("data", "UTC", now, 7, (Shift(((0, WEEK),), ("anna",)),))
        ladder = Escalation("default", (Step(0, ("chat",), Severity.WARNING), Step(1800, ("data",), Severity.CRITICAL)))
        policy = replace(
            app.config.policy,
            escalations={"default": ladder},
            routes=(Route(Selector(), "default", mute=almost_always, digest=Digest(480)),),
            on_call={"data": rota},
        )
        report = drill(replace(app, config=replace(app.config, policy=policy)), source="odds_api", speed=FAST)
    assert report.passed
    assert (chat.types[0], anna.types[0]) == ("alert.opened", "alert.escalated")
    assert (chat.types[-1], anna.types[-1]) == ("alert.resolved", "alert.resolved")
    assert report.not_tried == ()
