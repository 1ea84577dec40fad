"""A channel that was away hears what is true now: nothing that is over, nothing twice, and from when it is."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alert_stories import DOWN, MIN, Story, app_on, observed

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.policy import AlertPolicy, Escalation, Route, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.pipeline.alerting.rebuilding import with_service_level
from busta_health_dagster.pipeline.delivery.attempt import notification_of
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.views.explain import explain_alert
from tests.delivery_stories import Receiver, hook, rows, to_file

if TYPE_CHECKING:
    from busta_health_dagster.domain.policy import ChannelSpec
    from busta_health_dagster.store import Store

RULES = (replace(DOWN, recover_after=1),)
DOWN_SOURCE = "odds_api/source-down"


class NoWait(random.Random):
    """Full jitter may draw nothing at all."""

    def uniform(self, a: float, b: float) -> float:
        return a


class WholeWait(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return b


def story_on(store: Store, *channels: ChannelSpec, steps: tuple[Step, ...] | None = None) -> Story:
    ladder = Escalation("d", steps or (Step(0, (channels[0].name,), Severity.WARNING),))
    policy = AlertPolicy({"d": ladder}, (Route(Selector(), "d"),), channels={c.name: c for c in channels})
    app = app_on(store, rules=RULES, policy=policy)
    return Story(replace(app, make_channels=bootstrap.make_channels))


def deliver(story: Story, rng: random.Random | None = None) -> None:
    delivery_pass(story.app, 60, rng=rng or NoWait())


def said(peer: Receiver, n: int = -1) -> str:
    return str(peer.received[n]["body"]["data"]["text"])


def accepted(peer: Receiver) -> list[str]:
    return [r["type"] for r in peer.received if r["status"] == 200]


def test_the_month_of_a_source_is_read_when_its_message_is_sent(store: Store) -> None:
    """Eighteen of 8,640 slots were down before; the transaction of the alert reads no month of rollups."""
    story = story_on(store, to_file("ops", Path("never-written")))
    source, now = story.app.config.sources["odds_api"], int(story.app.now())
    slots = range(now - 30 * 86_400, now, source.interval_s)
    bad = set(list(slots)[100:118])
    with store.write() as uow:
        uow.observations.add(observed(source, slot, "down" if slot in bad else "up") for slot in slots)
    story.tick(odds_api="down")
    with store.read() as uow:
        written = notification_of(uow.outbox.list(limit=5)[0].message.payload)
        sent = with_service_level(story.app, uow, written)
    assert written.source is not None
    assert sent.source is not None
    assert written.source.uptime_30d is None
    assert sent.source.uptime_30d == 99.78
    assert sent.source.budget_left == pytest.approx(56.0, abs=1)


def test_an_outage_that_a_channel_slept_through_is_one_message_of_the_past(store: Store) -> None:
    with Receiver(status=500) as ops:
        story = story_on(store, hook("ops", ops.url))
        story.tick(odds_api="down")
        deliver(story)
        story.tick()
        ops.status = 200
        deliver(story)
        deliver(story)
    assert accepted(ops) == ["alert.resolved"]
    assert said(ops).startswith("odds_api was down from 08:00 UTC to 08:05 UTC, and is up again")
    explained = explain_alert(story.app, story.alert(DOWN_SOURCE).id)
    fates = {s.row.message.kind: (s.row.state, s.row.reason) for s in explained.sent}
    assert fates["opened"] == ("dropped", "not sent: it was over before it could be sent")


def test_what_waited_while_it_grew_worse_is_one_message_of_now(store: Store) -> None:
    with Receiver(status=500) as ops:
        steps = (Step(0, ("ops",), Severity.WARNING), Step(10 * MIN, ("ops",), Severity.CRITICAL))
        story = story_on(store, hook("ops", ops.url), steps=steps)
        story.tick(odds_api="down")
        deliver(story)
        story.ticks(3, odds_api="down")
        ops.status = 200
        deliver(story)
        deliver(story)
    assert accepted(ops) == ["alert.escalated"]
    assert said(ops).startswith("late: from 08:10 UTC: odds_api is still down after 20 min")


def test_a_late_message_says_from_when_it_is_and_what_is_true_now(store: Store, tmp_path: Path) -> None:
    with Receiver(status=500) as ops:
        steps = (Step(0, ("ops",), Severity.WARNING), Step(5 * MIN, ("mail",), Severity.CRITICAL))
        mail = to_file("mail", tmp_path / "mail.jsonl")
        story = story_on(store, hook("ops", ops.url), mail, steps=steps)
        story.tick(odds_api="down")
        deliver(story)
        story.ticks(2, odds_api="down")
        ops.status = 200
        deliver(story)
    facts = next(r["body"]["data"] for r in ops.received if r["status"] == 200)
    assert facts["text"].startswith("late: from 08:00 UTC: odds_api is down")
    assert facts["alert"]["severity"] == "critical"


def test_an_end_that_is_over_again_is_not_told(store: Store) -> None:
    with Receiver() as ops:
        story = story_on(store, hook("ops", ops.url))
        story.tick(odds_api="down")
        deliver(story)
        ops.status = 500
        story.tick()
        deliver(story)
        story.tick(odds_api="down")
        ops.status = 200
        deliver(story)
        deliver(story)
    assert accepted(ops) == ["alert.opened", "alert.opened"]


def test_a_fallback_that_was_told_in_its_own_right_is_told_nothing_twice_and_nothing_that_is_over(store: Store) -> None:
    with Receiver(status=500) as ops, Receiver() as mail:
        steps = (Step(0, ("ops",), Severity.WARNING), Step(5 * MIN, ("ops", "mail"), Severity.CRITICAL))
        story = story_on(store, hook("ops", ops.url, fallback="mail"), hook("mail", mail.url), steps=steps)
        for _ in range(4):
            story.tick(odds_api="down")
            deliver(story)
        story.tick()
        for _ in range(3):
            deliver(story)
            story.clock.advance(301)
    types = [t for t in mail.types if t != "monitor.channel"]
    assert types.count("alert.escalated") == 1
    assert types.count("alert.resolved") == 1
    assert types[-1] == "alert.resolved", "never red after green"


def test_a_channel_that_is_back_releases_what_waits_whatever_its_backoff_says(store: Store) -> None:
    with Receiver(status=500) as ops:
        story = story_on(store, hook("ops", ops.url))
        story.tick(odds_api="down")
        for _ in range(5):
            deliver(story, WholeWait())
            story.clock.advance(max(0.0, next(iter(rows(story.app).values())).due_at - story.clock.now()))
        deliver(story, WholeWait())
        waiting = next(iter(rows(story.app).values()))
        assert waiting.due_at - story.clock.now() > 1000
        ops.status = 200
        story.clock.advance(61)
        deliver(story, WholeWait())
    assert accepted(ops) == ["alert.opened"]


def test_trying_a_channel_early_costs_a_message_none_of_its_attempts(store: Store) -> None:
    with Receiver(status=500) as ops:
        story = story_on(store, hook("ops", ops.url))
        story.tick(odds_api="down")
        for _ in range(40):
            deliver(story, WholeWait())
            story.clock.advance(61)
        row = next(iter(rows(story.app).values()))
    assert row.state == "waiting"
    assert len(ops.received) > row.attempts
    assert row.attempts < 9


@pytest.mark.parametrize("away_min", [1, 6, 20])
def test_whatever_the_length_of_the_outage_it_is_told_within_the_longest_pause(store: Store, away_min: int) -> None:
    with Receiver(status=500) as ops:
        story = story_on(store, hook("ops", ops.url))
        story.tick(odds_api="down")
        for _ in range(2 * away_min):
            deliver(story, WholeWait())
            story.clock.advance(30)
        ops.status = 200
        for _ in range(21):
            deliver(story, WholeWait())
            story.clock.advance(30)
    assert accepted(ops) == ["alert.opened"]
