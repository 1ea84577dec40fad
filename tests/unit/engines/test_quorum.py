"""One verdict of what several vantage points saw: by quorum, and never worse for one that is away."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.engines.quorum import GRACE_S, REASON, is_closed, status_of, verdict

SLOT, NOW, INTERVAL_S = 1_794_787_200, 1_794_787_260, 300
THREE = ("nyc", "fra", "lon")
UP, DEGRADED, DOWN, UNKNOWN = Status.UP, Status.DEGRADED, Status.DOWN, Status.UNKNOWN
BADNESS = {UP: 0, UNKNOWN: 1, DEGRADED: 1, DOWN: 2}

vantages_ = st.lists(st.sampled_from(["nyc", "fra", "lon", "sin", "syd"]), min_size=1, max_size=5, unique=True).map(
    tuple
)
statuses = st.sampled_from(Status)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[tuple[str, ...], dict[str, Observation], int | None]:
    """(vantage points, what came, the quorum, which never exceeds their number)."""
    vantages = draw(vantages_)
    came = {name: saw(draw(statuses), draw(st.floats(1, 5000))) for name in vantages if draw(st.booleans())}
    return vantages, came, draw(st.none() | st.integers(1, len(vantages)))


def saw(status: Status, ms: float = 100.0, **more: str) -> Observation:
    works = status in (UP, DEGRADED)
    ordinary = {UP: {}, DEGRADED: {"reason": "rate_limited", "detail": "HTTP 429"}}
    said = ordinary.get(status, {"reason": "timeout", "detail": "no answer within 10 s"}) | more
    return Observation("odds", SLOT, SLOT + 3, status, response_ms=ms if works else None, **said)  # type: ignore[arg-type]


def decided(came: dict[str, Status], quorum: int | None = None, vantages: tuple[str, ...] = THREE) -> Observation:
    return verdict("odds", SLOT, {name: saw(status) for name, status in came.items()}, vantages, quorum, NOW)


@given(scenes(), st.randoms(use_true_random=False))
def test_the_order_in_which_answers_come_does_not_matter(scene: object, rng: random.Random) -> None:
    vantages, came, quorum = scene  # type: ignore[misc]
    shuffled = list(came.items())
    rng.shuffle(shuffled)
    one = verdict("odds", SLOT, came, vantages, quorum, NOW)
    assert verdict("odds", SLOT, dict(shuffled), vantages, quorum, NOW) == one


@given(scenes(), st.data())
def test_a_vantage_point_that_goes_away_never_turns_up_into_down(scene: object, data: st.DataObject) -> None:
    """Where a quorum is said, it brings no one nearer to it; without one, those that are left decide among themselves."""
    vantages, came, quorum = scene  # type: ignore[misc]
    if not came:
        return
    gone = data.draw(st.sampled_from(sorted(came)))
    left = {name: o for name, o in came.items() if name != gone}
    before = verdict("odds", SLOT, came, vantages, quorum, NOW).status
    after = verdict("odds", SLOT, left, vantages, quorum, NOW).status
    assert not (before is UP and after is DOWN)
    if len(vantages) > 1:
        blind = came | {gone: saw(UNKNOWN)}
        assert verdict("odds", SLOT, blind, vantages, quorum, NOW).status is after, "it saw nothing: as if it were away"


@given(scenes(), st.data())
def test_an_answer_that_is_worse_never_makes_the_verdict_better(scene: object, data: st.DataObject) -> None:
    vantages, came, quorum = scene  # type: ignore[misc]
    known = sorted(name for name, o in came.items() if o.status.is_verdict)
    if not known or len(vantages) == 1:
        return
    name = data.draw(st.sampled_from(known))
    worse = data.draw(st.sampled_from([s for s in (UP, DEGRADED, DOWN) if s >= came[name].status]))
    before = verdict("odds", SLOT, came, vantages, quorum, NOW).status
    after = verdict("odds", SLOT, came | {name: saw(worse)}, vantages, quorum, NOW).status
    assert BADNESS[after] >= BADNESS[before]


@given(scenes())
def test_nothing_is_up_that_no_one_sees_up_and_nothing_down_that_no_one_sees_down(scene: object) -> None:
    vantages, came, quorum = scene  # type: ignore[misc]
    found = verdict("odds", SLOT, came, vantages, quorum, NOW)
    seen = {o.status for o in came.values()}
    assert found.status not in (UP, DOWN) or found.status in seen
    assert (found.slot, found.source) == (SLOT, "odds")
    if not any(status.is_verdict for status in seen):
        assert found.status is UNKNOWN
        assert found.detail


@given(scenes(), st.integers(GRACE_S, INTERVAL_S - 1))
def test_a_slot_that_is_closed_early_has_the_status_that_it_would_have_had(scene: object, age_s: int) -> None:
    """Whatever those that are missing would have said, and if they had said nothing."""
    vantages, came, quorum = scene  # type: ignore[misc]
    seen = {name: o.status for name, o in came.items()}
    if not is_closed(seen, vantages, quorum, age_s, INTERVAL_S):
        return
    now = verdict("odds", SLOT, came, vantages, quorum, NOW).status
    missing = [name for name in vantages if name not in came]
    for late in (UP, DEGRADED, DOWN, UNKNOWN):
        for count in range(len(missing) + 1 if len(vantages) > 1 else 1):
            more = {name: saw(late) for name in missing[:count]}
            assert verdict("odds", SLOT, came | more, vantages, quorum, NOW).status is now


@given(statuses)
def test_a_single_vantage_point_is_believed_word_by_word(status: Status) -> None:
    only = saw(status)
    assert verdict("odds", SLOT, {"nyc": only}, ("nyc",), None, NOW) is only


@pytest.mark.parametrize(
    ("came", "quorum", "status", "reason", "detail"),
    [
        (
            {"nyc": DOWN, "fra": DOWN, "lon": UP},
            None,
            DOWN,
            "timeout",
            "down from 2 of 3 (nyc, fra): no answer within 10 s; up from 1 of 3 (lon)",
        ),
        ({"nyc": UP, "fra": UP, "lon": UP}, None, UP, "ok", "up from 3 of 3 (nyc, fra, lon): times of fra"),
        (
            {"nyc": UP, "fra": DOWN, "lon": UP},
            None,
            UP,
            "ok",
            "up from 2 of 3 (nyc, lon): times of nyc; down from 1 of 3 (fra): no answer within 10 s",
        ),
        (
            {"nyc": DOWN, "lon": UP},
            None,
            DEGRADED,
            REASON,
            "a tie; down from 1 of 3 (nyc): no answer within 10 s; up from 1 of 3 (lon); fra away",
        ),
        ({"nyc": DOWN}, None, DOWN, "timeout", "down from 1 of 3 (nyc): no answer within 10 s; fra, lon away"),
        (
            {"nyc": DOWN},
            2,
            UNKNOWN,
            REASON,
            "too few vantage points answered for the quorum of 2; down from 1 of 3 (nyc): no answer within 10 s; fra, lon away",
        ),
        ({"nyc": UP}, 2, UP, "ok", "up from 1 of 3 (nyc); fra, lon away"),
        ({"nyc": DOWN, "fra": UP, "lon": UP}, 1, DOWN, "timeout", None),
        (
            {"nyc": DEGRADED, "fra": DEGRADED, "lon": UP},
            None,
            DEGRADED,
            "rate_limited",
            "degraded from 2 of 3 (nyc, fra): HTTP 429; up from 1 of 3 (lon)",
        ),
        ({"nyc": UNKNOWN, "fra": UNKNOWN}, None, UNKNOWN, "timeout", None),
        ({}, None, UNKNOWN, REASON, "no vantage point has reported: nyc, fra, lon are away"),
    ],
)
def test_it_says_who_saw_what(
    came: dict[str, Status], quorum: int | None, status: Status, reason: str, detail: str | None
) -> None:
    found = decided(came, quorum)
    assert (found.status, found.reason) == (status, reason)
    assert detail is None or found.detail == detail


def test_the_numbers_are_those_of_one_vantage_point_the_one_in_the_middle() -> None:
    came = {"nyc": saw(UP, 40.0), "fra": saw(UP, 90.0), "lon": saw(UP, 4_000.0)}
    found = verdict("odds", SLOT, came, THREE, None, NOW)
    assert found.response_ms == 90.0
    assert found.detail.endswith("times of fra")


def test_a_slot_waits_for_those_that_may_still_change_it_and_only_a_minute_for_the_others() -> None:
    def closed(came: dict[str, Status], age_s: int, quorum: int | None = None) -> bool:
        return is_closed(came, THREE, quorum, age_s, INTERVAL_S)

    assert closed({"nyc": UP, "fra": UP, "lon": DOWN}, 1), "everyone has answered"
    assert not closed({"nyc": DOWN, "fra": DOWN}, GRACE_S - 1)
    assert not closed({"nyc": DOWN, "lon": UP}, INTERVAL_S - 1), "the third one decides"
    assert closed({"nyc": DOWN, "lon": UP}, INTERVAL_S), "it is away"
    assert closed({}, INTERVAL_S)
    assert closed({"nyc": DOWN, "fra": DOWN}, GRACE_S, quorum=2)


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.none() | st.integers(1, 6))
def test_what_the_numbers_say_is_one_of_four_words(down: int, degraded: int, up: int, quorum: int | None) -> None:
    found = status_of(down, degraded, up, quorum)
    assert (found is UNKNOWN) <= (up + degraded == 0)
    assert (found is UP) <= (up > down + degraded)
