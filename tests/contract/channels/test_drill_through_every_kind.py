"""A drill goes out through every kind of channel that there is, and each is told that it fires and that it ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from busta_health_dagster.channels import registry
from busta_health_dagster.domain.clock import SystemClock
from busta_health_dagster.domain.policy import AlertPolicy, ChannelSpec, Escalation, Route, Step
from busta_health_dagster.domain.rule import Condition, Pattern, Rule, Severity
from busta_health_dagster.domain.source import Selector, Source
from busta_health_dagster.pipeline.drill.drill import drill
from busta_health_dagster.store import Store
from tests.contract.channels.test_channel_contract import CHANNELS, configured
from tests.delivery_stories import application

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOWN = Rule("source-down", Pattern.STATUS, (Condition("status", "==", "down"),), severity=Severity.WARNING)
LADDER = Escalation("default", (Step(0, ("it",), Severity.WARNING), Step(1800, ("it",), Severity.CRITICAL)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path / 'real.db'}") as real:
        real.upgrade()
        yield real


@pytest.mark.parametrize("channel", [*CHANNELS, "apprise"])
def test_a_drill_reaches_it_and_says_that_it_is_one(channel, peer, store, tmp_path) -> None:
    if channel == "apprise":
        kind = registry.BUILT_IN["apprise"]
        config = kind.config(url={"env": "APPRISE"}, allow_private=True)
    else:
        kind, config = configured(channel, peer.url)
    spec = ChannelSpec("it", kind.kind, config)
    environ = {
        "SECRET": "s3cret-canary",
        "URL": f"{peer.url}/services/s3cret-canary",
        "TEAMS": f"{peer.url}/workflows/w1/triggers/manual/paths/invoke?sig=s3cret-canary",
        "DISCORD": f"{peer.url}/api/webhooks/1/s3cret-canary",
        "CHAT": f"{peer.url}/v1/spaces/AAA/messages?key=k&token=s3cret-canary",
        "WHSEC": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "APPRISE": f"json://{peer.url.removeprefix('http://')}/hook",
    }
    app = application(store, tmp_path, spec, environ=environ, clock=SystemClock())
    policy = AlertPolicy({"default": LADDER}, (Route(Selector(), "default"),), channels={"it": spec})
    sources = {"odds_api": Source("odds_api", "odds", "http", tier=1)}
    app = replace(app, config=replace(app.config, sources=sources, rules=(DOWN,), policy=policy))
    report = drill(app, speed=100_000.0)
    assert report.passed, report
    assert not report.not_tried
    assert any(b"DRILL" in r.body.upper() for r in peer.received)


def test_every_kind_is_among_them() -> None:
    tried = {c.removesuffix("-webhook") for c in CHANNELS} | {"apprise"}
    assert set(registry.BUILT_IN) - tried == {"email", "console", "file"}, "the drill's own stories have these"
