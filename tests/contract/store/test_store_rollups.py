"""Rollups: any window, exact to the slot, whatever came late, twice or under maintenance."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_stories import DAY, HOUR, T0, added, seen, synced

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.uptime_and_budget import SliceCounts
from busta_health_dagster.engines.service_levels import timeslices
from busta_health_dagster.store import Store, UnitOfWork

_names = (f"src{n}" for n in count())


def counted(seen_: list[Observation], planned: set[int], since: int, until: int) -> dict[str, Any]:
    """The slow, obvious way."""
    inside = [o for o in seen_ if since <= o.slot < until]
    outside = [o for o in inside if o.slot not in planned]
    return {
        "status": Counter(o.status for o in outside),
        "maintenance": Counter(o.status for o in inside if o.slot in planned),
        "flaky": sum(o.status is Status.UP and o.attempts > 1 for o in outside),
        "measured": sum(o.response_ms is not None and not o.suspect for o in outside),
        "mean": round(sum(o.response_ms or 0 for o in outside if not o.suspect), 1),
    }


def sliced(seen_: list[Observation], planned: set[int], since: int, until: int, interval: int) -> SliceCounts:
    """What the SLA engine makes of the observations themselves; only slices with a verdict are compared."""
    windows = [(slot, slot + 1) for slot in planned]
    observed = [(o.slot, o.status) for o in seen_ if o.slot < until]
    return timeslices.slices(observed, since=since, until=until, interval_s=interval, maintenance=windows).counts()


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[Observation], list[int]]:
    """(interval, observations in the order they come, sizes of the batches)."""
    interval = draw(st.sampled_from([60, 120, 300, 900, 3600, 7200, DAY]))
    slots = draw(st.lists(st.integers(0, 4 * DAY // interval), min_size=1, max_size=40, unique=True))
    if draw(st.booleans()):
        slots.sort()
    drawn = st.tuples(
        st.sampled_from([Status.UP, Status.UP, Status.DEGRADED, Status.DOWN, Status.UNKNOWN]),
        st.integers(1, 3),
        st.floats(0.5, 20_000),
        st.booleans(),
        st.none() | st.integers(0, 1000),
        st.none() | st.integers(0, 100),
    )
    observations = []
    for slot in slots:
        status, attempts, ms, suspect, items, quality = draw(drawn)
        well = status in {Status.UP, Status.DEGRADED}
        observations.append(
            seen(
                "",
                T0 + slot * interval,
                status,
                attempts=attempts,
                suspect=suspect,
                items=items,
                quality=quality,
                **({"response_ms": round(ms, 1)} if well else {}),
            )
        )
    return interval, observations, draw(st.lists(st.integers(1, 15), min_size=40, max_size=40))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(histories(), st.data())
def test_every_window_says_what_the_observations_say(
    store: Store, history: tuple[int, list[Observation], list[int]], data: st.DataObject
) -> None:
    interval, observations, sizes = history
    name = next(_names)
    synced(store, **{name: interval})
    planned: set[int] = set()
    todo = [
        Observation(**{f: getattr(o, f) for f in Observation.__dataclass_fields__} | {"source": name})
        for o in observations
    ]
    kept = list(todo)
    with store.write() as uow:
        for size in sizes:
            batch, todo = todo[:size], todo[size:]
            under = data.draw(st.booleans())
            uow.observations.add(batch, in_maintenance=[name] if under else [])
            planned |= {o.slot for o in batch} if under else set()
        check(uow, name, kept, planned, interval, data)
        begin, length = data.draw(st.integers(0, 3 * DAY)), data.draw(st.integers(1, DAY))
        window = (T0 + begin, T0 + begin + length)
        uow.rollups.recompute([name], T0, T0 + 5 * DAY, {name: [window]})
        check(uow, name, kept, {o.slot for o in kept if window[0] <= o.slot < window[1]}, interval, data)
        again = uow.rollups.recompute([name], T0, T0 + 5 * DAY, {name: [window]})
        assert (again.observations, again.hours) == (0, 0)
        cut = (T0 + data.draw(st.integers(0, 2 * DAY)), T0 + data.draw(st.integers(2 * DAY, 4 * DAY)))
        uow.observations.delete(name, *cut)
        kept = [o for o in kept if not cut[0] <= o.slot < cut[1]]
        check(uow, name, kept, {o.slot for o in kept if window[0] <= o.slot < window[1]}, interval, data)
        uow.sources.sync([], T0)


def check(
    uow: UnitOfWork, name: str, kept: list[Observation], planned: set[int], interval: int, data: st.DataObject
) -> None:
    edges = st.integers(0, 5 * DAY)
    windows = {}
    for label in "abc":
        since, until = sorted((data.draw(edges), data.draw(edges)))
        windows[label] = (T0 + since, T0 + until)
    summaries = uow.rollups.summary([name], windows)[name]
    counts = uow.rollups.counts([name], windows)[name]
    for label, (since, until) in windows.items():
        got, want = summaries[label], counted(kept, planned, since, until)
        bare = counts[label]
        assert (bare.counts, bare.maintenance, bare.flaky) == (got.counts, got.maintenance, got.flaky)
        assert (bare.slices, bare.failure_ratio) == (got.slices, got.failure_ratio)
        assert got.counts == {s: want["status"][s] for s in Status}
        assert got.maintenance == {s: want["maintenance"][s] for s in Status}
        assert (got.flaky, got.measured) == (want["flaky"], want["measured"])
        step = timeslices.slice_length(interval)
        since, until = since // step * step, until // step * step
        if since < until:
            got_slices = uow.rollups.summary([name], {"s": (since, until)})[name]["s"].slices
            slow = sliced(kept, planned, since, until, interval)
            assert (got_slices.up, got_slices.degraded, got_slices.down) == (slow.up, slow.degraded, slow.down)


def test_a_month_is_read_to_the_slot_at_both_ends(store: Store) -> None:
    synced(store, odds=300)
    slots = range(T0, T0 + 31 * DAY, 300)
    down = {T0 + 25 * 300, T0 + 26 * 300, T0 + 30 * DAY + 20 * 300}
    with store.write() as uow:
        uow.observations.add(seen("odds", s, Status.DOWN if s in down else Status.UP) for s in slots)
    until = T0 + 30 * DAY + 20 * 300 + 300
    with store.read() as uow:
        windows = {"30d": (until - 30 * DAY, until), "shorter": (T0 + 26 * 300, until - 300), "all": (0, 2**33)}
        found = uow.rollups.summary(["odds"], windows)["odds"]
    assert (found["30d"].seen, found["30d"].down) == (8640, 3)
    assert (found["shorter"].seen, found["shorter"].down) == (8640 - 6, 1)
    assert (found["all"].seen, found["all"].p50) == (len(slots), pytest.approx(100.0, rel=0.04))


def test_quantiles_are_four_percent_exact(store: Store) -> None:
    synced(store, odds=300)
    times = [20.0 + 1.7 * n for n in range(1000)]
    with store.write() as uow:
        uow.observations.add(seen("odds", T0 + n * 300, response_ms=ms) for n, ms in enumerate(times))
        found = uow.rollups.summary(["odds"], {"w": (T0, T0 + 30 * DAY)})["odds"]["w"]
    assert found.p50 == pytest.approx(times[499], rel=0.04)
    assert found.p95 == pytest.approx(times[949], rel=0.04)
    assert found.max_ms == pytest.approx(times[-1], rel=0.08)
    assert found.mean_ms == pytest.approx(sum(times) / 1000, rel=0.001)


def test_a_suspect_or_planned_response_time_is_not_measured(store: Store) -> None:
    synced(store, odds=300)
    added(store, seen("odds", T0, response_ms=50.0), seen("odds", T0 + 300, response_ms=9000.0, suspect=True))
    added(store, seen("odds", T0 + 600, response_ms=7000.0), planned=("odds",))
    with store.read() as uow:
        found = uow.rollups.summary(["odds"], {"w": (T0, T0 + HOUR)})["odds"]["w"]
    assert (found.measured, found.up, found.maintenance[Status.UP]) == (1, 2, 1)
    assert found.max_ms == pytest.approx(50, rel=0.08)


def test_a_window_without_observations_says_nothing(store: Store) -> None:
    synced(store, odds=300, silent=300)
    added(store, seen("odds", T0 + 2 * HOUR))
    with store.read() as uow:
        found = uow.rollups.summary(None, {"before": (T0, T0 + HOUR), "after": (T0 + DAY, T0 + 2 * DAY)})
        assert uow.rollups.daily(["silent"], T0, T0 + DAY) == {"silent": []}
    for name in ("odds", "silent"):
        for label in ("before", "after"):
            empty = found[name][label]
            assert (empty.seen, empty.p95, empty.mean_ms, empty.failure_ratio, empty.mean_quality) == (
                0,
                None,
                None,
                None,
                None,
            )


def test_a_minute_source_is_judged_by_slices_of_five(store: Store) -> None:
    synced(store, odds=60)
    states = "UUUDDUDDDXXXXXXDDDUU"
    status = {"U": Status.UP, "D": Status.DOWN, "X": Status.UNKNOWN}
    added(store, *(seen("odds", T0 + n * 60, status[letter]) for n, letter in enumerate(states)))
    with store.read() as uow:
        found = uow.rollups.summary(["odds"], {"w": (T0, T0 + HOUR)})["odds"]["w"]
        rows = uow.rollups.slices("odds", T0, T0 + HOUR, 300)
    assert found.slices == SliceCounts(up=1, degraded=0, down=2, unknown=1)
    assert [(r.start - T0, r.up, r.down, r.unknown) for r in rows] == [
        (0, 3, 2, 0),
        (300, 1, 3, 1),
        (600, 0, 0, 5),
        (900, 2, 3, 0),
    ]


def test_a_retroactive_window_moves_counts_and_back(store: Store) -> None:
    synced(store, odds=300)
    added(store, *(seen("odds", T0 + n * 300, Status.DOWN if 4 <= n < 8 else Status.UP) for n in range(600)))
    window = (T0 + 4 * 300, T0 + 8 * 300)
    with store.write() as uow:
        done = uow.rollups.recompute(["odds"], *window, {"odds": [window]})
        assert (done.observations, done.hours) == (4, 1)
        found = uow.rollups.summary(["odds"], {"w": (T0, T0 + 3 * DAY)})["odds"]["w"]
        assert (found.down, found.maintenance[Status.DOWN], found.slices.excluded) == (0, 4, 4)
        bars = uow.rollups.strip(["odds"], T0, T0 + HOUR, 600)["odds"]
        assert [b.maintenance for b in bars] == [False, False, True, True, False, False]
        uow.rollups.recompute(["odds"], *window, {})
        found = uow.rollups.summary(["odds"], {"w": (T0, T0 + 3 * DAY)})["odds"]["w"]
        assert (found.down, found.maintenance[Status.DOWN]) == (4, 0)


def test_pruned_hours_keep_their_figures_when_rollups_are_recomputed(store: Store) -> None:
    synced(store, odds=300)
    added(store, *(seen("odds", T0 + n * 300) for n in range(2 * 288)))
    store.prune({"observations": DAY + 20 * 60, "dagster_runs": 5}, T0 + 2 * DAY)
    with store.write() as uow:
        assert uow.observations.first_slot() == T0 + DAY - 20 * 60
        assert uow.rollups.recompute(None, T0, T0 + 3 * DAY).hours == 0
        assert uow.rollups.summary(["odds"], {"w": (T0, T0 + 3 * DAY)})["odds"]["w"].up == 2 * 288


def test_a_strip_shows_the_worst_of_each_bar_and_gaps_as_gaps(store: Store) -> None:
    synced(store, odds=300)
    letters = {0: Status.UP, 1: Status.DOWN, 2: Status.UP, 3: Status.UNKNOWN, 4: Status.DEGRADED, 5: Status.UNKNOWN}
    added(store, *(seen("odds", T0 + n * 300, status) for n, status in letters.items()))
    with store.read() as uow:
        bars = uow.rollups.strip(None, T0, T0 + HOUR, 600)["odds"]
    assert [b.status for b in bars] == [Status.DOWN, Status.UNKNOWN, Status.DEGRADED, None, None, None]
    assert [b.response_ms for b in bars[:2]] == [100.0, 100.0]


def test_days_are_told_apart_in_utc(store: Store) -> None:
    synced(store, odds=300, daily=DAY)
    for day, ms in ((0, 50.0), (1, 200.0), (3, 800.0)):
        added(store, *(seen("odds", T0 + day * DAY + n * 300, response_ms=ms, quality=90 + day) for n in range(288)))
        added(store, seen("daily", T0 + day * DAY))
    with store.read() as uow:
        days = uow.rollups.daily(["odds"], T0 + DAY, T0 + 9 * DAY)["odds"]
        assert [day for day, _ in uow.rollups.daily(None, T0, T0 + DAY)["daily"]] == [T0]
    assert [(day - T0) // DAY for day, _ in days] == [1, 3]
    assert [summary.mean_quality for _, summary in days] == [91.0, 93.0]
    assert [summary.p95 for _, summary in days] == [pytest.approx(200, rel=0.04), pytest.approx(800, rel=0.04)]
    assert [summary.seen for _, summary in days] == [288, 288]
