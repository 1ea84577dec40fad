"""When a message is tried again, and when it is given up."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.engines.circuit_breaker import Breaker, answered, may_send, sending
from busta_health_dagster.engines.retry import SCHEDULE_S, Answer, DeadLetter, Retry, after_failure, classify_http


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, Answer.DELIVERED),
        (202, Answer.DELIVERED),
        (301, Answer.REJECTED),
        (400, Answer.REJECTED),
        (401, Answer.REJECTED),
        (408, Answer.RETRY),
        (410, Answer.REJECTED),
        (425, Answer.RETRY),
        (429, Answer.RETRY),
        (500, Answer.RETRY),
        (503, Answer.RETRY),
    ],
)
def test_4xx_is_permanent_except_408_425_and_429(status, answer):
    assert classify_http(status) is answer


@given(st.integers(1, 11), st.integers(0, 2**32))
def test_the_wait_is_anywhere_up_to_the_schedule(attempts, seed):
    retry = after_failure(attempts, "500", random.Random(seed))
    assert isinstance(retry, Retry)
    assert 0 <= retry.after_s <= SCHEDULE_S[attempts]
    assert retry.attempt == attempts + 1


@given(st.integers(1, 11), st.floats(1, 200_000), st.integers(0, 2**32))
def test_retry_after_is_never_undercut_and_never_more_than_a_day(attempts, asked, seed):
    retry = after_failure(attempts, "429", random.Random(seed), retry_after_s=asked)
    assert isinstance(retry, Retry)
    assert min(asked, 86400) <= retry.after_s <= 86400


def test_the_schedule_is_that_of_the_design_and_ends_in_a_dead_letter():
    assert SCHEDULE_S[:7] == (0, 5, 30, 120, 600, 1800, 3600)
    assert SCHEDULE_S[-1] == 86400
    dead = after_failure(len(SCHEDULE_S), "503 from ops-hook", random.Random(1))
    assert dead == DeadLetter("503 from ops-hook; 12 attempts, the last after 1 d")


def test_the_same_seed_gives_the_same_wait():
    assert after_failure(3, "x", random.Random(7)) == after_failure(3, "x", random.Random(7))


def test_a_breaker_opens_after_five_failures_probes_once_and_closes_on_any_answer():
    breaker = Breaker()
    for n in range(5):
        assert may_send(breaker, n)[0]
        breaker = answered(breaker, Answer.RETRY, float(n))
    assert may_send(breaker, 10.0) == (False, "breaker open after 5 failures in a row, tried again in 24 s")
    assert may_send(breaker, 34.0)[0]
    probing = sending(breaker, 34.0)
    assert may_send(probing, 34.0) == (False, "breaker half open: one message is trying the channel")
    worse = answered(probing, Answer.RETRY, 35.0)
    assert worse.open_until == 35.0 + 60.0
    assert answered(probing, Answer.REJECTED, 35.0) == Breaker()
    assert answered(probing, Answer.RETRY, 35.0, retry_after_s=900.0).open_until == 935.0
