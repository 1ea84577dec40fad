"""When a budget burns, when it is gone, and when a target cannot be measured."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.uptime_and_budget import Slice, SliceCounts
from busta_health_dagster.engines.service_levels.burn import (
    exhaustion,
    firing_tier,
    measurable,
    next_to_breach,
    time_to_breach_s,
)
from busta_health_dagster.engines.service_levels.timeslices import Slices, result

TARGET = Fraction(995, 1000)


def bad_slots(verdicts: Slices, degraded: str = "good"):
    """`bad(n)`: how many of the newest n slots are bad. Unknown and excluded slots take their place and are not bad."""
    codes = (Slice.DOWN, Slice.DEGRADED) if degraded == "bad" else (Slice.DOWN,)
    return lambda n: sum(verdicts.tail(n).verdicts.count(code) for code in codes)


def tier(newest_last: str, degraded="good") -> str | None:
    """A story of slots: `.` up, `~` degraded, `#` down, `?` unknown, `m` maintenance."""
    verdicts = bytes("?.~#m".index(c) for c in newest_last)
    found = firing_tier(bad_slots(Slices(0, 300, verdicts), degraded))
    return found and found.name


@pytest.mark.parametrize(
    ("story", "fires"),
    [
        ("." * 900 + "#", None),  # one failed check never pages
        ("." * 900 + "##", None),
        ("." * 9 + "###", "A"),
        ("." * 4 + "#" + "." * 5 + "##", "A"),
        ("#" + "." * 10 + "##", None),  # the third bad one has just left the last 12
        ("#.." * 3 + "...", None),
        ("." * 50 + "###" + "." * 10 + "#..#", "B"),  # 5 of 72 and 2 of 6, but 2 of 12
        ("." * 66 + "####.#", "A"),  # the worst tier speaks, though B holds too
        ("#......." * 7 + "." * 300 + "#" + "." * 60 + "#", "C"),
        ("###" + "." * 862, None),
        ("###???", None),
        ("mmm###", "A"),
        ("###mmm", None),
    ],
)
def test_tiers_count_the_slots_of_the_source(story, fires):
    assert tier(story) == fires


def test_degraded_slots_burn_only_where_degraded_is_bad():
    assert [tier("~" * 12, d) for d in ("good", "half", "bad")] == [None, None, "A"]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=100), st.integers(0, 99))
def test_one_more_bad_slot_never_quiets_a_tier(codes, at):
    worse = list(codes)
    worse[at % len(codes)] = 3
    order = {None: 0, "C": 1, "B": 2, "A": 3}

    def level(some):
        found = firing_tier(bad_slots(Slices(0, 300, bytes(some))))
        return order[found.name if found else None]

    assert level(worse) >= level(codes)


def sla(bad: int, name: str = "odds_api"):
    return result(SliceCounts(up=8640 - bad, down=bad), source=name, window="30d", target=TARGET)


def test_time_to_breach_is_what_it_may_still_be_down():
    assert [time_to_breach_s(sla(b)) for b in (0, 41, 43, 44)] == [
        43 * 300,
        600,
        0,
        None,
    ]  # 41: after 10 more minutes it misses


def test_next_to_breach_is_the_one_with_least_time_left_among_those_that_meet():
    assert next_to_breach([sla(10, "a"), sla(41, "b"), sla(60, "c")]).source == "b"
    assert next_to_breach([sla(60, "c")]) is None


def test_the_forecast_is_a_straight_line_from_the_recent_pace():
    doubled = exhaustion(sla(0), Fraction(2))
    assert doubled.in_s == 15 * 86400  # twice the allowed pace: half the window
    assert exhaustion(sla(0), Fraction(1)).in_s is None
    assert exhaustion(sla(44), Fraction(0)).in_s == 0
    assert (
        "insufficient"
        in exhaustion(result(SliceCounts(up=1, unknown=9), source="s", window="w", target=TARGET), Fraction(3)).text
    )


@pytest.mark.parametrize(
    ("target", "interval", "ok", "allowance", "remedy"),
    [
        ("0.995", 300, True, "43.2", ""),
        ("0.999", 300, False, "8.64", "sla: {uptime: 99.5%}   or   interval: 2m"),
        ("0.995", 3600, False, "3.6", "sla: {uptime: 98%}   or   interval: 15m"),
        ("1", 60, False, "0", "sla: {uptime: 99.9%}"),
    ],
)
def test_a_target_needs_ten_slots_of_allowance_in_30_days(target, interval, ok, allowance, remedy):
    got = measurable(Fraction(target), interval)
    assert (got.ok, got.allowance, got.remedy) == (ok, Fraction(allowance), remedy)
    assert ok or "cannot be alerted on" in got.reason
