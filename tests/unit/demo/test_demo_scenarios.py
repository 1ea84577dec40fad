"""The script is data: it is the same each time, begins and ends on slots, and says what a viewer meets."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.demo.catalogue import NAMES, UPSTREAMS
from busta_health_dagster.demo.faults import Effect, Fault, Medium
from busta_health_dagster.demo.scenarios import SCENARIOS, scenario
from busta_health_dagster.demo.timeline import DAY, HOUR, MINUTE, Incident, Scenario
from busta_health_dagster.demo.world import LEAD_S, World
from busta_health_dagster.domain.errors import BadInput, UnknownName

ANCHOR = 1_795_422_300
DEFAULT = SCENARIOS["default"]


class At:
    """A clock that stands where it is put."""

    def __init__(self, now: float) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


@pytest.mark.parametrize("story", SCENARIOS.values(), ids=lambda s: s.name)
def test_every_incident_begins_and_ends_on_a_slot_and_can_be_shown_by_its_source(story: Scenario) -> None:
    for incident in (*story.past, *story.script, *story.loop):
        assert incident.start_s % 300 == 0
        assert incident.end_s is None or (incident.end_s % 300 == 0 and incident.end_s > incident.start_s)
        assert UPSTREAMS[incident.source].shows(incident.fault), incident
    assert all(i.end_s is not None and i.end_s <= story.loop_every_s for i in story.loop)
    assert all(i.end_s is not None and i.end_s <= 0 and i.start_s > -30 * DAY for i in story.past)


def test_at_the_start_six_sources_are_in_trouble_and_one_of_them_is_in_maintenance() -> None:
    at_start = {name: DEFAULT.incident(name, 0) for name in NAMES}
    assert {n: i.fault for n, i in at_start.items() if i} == {
        "weather_api": Fault.OUTAGE,
        "odds_api": Fault.SLOW,
        "play_by_play_csv": Fault.STALE,
        "pfr_stats": Fault.FLAPPING,
        "injury_reports": Fault.BAD_QUALITY,
        "rss_beat_writers": Fault.OUTAGE,
    }
    window = next(p for p in DEFAULT.planned if p.start_s <= 0 < p.start_s + p.duration_s)
    migration = at_start["rss_beat_writers"]
    assert migration is not None
    assert migration.end_s is not None
    assert window.source == "rss_beat_writers"
    assert window.start_s <= migration.start_s
    assert migration.end_s <= window.start_s + window.duration_s


def test_the_first_hour_changes_every_few_slots_and_one_outage_starts_and_ends_before_the_eyes() -> None:
    seen = [frozenset((n, i.fault) for n in NAMES if (i := DEFAULT.incident(n, t))) for t in range(0, HOUR, 5 * MINUTE)]
    assert ("rss_transactions", Fault.REFUSED) not in seen[0]
    assert ("rss_transactions", Fault.REFUSED) in seen[1]
    assert ("rss_transactions", Fault.REFUSED) not in seen[3]
    assert sum(a != b for a, b in pairwise(seen)) >= 8


@given(st.integers(0, 40), st.integers(0, 3 * HOUR - 1), st.sampled_from(NAMES))
def test_the_loop_repeats_itself_exactly(rounds: int, into: int, source: str) -> None:
    once = DEFAULT.incident(source, DEFAULT.loop_from_s + into)
    again = DEFAULT.incident(source, DEFAULT.loop_from_s + into + rounds * DEFAULT.loop_every_s)
    assert (once and once.fault) == (again and again.fault)


@given(st.integers(-30 * DAY, 10 * HOUR), st.sampled_from(NAMES), st.sampled_from(sorted(SCENARIOS)))
def test_what_is_wrong_at_an_instant_is_among_what_overlaps_it(offset: int, source: str, name: str) -> None:
    story = SCENARIOS[name]
    now, around = story.incident(source, offset), list(story.between(source, offset, offset + 1))
    assert (now in around) if now else around == []


def test_flapping_is_the_same_for_every_look_in_a_slot_and_fails_about_its_share() -> None:
    flapping = Effect(Fault.FLAPPING, ANCHOR, ms=3000, share=0.3)
    slots = [flapping.at("pfr_stats", ANCHOR + n * 300) for n in range(2000)]
    assert all(flapping.at("pfr_stats", ANCHOR + 300 + s) == slots[1] for s in (0, 2, 7, 299))
    assert 0.26 < sum(e is not None and e.fault is Fault.OUTAGE for e in slots) / 2000 < 0.34
    assert {e.fault for e in slots if e} == {Fault.OUTAGE, Fault.SLOW}


def test_scripted_faults_are_there_before_the_slot_that_must_see_them() -> None:
    world = World(DEFAULT, At(ANCHOR + 5 * MINUTE - LEAD_S), ANCHOR)
    effect = world.effect("rss_transactions")
    assert effect is not None
    assert effect.fault is Fault.REFUSED


def test_a_fault_set_by_hand_rules_until_it_is_released() -> None:
    world = World(DEFAULT, At(ANCHOR), ANCHOR)
    world.set("weather_api", None)
    assert world.effect("weather_api") is None
    world.release("weather_api")
    assert world.effect("weather_api") is not None


def test_a_fault_that_a_kind_of_source_cannot_show_is_refused_with_its_name() -> None:
    world = World(DEFAULT, At(ANCHOR), ANCHOR)
    with pytest.raises(BadInput, match=r"play_by_play_csv \(csv\) cannot show the fault rate_limited"):
        world.set("play_by_play_csv", Fault.RATE_LIMITED)
    with pytest.raises(UnknownName, match="no source 'nobody'"):
        world.set("nobody", Fault.OUTAGE)
    with pytest.raises(UnknownName, match="storm"):
        scenario("hurricane")


def test_news_is_never_from_the_future_and_a_healthy_source_is_never_stale() -> None:
    for upstream in UPSTREAMS.values():
        assert upstream.medium in Medium
        for hour in range(24 * 20):
            at = ANCHOR + hour * 3600 + hour * 7
            assert 0 <= at - upstream.newest(at) <= upstream.limit_age_s


def test_an_incident_is_shifted_and_clipped_as_a_whole() -> None:
    incident = Incident("odds_api", Fault.SLOW, -600, None, ms=6000)
    assert incident.clipped(-300).end_s == -300
    assert incident.shifted(300).start_s == -300
    assert incident.shifted(300).end_s is None
