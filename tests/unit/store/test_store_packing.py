"""How observations and tallies fit into few bytes, and come out again."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_stories import T0

from busta_health_dagster.domain.observation import Observation, Phases, Status
from busta_health_dagster.domain.uptime_and_budget import Slice
from busta_health_dagster.store.packing import MAINTENANCE, pack, quality_of, tenths, unpack, verdict_code
from busta_health_dagster.store.rollup_stats import RollupStats, bin_edge, bin_of, decode, encode, evaluated

REASONS = {0: "ok", 1: "timeout", 200: "rare"}
ms = st.none() | st.floats(0, 32_000)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    number = st.none() | st.integers(0, 10**12)
    phases = draw(st.none() | st.builds(Phases, ms, ms, ms, ms, ms))
    status = draw(st.sampled_from(Status))
    return Observation(
        "odds",
        T0,
        T0 + draw(st.integers(-5000, 5000)),
        status,
        draw(st.sampled_from(list(REASONS.values()))),
        "" if status is Status.UP else draw(st.text()),
        response_ms=draw(ms),
        phases=phases,
        items=draw(number),
        data_age_s=draw(st.none() | st.integers(-100, 10**9).map(float)),
        http_status=draw(st.none() | st.sampled_from([200, 204, 404, 503])),
        size_bytes=draw(number),
        tls_days_left=draw(st.none() | st.floats(-400, 4000)),
        retry_after_s=draw(st.none() | st.integers(0, 86400).map(float)),
        attempts=draw(st.integers(1, 16)),
        suspect=draw(st.booleans()),
        quality=draw(st.none() | st.integers(0, 10_000).map(lambda n: n / 100)),
    )


@given(observations(), st.booleans())
def test_what_goes_in_comes_out(seen: Observation, maintenance: bool) -> None:
    number = {reason: n for n, reason in REASONS.items()}[seen.reason]
    packed = pack(seen, number, maintenance=maintenance)
    back = unpack("odds", T0, packed, REASONS)
    assert bool(packed.verdict & MAINTENANCE) == maintenance
    same = ("slot", "observed_at", "status", "reason", "detail", "items", "data_age_s", "http_status", "size_bytes")
    for name in (*same, "retry_after_s", "attempts", "suspect", "quality"):
        assert getattr(back, name) == getattr(seen, name), name
    assert tenths(back.response_ms) == tenths(seen.response_ms)
    assert back.tls_days_left == (None if seen.tls_days_left is None else math.floor(seen.tls_days_left))
    assert quality_of(packed.trace) == (None if seen.quality is None else round(seen.quality * 100))
    for name in ("dns", "connect", "tls", "first_byte", "body"):
        was = getattr(seen.phases or Phases(), name)
        now = getattr(back.phases or Phases(), name)
        assert (was is None) == (now is None), name
        if was is not None:
            assert now == pytest.approx(was, rel=0.03, abs=0.15), name


def test_an_ordinary_check_takes_few_bytes() -> None:
    seen = Observation(
        "odds",
        T0,
        T0 + 3,
        Status.UP,
        response_ms=94.3,
        phases=Phases(1, 12, 25, 50, 6.3),
        items=120,
        data_age_s=300,
        http_status=200,
        size_bytes=48_211,
        tls_days_left=61.0,
    )
    packed = pack(seen, 0, maintenance=False)
    assert packed.verdict == verdict_code(Status.UP) == 1
    assert len(packed.trace) == 10


counts = st.lists(st.integers(0, 10**9), min_size=19, max_size=19)


@given(counts, st.dictionaries(st.integers(0, 255), st.integers(1, 10**6)), st.booleans())
def test_a_tally_comes_back_from_its_bytes(values: list[int], bins: dict[int, int], plain: bool) -> None:
    noise = RollupStats(values, bins)
    if plain:
        noise.counts[9:14] = [*values[:4], sum(values[4:8])]
    back = decode(encode(noise))
    assert (back.counts, back.bins) == (noise.counts, noise.bins)


@given(st.lists(st.tuples(st.integers(0, 255), st.none() | st.integers(0, 10**6), st.none() | st.integers(0, 999))))
def test_adding_and_taking_away_leaves_nothing(observations: list[tuple[int, int | None, int | None]]) -> None:
    noise = RollupStats()
    for verdict, response, items in observations:
        noise.see(verdict, response, items, None)
    before = decode(encode(noise))
    for verdict, response, items in observations:
        noise.see(verdict, response, items, None, -1)
    assert not noise
    assert not before.add(before.copy(), -1)


def test_a_negative_total_is_never_written() -> None:
    with pytest.raises(ValueError, match="-1 cannot be packed"):
        encode(RollupStats([-1, *[0] * 18]))


@given(st.integers(0, 6_000_000))
def test_a_bin_holds_its_value_within_four_percent(response: int) -> None:
    at = bin_of(response)
    low, high = bin_edge(at), bin_edge(at + 1)
    assert low - 0.001 <= response / 10 <= high + 0.001
    assert (high - low) / 2 <= 0.041 * (response / 10 + 1)


@given(st.lists(st.integers(5, 300_000), min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.95, 1.0]))
def test_a_quantile_is_close_to_the_real_one(times: list[int], share: float) -> None:
    noise = RollupStats()
    for response in times:
        noise.see(1, response, None, None)
    real = sorted(times)[max(math.ceil(share * len(times)), 1) - 1] / 10
    assert noise.quantile(share) == pytest.approx(real, rel=0.085, abs=0.2)


def test_a_slice_is_judged_by_those_that_have_a_verdict() -> None:
    up, degraded, down, unknown = (verdict_code(s) for s in (Status.UP, Status.DEGRADED, Status.DOWN, Status.UNKNOWN))
    planned = verdict_code(Status.DOWN, maintenance=True)
    assert evaluated([up, up, up, down, down]) is Slice.UP
    assert evaluated([up, down, unknown, unknown]) is Slice.DOWN
    assert evaluated([up, degraded, down, up]) is Slice.DEGRADED
    assert evaluated([unknown, planned]) is Slice.UNKNOWN
    assert evaluated([up, planned, planned]) is Slice.UP
    assert evaluated([planned]) is Slice.EXCLUDED
    assert evaluated([]) is None
