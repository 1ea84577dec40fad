"""A silence keeps quiet what it matches, from its start to its end, also what opens later; and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_engine_stories import HOUR, MIN, ODDS, T0, Player, intents, not_told, told

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.label_matchers import read_matcher
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.silence import Matcher, Silence, covering, source_labels
from busta_health_dagster.engines.alerting.actions import snooze

NIGHT = Silence("n", (Matcher("source", "odds_api"),), T0, T0 + 2 * HOUR, "op-1", "moving racks", "op-1", T0)
LABELS = source_labels(ODDS, "source-down", Severity.WARNING)


def test_what_opens_under_a_silence_is_kept_quiet_and_told_at_its_end() -> None:
    p = Player()
    for at in range(0, 2 * HOUR, 5 * MIN):
        p.see("bad", at, silence=NIGHT)
    assert p.events == ["opened", "snoozed"]
    assert intents(p) == []
    assert p.alert is not None
    assert p.alert.notified == ()
    assert (0, "opened", "all", "silenced by op-1") in not_told(p)
    p.see("bad", 2 * HOUR)
    reason = "the silence by op-1 is over and it is still open"
    assert told(p)[-1] == (2 * HOUR, "renotified", reason, ("slack-data",))
    assert p.alert.notified == ("slack-data",)
    p.see("bad", 2 * HOUR + 30 * MIN)
    assert p.events[-1] == "escalated", "its clock stood while it was silenced, and runs from then on"


def test_what_ends_under_a_silence_is_told_to_no_one_who_did_not_know() -> None:
    p = Player()
    for at, word in ((0, "bad"), (300, "good"), (600, "good")):
        p.see(word, at, silence=NIGHT)
    assert p.events == ["opened", "snoozed", "resolved"]
    assert intents(p) == []


def test_a_silence_over_an_open_alert_says_so_and_an_end_before_its_time_lets_the_clock_run() -> None:
    p = Player()
    p.see("bad", 0)
    p.see("pass", 60, silence=NIGHT)
    assert told(p)[-1] == (60, "snoozed", 'silenced by op-1 for 1 h 59 min: "moving racks"', ("slack-data",))
    p.see("pass", 120, silence=NIGHT)
    assert p.events == ["opened", "snoozed"], "said once"
    p.see("pass", 180)
    assert p.events[-1] == "renotified"
    p.see("pass", 180 + 29 * MIN)
    assert p.events[-1] == "escalated"


def test_a_persons_snooze_and_a_silence_end_each_for_itself() -> None:
    p = Player()
    p.see("bad", 0)
    assert p.alert is not None
    p.keep(snooze(p.alert, T0 + 60, T0 + 60, "op-2", HOUR))
    p.see("pass", 120, silence=NIGHT)
    assert p.alert.snoozed is not None
    assert p.alert.snoozed.by == "op-1"
    p.see("pass", 180)
    assert p.events == ["opened", "snoozed", "snoozed", "snoozed"], (
        "the silence ended early: what is left is the snooze"
    )
    p.see("pass", 60 + HOUR)
    assert told(p)[-1][2] == "the snooze by op-2 is over and it is still open"


def test_the_end_of_a_silence_waits_for_the_observation_that_is_due() -> None:
    p = Player()
    p.see("bad", 0, silence=NIGHT)
    p.see("pass", 2 * HOUR, due=True)
    assert p.events == ["opened", "snoozed"]
    p.see("good", 2 * HOUR + 1)
    p.see("good", 2 * HOUR + 301)
    assert p.events[-1] == "resolved"


@pytest.mark.parametrize("why", ["maintenance racks", "odds_api/source-down"])
def test_what_opened_under_a_silence_that_ends_while_something_else_suppresses_it_is_told_when_that_ends(
    why: str,
) -> None:
    kept = {"maintenance": why} if why.startswith("maintenance") else {"inhibited_by": why}
    p = Player()
    p.see("bad", 0, silence=NIGHT)
    p.see("bad", 2 * HOUR - 300, silence=NIGHT, **kept)
    p.see("bad", 2 * HOUR, **kept)
    assert intents(p) == []
    p.see("bad", 2 * HOUR + 300)
    reason = "the silence by op-1 is over and it is still open"
    assert told(p)[-1] == (2 * HOUR + 300, "renotified", reason, ("slack-data",))
    assert p.alert is not None
    assert p.alert.notified == ("slack-data",)


def test_a_silence_lasts_as_long_as_the_wall_clock_says_though_that_was_set_back() -> None:
    p = Player()
    p.see("bad", 0)
    p.see("pass", 60, silence=NIGHT)
    said = len(intents(p))
    for at in (2 * HOUR - 300, 2 * HOUR, 2 * HOUR + 300):
        p.see("bad", at, now=int(T0 + at - HOUR), silence=NIGHT)
    p.see("bad", 2 * HOUR + 600, now=int(T0 + HOUR + 600), silence=NIGHT, severity=Severity.CRITICAL)
    assert len(intents(p)) == said, "the wall clock was set back by an hour, and says that the silence is on"
    p.see("bad", 3 * HOUR, now=int(T0 + 2 * HOUR))
    assert p.events[-1] == "renotified"


def test_who_is_silenced_again_after_it_resolved_hears_nothing_of_the_new_outage() -> None:
    p = Player()
    p.every("bgg")
    before = len(intents(p))
    p.see("bad", 900, silence=NIGHT)
    assert p.events[-2:] == ["reopened", "snoozed"]
    assert len(intents(p)) == before


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("source=odds_api", True),
        ('source="odds_api"', True),
        ("source!=odds_api", False),
        ('source=~"odds_.*|scores"', True),
        ('source=~"odds"', False),
        ('source!~"odds"', True),
        ("tag_provider=odds-example", True),
        ("alertname=source-down", True),
        ("severity=critical", False),
        ("nothing=", True),
        ('owner=~".*team:data.*"', True),
        ('"source"="odds\\_api"', True),
    ],
)
def test_a_matcher_as_it_is_written(text: str, matches: bool) -> None:
    assert read_matcher(text).matches(LABELS) is matches


@pytest.mark.parametrize("text", ["", "source", "=x", "source=~(", 'a="b', "a=~(?=x)"])
def test_what_is_no_matcher_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(BadInput, match=r"no matcher|cannot be used"):
        read_matcher(text)


def test_a_long_text_of_spaces_is_refused_as_fast_as_a_short_one() -> None:
    with pytest.raises(BadInput, match="no matcher"):
        read_matcher("a=" + " " * 100_000 + '"')
    assert read_matcher(" source =  odds_api  ") == Matcher("source", "odds_api")
    assert read_matcher("note=moving   racks") == Matcher("note", "moving   racks")


def test_of_several_the_one_that_ends_last_holds() -> None:
    longer = replace(NIGHT, id="l", ends_at=NIGHT.ends_at + 1)
    later = replace(NIGHT, id="x", starts_at=T0 + 1, ends_at=T0 + 9 * HOUR)
    assert [s.id for s in covering([NIGHT, later, longer], LABELS, T0)] == ["l", "n"]
    assert covering([NIGHT], LABELS, NIGHT.ends_at) == ()
