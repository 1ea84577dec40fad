"""Four sources of one provider fail: one message says so, its parts stay alerts of their own, and it tells of the end. Through
the alert pass, the outbox and a real HTTP receiver, on both databases.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import requests
from rich.text import Text

from busta_health_dagster.cli.alert_lines import list_lines
from busta_health_dagster.cli.explain_lines import alert_lines
from busta_health_dagster.cli.glyphs import glyph_set
from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.policy import Grouping, ProviderGrouping
from busta_health_dagster.domain.rule import Condition, Pattern, Rule, Severity
from busta_health_dagster.domain.source import Source
from busta_health_dagster.pipeline.alerting.actions import acknowledge, open_of_thread
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.views.alert_list import Wanted
from busta_health_dagster.pipeline.views.overview import fleet_page
from tests.delivery_stories import Receiver, application, hook, tick
from tests.page_stories import guest, serving

if TYPE_CHECKING:
    from pathlib import Path

    from busta_health_dagster.store import Store

DOWN = Rule("source-down", Pattern.STATUS, (Condition("status", "==", "down"),), severity=Severity.WARNING)
ODDS = [f"odds_{name}" for name in ("main", "props", "live", "futures")]


class Story:
    """Ticks of a fleet with two providers, and what a webhook was sent."""

    def __init__(self, store: Store, tmp_path: Path, receiver: Receiver) -> None:
        app = application(store, tmp_path, hook("ops", receiver.url))
        sources = {n: Source(n, "odds", "http", group="odds", provider="the-odds-api") for n in ODDS}
        sources["weather"] = Source("weather", "weather", "http", group="odds", provider="weather-inc")
        policy = replace(app.config.policy, grouping=Grouping(provider=ProviderGrouping()))
        self.app = replace(app, config=replace(app.config, sources=sources, rules=(DOWN,), policy=policy))
        self.receiver, self._read = receiver, 0
        with store.write() as uow:
            uow.sources.sync(sources.values(), self.app.now())

    def tick(self, *down: str) -> list[tuple[str, str]]:
        """(type, text) of what was sent in this tick."""
        tick(self.app, down, "connect", "connection refused")
        return self.sent()

    def sent(self) -> list[tuple[str, str]]:
        new = self.receiver.received[self._read :]
        self._read = len(self.receiver.received)
        return [(r["type"], _text(r["body"])) for r in new]

    @property
    def page_lines(self) -> list[str]:
        return [line.text for line in fleet_page(self.app, ()).root_causes]


def _text(body: dict[str, Any]) -> str:
    return str(body["data"]["text"])


def test_one_message_for_the_provider_and_one_end(store: Store, tmp_path: Path) -> None:
    with Receiver() as receiver:
        story = Story(store, tmp_path, receiver)
        story.tick()
        [(kind, text), (_, other)] = sorted(story.tick(*ODDS, "weather"), key=lambda m: "the-odds-api" not in m[1])
        assert kind == "storm.opened"
        assert text.startswith("the-odds-api: 4 of 4 sources down, first at")
        assert other.startswith("weather is down"), "a source of another provider is told by itself"
        assert story.page_lines == ["the-odds-api: 4 of 4 sources down"]
        listed = Monitor(story.app, "test").alerts(Wanted.OPEN)
        assert [c["text"] for c in listed["summary"]["causes"]] == ["the-odds-api: 4 of 4 sources down"]
        assert {row["cause"] for row in listed["items"] if row["source"] in ODDS} == {"the-odds-api"}
        assert len(listed["items"]) == 5, "the parts stay alerts of their own"
        story.tick(ODDS[0])
        partly = [text for _, text in story.tick(ODDS[0]) if "the-odds-api" in text]
        assert [t.partition(",")[0] for t in partly] == ["the-odds-api: 1 of 4 sources still down"]
        story.tick()
        [(kind, text)] = story.tick()
        assert kind == "storm.resolved"
        assert text.startswith("the-odds-api: all 4 sources are up again after")
    assert story.page_lines == []


def test_the_first_alone_then_the_others_are_one_thread_and_told_once(store: Store, tmp_path: Path) -> None:
    with Receiver() as receiver:
        story = Story(store, tmp_path, receiver)
        story.tick()
        assert [kind for kind, _ in story.tick(ODDS[0])] == ["alert.opened"]
        [(kind, text)] = story.tick(*ODDS[:2])
        assert (kind, text.partition(",")[0]) == ("storm.opened", "the-odds-api: 2 of 4 sources down")
        [(kind, text)] = story.tick(*ODDS)
        assert (kind, text.partition(",")[0]) == ("storm.updated", "the-odds-api: 4 of 4 sources down")
        ids = open_of_thread(story.app, "alert-1")
        assert len(ids) == 4, "what the message is called acknowledges all of its parts"
        acknowledge(story.app, [ids[0]], actor="op-1")
        delivery_pass(story.app)
        story.sent()
        story.tick()
        [(kind, text)] = story.tick()
        assert kind == "storm.resolved"
        assert "all 4 sources are up again" in text
    with store.read() as uow:
        assert not uow.alerts.open()


def test_a_message_that_waits_is_replaced_by_the_one_that_says_more(store: Store, tmp_path: Path) -> None:
    with Receiver(status=503) as receiver:
        story = Story(store, tmp_path, receiver)
        story.tick()
        story.tick(ODDS[0])
        story.tick(*ODDS)
        receiver.status = 200
        receiver.received.clear()
        story._read = 0
        story.app.clock.advance(600)
        delivery_pass(story.app)
        assert [(kind, text.partition(",")[0]) for kind, text in story.sent()] == [
            ("storm.opened", "late: from 08:10 UTC: the-odds-api: 4 of 4 sources down")
        ]


def test_the_page_and_the_terminal_show_the_cause_above_its_parts(store: Store, tmp_path: Path) -> None:
    with Receiver() as receiver:
        story = Story(store, tmp_path, receiver)
        story.tick()
        story.tick(*ODDS)
    with serving(guest(story.app, lambda: Role.VIEWER)) as address:
        page = requests.get(f"{address}/source-health", timeout=30).text
    assert "<b>the-odds-api: 4 of 4 sources down</b>" in page
    assert page.count("part of the-odds-api") == 4
    listed = Monitor(story.app, "test").alerts(Wanted.OPEN)
    lines = [line.plain for line in list_lines(listed, glyph_set()) if isinstance(line, Text)]
    assert "the-odds-api: 4 of 4 sources down: alerts 1, 2, 3, 4" in lines
    explained = Monitor(story.app, "test").explain_alert(1)
    assert any("part of      what the sources of the-odds-api" in line for line in alert_lines(explained, glyph_set()))
