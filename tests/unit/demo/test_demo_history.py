"""The thirty days agree with the story and with what the live fleet would have shown."""

from __future__ import annotations

import statistics
from collections import Counter
from itertools import islice

import pytest

from busta_health_dagster.demo.catalogue import NAMES, UPSTREAMS, phase_of
from busta_health_dagster.demo.faults import Fault
from busta_health_dagster.demo.history import generate
from busta_health_dagster.demo.scenarios import SCENARIOS, scenario
from busta_health_dagster.domain.observation import Kind, Observation, Status

UNTIL = 1_795_422_300


@pytest.fixture(scope="module")
def month() -> dict[str, list[Observation]]:
    found: dict[str, list[Observation]] = {name: [] for name in NAMES}
    for tick in generate(30, UNTIL):
        assert [o.source for o in tick] == list(NAMES)
        for observation in tick:
            found[observation.source].append(observation)
    return found


def test_thirty_days_are_8640_slots_of_twelve_sources_without_a_gap(month: dict[str, list[Observation]]) -> None:
    for observations in month.values():
        assert [o.slot for o in observations] == list(range(UNTIL - 30 * 86400, UNTIL, 300))
        assert all(o.slot <= o.observed_at < o.slot + 60 and o.kind is Kind.SCHEDULED for o in observations)


def test_the_month_ends_in_the_state_that_the_live_fleet_starts_with(month: dict[str, list[Observation]]) -> None:
    last = {name: (o[-1].status, o[-1].reason) for name, o in month.items()}
    assert last["weather_api"] == (Status.DOWN, "http_status")
    assert last["rss_beat_writers"] == (Status.DOWN, "http_status")
    assert last["odds_api"] == (Status.DEGRADED, "slow")
    assert last["play_by_play_csv"] == (Status.DEGRADED, "stale")
    assert last["pfr_stats"][0] in (Status.DEGRADED, Status.DOWN)
    assert all(
        last[n][0] is Status.UP for n in NAMES if n.startswith(("scores", "rss_l", "rss_f", "postgres", "feature"))
    )
    age = month["play_by_play_csv"][-1].data_age_s
    assert age is not None
    assert 28 * 3600 < age < 29 * 3600


def test_uptimes_tell_the_story_of_two_that_miss_and_one_that_nearly_does(month: dict[str, list[Observation]]) -> None:
    story = scenario("default")

    def held(source: str, slot: int) -> bool:
        return any(p.source == source and p.start_s <= slot - UNTIL < p.start_s + p.duration_s for p in story.planned)

    uptime = {}
    for name, observations in month.items():
        counted = [o.status for o in observations if o.status.is_verdict and not held(name, o.slot)]
        uptime[name] = 100 * (1 - counted.count(Status.DOWN) / len(counted))
    assert {n for n, u in uptime.items() if u < 99.5} == {"weather_api", "pfr_stats"}
    assert 99.5 < uptime["play_by_play_csv"] < 99.55
    assert min(u for n, u in uptime.items() if n not in ("weather_api", "pfr_stats", "play_by_play_csv")) > 99.55


def test_every_bad_slot_is_covered_by_an_incident_and_every_outage_by_bad_slots(
    month: dict[str, list[Observation]],
) -> None:
    story = scenario("default")
    for name, observations in month.items():
        for observation in observations:
            incident = story.incident(name, observation.slot - UNTIL)
            if observation.status is not Status.UP:
                assert incident is not None
            if incident and incident.fault in (Fault.OUTAGE, Fault.REFUSED, Fault.TIMEOUT, Fault.GARBAGE):
                assert observation.status is Status.DOWN
                assert observation.response_ms is None


def test_ages_are_those_that_the_live_fleet_shows(month: dict[str, list[Observation]]) -> None:
    story = scenario("default")
    for name, observations in month.items():
        upstream, phase = UPSTREAMS[name], phase_of(name, UNTIL)
        for observation in islice(observations, 0, None, 97):
            incident = story.incident(name, observation.slot - UNTIL)
            if observation.status is Status.UP and not (incident and incident.fault is Fault.STALE):
                assert observation.data_age_s == observation.slot - upstream.newest(observation.slot, phase)
                assert observation.items == (upstream.count(observation.slot) or None)


def test_healthy_answers_lie_around_their_median_and_are_slower_in_the_evening(
    month: dict[str, list[Observation]],
) -> None:
    for name, observations in month.items():
        healthy = [o.response_ms for o in observations if o.status is Status.UP and o.response_ms and o.attempts == 1]
        assert 0.75 < statistics.median(healthy) / UPSTREAMS[name].median_ms < 1.3
    by_hour: dict[int, list[float]] = {1: [], 13: []}
    for observation in month["odds_api"]:
        hour = observation.slot % 86400 // 3600
        if hour in by_hour and observation.status is Status.UP and observation.response_ms:
            by_hour[hour].append(observation.response_ms)
    assert statistics.median(by_hour[1]) > 1.2 * statistics.median(by_hour[13])


def test_quality_is_scored_hourly_and_falls_when_the_story_says_so(month: dict[str, list[Observation]]) -> None:
    scored = Counter(name for name, observations in month.items() for o in observations if o.quality is not None)
    assert 690 <= min(scored[n] for n in NAMES if n != "pfr_stats") <= 720
    assert scored["pfr_stats"] == 0  # a page of HTML has no rows to score
    injuries = month["injury_reports"]
    assert injuries[-1].slot % 3600 != 300 or injuries[-1].quality is not None
    low = [o for o in injuries if o.quality is not None and o.quality < 90]
    story = scenario("default")
    assert len(low) >= 6
    assert all(i.fault is Fault.BAD_QUALITY for o in low if (i := story.incident("injury_reports", o.slot - UNTIL)))


def test_the_same_arguments_give_the_same_history_and_another_seed_another() -> None:
    def few(seed: int) -> list[list[Observation]]:
        return list(generate(0.05, UNTIL, seed))

    assert few(1) == few(1)
    assert few(1) != few(2)


@pytest.mark.parametrize("name", [n for n in SCENARIOS if n != "default"])
def test_the_other_scenarios_begin_well(name: str) -> None:
    *_, last = generate(0.02, UNTIL, scenario=scenario(name))
    assert {o.status for o in last} == {Status.UP}


def test_slots_after_the_anchor_follow_the_script() -> None:
    ticks = list(generate(0.02, UNTIL + 600, anchor=UNTIL))
    last = {o.source: o for o in ticks[-1]}
    assert ticks[-1][0].slot == UNTIL + 300
    assert (last["rss_transactions"].status, last["rss_transactions"].reason) == (Status.DOWN, "connect")
