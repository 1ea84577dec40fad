"""Sources of one group fail in one tick, and their routes have other readers: each reads of what it is notified of, and of no more.
Through the alert pass, the outbox and a real HTTP receiver, on both databases.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.policy import Escalation, Route, Step
from busta_health_dagster.domain.rule import Condition, Pattern, Rule, Severity
from busta_health_dagster.domain.source import Selector, Source
from busta_health_dagster.pipeline.delivery.attempt import notification_of
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from tests.delivery_stories import Receiver, application, hook, tick

if TYPE_CHECKING:
    from pathlib import Path

    from busta_health_dagster.store import Store, UnitOfWork

DOWN = Rule("source-down", Pattern.STATUS, (Condition("status", "==", "down"),), severity=Severity.CRITICAL)


class Story:
    """Three sources of one group: two are read in the chat, the third by someone else; the chat's come to the pager later."""

    def __init__(self, store: Store, tmp_path: Path, receiver: Receiver) -> None:
        channels = [hook(name, f"{receiver.url}/{name}") for name in ("chat", "pager", "other")]
        app = application(store, tmp_path, *channels)
        sources = {n: Source(n, n[0], "http", group="odds") for n in ("a1", "a2", "b1")}
        policy = replace(
            app.config.policy,
            escalations={
                "ours": Escalation("ours", (Step(0, ("chat",)), Step(600, ("pager",)))),
                "theirs": Escalation("theirs", (Step(0, ("other",)),)),
            },
            routes=(Route(Selector(types=("b",)), "theirs"), Route(Selector(), "ours")),
        )
        self.app = replace(app, config=replace(app.config, sources=sources, rules=(DOWN,), policy=policy))
        self.receiver, self._read = receiver, 0
        with store.write() as uow:
            uow.sources.sync(sources.values(), self.app.now())

    def tick(self, *down: str) -> dict[str, dict[str, Any]]:
        """What each channel was sent in this tick: one message at most."""
        tick(self.app, down, "http_status", "answered 500, 2xx wanted")
        return self.sent()

    def sent(self) -> dict[str, dict[str, Any]]:
        new = self.receiver.received[self._read :]
        self._read = len(self.receiver.received)
        by_channel = {r["path"].rpartition("/")[2]: r["body"] for r in new}
        assert len(by_channel) == len(new)
        return by_channel


def _said(sent: dict[str, dict[str, Any]]) -> dict[str, tuple[str, str]]:
    return {channel: (body["type"], body["data"]["text"].partition(". ")[0]) for channel, body in sent.items()}


def _members(body: dict[str, Any]) -> list[str]:
    return [m["source"] for m in body["data"]["alerts"]]


def test_who_is_notified_of_one_alert_of_a_group_reads_of_that_alert_to_its_end(store: Store, tmp_path: Path) -> None:
    with Receiver() as receiver:
        story = Story(store, tmp_path, receiver)
        opened = story.tick("a1", "a2", "b1")
        assert _said(opened)["other"] == ("alert.opened", "b1 is down: answered 500, 2xx wanted")
        assert opened["chat"]["type"] == "storm.opened"
        assert _members(opened["chat"]) == ["a1", "a2"]
        story.tick("a1", "a2", "b1")
        over = story.tick("a1", "a2")
        over |= story.tick("a1", "a2")
        assert over["other"]["type"] == "alert.resolved"
        assert "b1 is up again" in over["other"]["data"]["text"]
        assert _members(over["pager"]) == ["a1", "a2"], "the pager was called for these two, and hears of no other"


def test_a_message_that_is_sent_late_tells_of_the_alerts_of_its_channel_alone(store: Store, tmp_path: Path) -> None:
    with Receiver(status=503) as receiver:
        story = Story(store, tmp_path, receiver)
        story.tick("a1", "a2", "b1")
        story.sent()
        receiver.status = 200
        story.app.clock.advance(120)
        delivery_pass(story.app)
        late = story.sent()
        assert late["other"]["type"] == "alert.opened"
        assert late["other"]["data"]["text"].startswith("late: from")
        assert "b1 is down: answered 500" in late["other"]["data"]["text"]
        assert _members(late["chat"]) == ["a1", "a2"]


def test_what_follows_is_known_to_the_receiver_by_the_name_that_it_began_with(store: Store, tmp_path: Path) -> None:
    with Receiver() as receiver:
        story = Story(store, tmp_path, receiver)
        story.tick("a1", "a2", "b1")
        story.tick("a1", "a2", "b1")
        story.tick("a1", "a2")
        story.tick("a1", "a2")
    with store.read() as uow:
        threads = {row.message.thread for row in uow.outbox.of_alert(_id(uow, "b1"), 0)}
        stored = [notification_of(row.message.payload) for row in uow.outbox.of_alert(_id(uow, "b1"), 0)]
    assert len(stored) == 2
    assert {n.thread_key for n in stored} == threads, "a pager closes the incident that it opened"


def _id(uow: UnitOfWork, source: str) -> int:
    return next(a.id for a in uow.alerts.by_ids(range(1, 10)) if a.source == source and a.id is not None)
