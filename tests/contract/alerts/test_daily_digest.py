"""A route with a digest, on both databases: warnings are one message a day, nothing is lost, and what is critical never waits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from busta_health_dagster.domain.digest import Digest
from busta_health_dagster.domain.policy import Escalation, Route, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.engines.alerting.digest import collected
from busta_health_dagster.pipeline.alerting.actions import acknowledge, resolve, snooze
from busta_health_dagster.pipeline.views.alert_list import row_of
from busta_health_dagster.store.pruning import prune
from busta_health_dagster.testing import EPOCH
from tests.alert_stories import HOUR, ODDS, POLICY, WEATHER, Story, app_on

if TYPE_CHECKING:
    from busta_health_dagster.store import Store

MIDNIGHT = int(EPOCH) // 86400 * 86400
DIGEST = Digest((int(EPOCH) - MIDNIGHT) // 60, "UTC")
"""The stories begin at this time of day: their first digest is a day later."""
CALM = Escalation("calm", (Step(0, ("chat",), Severity.WARNING), Step(12 * HOUR, ("chat", "mail"), Severity.CRITICAL)))
ROUTES = (Route(Selector(), "calm", digest=DIGEST),)
QUIET = replace(POLICY, escalations={"calm": CALM}, routes=ROUTES)
SLOW = 6000


@pytest.fixture
def story(store: Store) -> Story:
    return Story(app_on(store, policy=QUIET))


def digests(story: Story) -> list[dict]:
    return [p["report"] for p in story.payloads() if p["kind"] == "report"]


def text(digest: dict) -> str:
    return "\n".join(f"{label}: {said}" for label, said in digest["lines"])


def until_the_digest(story: Story, **states) -> None:
    """On to the next morning; `states` as they are all night."""
    due = DIGEST.next(story.app.now() - 1)
    while story.app.now() <= due:
        story.tick(**states)


def test_the_warnings_of_a_day_are_one_message_and_each_is_named_once(story: Story) -> None:
    story.ticks(2)
    for _ in range(3):
        story.ticks(3, odds_api=SLOW)
        story.ticks(8)
    story.ticks(3, weather_api=SLOW)
    assert story.messages() == [], "nothing is sent before the morning"
    until_the_digest(story)
    assert story.messages() == [("chat", "report")]
    (digest,) = digests(story)
    assert digest["headline"] == "Digest: 2 warnings, 2 over"
    assert text(digest).count("odds_api") == 1
    assert "3 times" in text(digest)
    until_the_digest(story)
    assert len(digests(story)) == 1, "a day without news has no digest"
    story.check_folds()


def test_what_is_acknowledged_snoozed_or_over_is_said_as_such(store: Store) -> None:
    patient = replace(CALM, steps=CALM.steps[:1], ack_timeout_s=30 * HOUR)
    story = Story(app_on(store, policy=replace(QUIET, escalations={"calm": patient})))
    story.ticks(2)
    story.ticks(3, odds_api=SLOW, weather_api=SLOW)
    acknowledge(story.app, [story.alert("odds_api/slow-response").id], actor="anna", note="ticket 7")
    snooze(story.app, [story.alert("weather_api/slow-response").id], actor="ben", for_s=30 * HOUR)
    assert story.messages() == []
    until_the_digest(story, odds_api=SLOW, weather_api=SLOW)
    said = text(digests(story)[0])
    assert "snoozed by ben until Tue 24 Nov 14:25" in said
    assert "anna has it (“ticket 7”)" in said
    story.ticks(5)
    until_the_digest(story)
    assert "over since Tue 24 Nov" in text(digests(story)[1])


def test_what_becomes_critical_is_sent_at_once_and_not_again_in_the_digest(story: Story) -> None:
    story.ticks(2)
    story.ticks(12 * 12 + 4, odds_api=SLOW)
    assert sorted(set(story.messages())) == [("chat", "escalated"), ("mail", "escalated")]
    story.ticks(3, odds_api=SLOW, weather_api=SLOW)
    until_the_digest(story, odds_api=SLOW)
    (digest,) = digests(story)
    assert "weather_api" in text(digest)
    assert "odds_api" not in text(digest)
    story.ticks(3)
    assert ("chat", "resolved") in story.messages(), "its end is told as it was told"


def test_the_end_of_what_a_digest_called_open_is_in_the_next(story: Story) -> None:
    first = story.with_(policy=replace(QUIET, escalations={"calm": replace(CALM, steps=CALM.steps[:1])}))
    first.ticks(2)
    until_the_digest(first, odds_api=SLOW)
    assert "1 open" in digests(first)[0]["headline"]
    first.ticks(3, odds_api=SLOW, weather_api=SLOW)
    until_the_digest(first, odds_api=SLOW)
    assert "odds_api/slow-response is still open, unchanged" in text(digests(first)[1])
    first.ticks(5)
    until_the_digest(first)
    assert digests(first)[2]["headline"] == "Digest: 1 warning, 1 over"
    assert [kind for _, kind in first.messages()] == ["report"] * 3


def test_a_digest_that_was_due_while_the_monitor_was_down_is_sent_by_the_first_pass(store: Store) -> None:
    before = Story(app_on(store, policy=QUIET))
    before.ticks(2)
    before.ticks(3, odds_api=SLOW)
    before.ticks(3)
    clock = before.clock
    clock.advance(30 * HOUR)
    again = Story(app_on(store, policy=QUIET, clock=clock, now=clock.now()))
    again.tick()
    assert again.messages() == [("chat", "report")]
    again.ticks(3)
    assert len(digests(again)) == 1


def test_a_digest_after_a_long_quiet_time_is_sent_though_the_record_of_the_last_is_pruned(story: Story) -> None:
    story.ticks(2)
    story.ticks(3, odds_api=SLOW, weather_api=SLOW)
    story.ticks(5)
    until_the_digest(story)
    assert len(digests(story)) == 1
    prune(story.app.store, {"deliveries": 60}, story.app.now() + 120)
    story.ticks(3, odds_api=SLOW)
    story.ticks(5)
    until_the_digest(story)
    assert len(digests(story)) == 2


def test_a_digest_that_was_promised_by_a_clock_a_year_ahead_is_sent_in_the_morning(story: Story) -> None:
    story.ticks(2)
    story.ticks(3, odds_api=SLOW)
    with story.app.store.write() as uow:
        waiting = uow.meta.get("digests")
        (promised,) = waiting.values()
        promised |= {"due": promised["due"] + 365 * 86400, "since": promised["since"] + 365 * 86400}
        uow.meta.put("digests", waiting)
    until_the_digest(story)
    assert len(digests(story)) == 1


def test_what_was_collected_is_sent_though_the_route_has_lost_its_digest(story: Story) -> None:
    story.ticks(2)
    story.ticks(3, odds_api=SLOW)
    story.ticks(3)
    now = story.with_(policy=replace(QUIET, routes=(Route(Selector(), "calm"),)))
    until_the_digest(now)
    assert [kind for _, kind in now.messages()] == ["report"]


def test_a_route_without_a_digest_beside_it_is_sent_its_warnings_at_once(store: Store) -> None:
    routes = (Route(Selector(names=("odds_api",)), "calm", digest=DIGEST), Route(Selector(), "calm"))
    story = Story(app_on(store, policy=replace(QUIET, routes=routes), sources=(ODDS, WEATHER)))
    story.ticks(2)
    story.ticks(3, odds_api=SLOW, weather_api=SLOW)
    assert story.messages() == [("chat", "opened")]


def test_why_a_channel_was_not_notified_is_explained(story: Story) -> None:
    story.ticks(2)
    story.ticks(3, odds_api=SLOW)
    with story.app.store.read() as uow:
        (opened,) = [n for n in uow.suppressions.of(story.alert("odds_api/slow-response").id) if n.channel == "chat"]
    assert opened.reason == f"collected for the digest of {DIGEST.text}"


def test_lists_say_for_which_digest_an_alert_waits(store: Store) -> None:
    patient = replace(CALM, steps=(CALM.steps[0], replace(CALM.steps[1], after_s=30 * HOUR)))
    story = Story(app_on(store, policy=replace(QUIET, escalations={"calm": patient})))
    story.ticks(2)
    story.ticks(3, odds_api=SLOW)
    key = story.alert("odds_api/slow-response").id
    assert row_of(story.app, key).coming == "chat: digest 24 Nov 08:00"
    until_the_digest(story, odds_api=SLOW)
    assert row_of(story.app, key).coming == "mail 14:15", "the next step comes before the next digest"
    story.ticks(80, odds_api=SLOW)
    assert collected(story.alert("odds_api/slow-response"), story.app.now()) is None, "what is critical was sent"


def test_what_was_closed_is_not_called_a_recovery(story: Story) -> None:
    story.ticks(2)
    story.ticks(3, odds_api=SLOW, weather_api=SLOW)
    resolve(story.app, [story.alert("weather_api/slow-response").id], actor="anna", note="false alarm")
    without = story.with_(rules=tuple(r for r in story.app.config.rules if r.name != "slow-response"))
    until_the_digest(without)
    said = text(digests(without)[0])
    assert "odds_api, slow-response: closed since Mon 23 Nov 08:25, removed: rule slow-response" in said
    assert 'closed since Mon 23 Nov 08:25, by hand, anna: "false alarm"' in said


def test_two_digests_of_one_channel_are_two_messages(store: Store) -> None:
    late = Digest(DIGEST.minute + 60, "UTC")
    routes = (Route(Selector(names=("odds_api",)), "calm", digest=DIGEST), Route(Selector(), "calm", digest=late))
    story = Story(app_on(store, policy=replace(QUIET, routes=routes), sources=(ODDS, WEATHER)))
    story.ticks(2)
    story.ticks(3, odds_api=SLOW, weather_api=SLOW)
    story.ticks(3)
    while story.app.now() < late.next(EPOCH + 7200):
        story.tick()
    story.ticks(2)
    said = [text(d) for d in digests(story)]
    assert [("odds_api" in t, "weather_api" in t) for t in said] == [(False, True), (True, False)]


def test_what_the_monitor_says_of_itself_waits_for_no_digest(story: Story) -> None:
    broken = Story(replace(story.app, config_problem="alerts.yaml:3 is wrong"))
    broken.ticks(3)
    assert ("chat", "opened") in broken.messages()
