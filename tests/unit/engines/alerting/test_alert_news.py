"""Something new inside an open alert: one alert, a second message, and an acknowledgement that holds."""

from dataclasses import replace

from alert_engine_stories import DOWN, TICK, Player, intents, not_told

from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.engines.alerting.actions import acknowledge

ANOMALY = replace(DOWN, name="anomaly", pattern=Pattern.ANOMALY, for_=1)


def test_what_is_new_inside_an_open_alert_is_sent_like_its_opening_and_opens_no_second_one():
    p = Player(ANOMALY)
    p.every("bbb")
    opened = p.alert.opened_at
    p.see("bad", 3 * TICK, news="no items, 28 before", value=0.0, limit=14.0)
    sent = intents(p)[-1]
    p.every("bg", 4 * TICK)
    channels = dict(p.story)["opened"]
    assert [(event, to) for event, to in p.story if event == "reopened"] == [("reopened", channels)]
    (news,) = (t for t in p.transitions if t.event.value == "reopened")
    assert news.reason == "new while it was open: no items, 28 before"
    assert news.surface_event == "opened"
    assert dict(news.numbers) == {
        "value": 0.0,
        "limit": 14.0,
        "shadow": False,
        "first_bad_slot": opened,
        "ack_kept": True,
    }
    assert (sent.event.value, sent.channels, sent.reason, sent.first) == ("reopened", channels, news.reason, True)
    assert "reopened" not in {event for _, event, _, _ in not_told(p)}, "no one is left out"
    assert p.alert.opened_at == opened
    assert p.events.count("opened") == 1


def test_news_reaches_the_person_who_acknowledged_and_the_acknowledgement_holds():
    p = Player(ANOMALY)
    p.every("b")
    p.keep(acknowledge(p.alert, p.alert.opened_at + 10, p.alert.opened_at + 10, "op-1", "on it"))
    p.see("bad", TICK, news="no items, 28 before")
    assert p.alert.ack is not None
    assert p.story[-1][0] == "reopened"
    assert p.story[-1][1] != ()


def test_a_shadow_alert_records_the_news_and_tells_nobody():
    p = Player(replace(ANOMALY, shadow=True))
    p.every("b")
    p.see("bad", TICK, news="no items, 28 before")
    assert p.story[-1] == ("reopened", ())
    assert not_told(p)[-1][1:] == ("reopened", "all", "shadow: evaluated and recorded, notifies no one")
    assert len(intents(p)) == 0
