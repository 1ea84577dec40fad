"""What becomes of a message after an attempt, and who is notified instead; pure."""

from __future__ import annotations

import random

import pytest

from busta_health_dagster.domain.delivery import Delivered, Rejected, RetryLater
from busta_health_dagster.domain.policy import ChannelSpec
from busta_health_dagster.engines.fallback import fallback_for, fallback_key, settle
from busta_health_dagster.engines.retry import SCHEDULE_S


def specs(**fallbacks: str | None) -> dict[str, ChannelSpec]:
    return {name: ChannelSpec(name, "file", fallback=to) for name, to in fallbacks.items()}


@pytest.mark.parametrize(
    ("outcome", "attempt", "age_s", "dead", "fall_back"),
    [
        (Delivered(), 1, 0, False, False),
        (RetryLater("503"), 1, 0, False, False),
        (RetryLater("503"), 4, 301, False, True),
        (RetryLater("503"), len(SCHEDULE_S), 200_000, True, True),
        (Rejected("401"), 1, 0, True, True),
    ],
)
def test_the_fate_of_an_attempt(outcome, attempt: int, age_s: int, dead: bool, fall_back: bool) -> None:
    settled = settle(outcome, attempt=attempt, age_s=age_s, rng=random.Random(1))
    assert (settled.dead, settled.fall_back) == (dead, fall_back)
    assert settled.reason


def test_a_retry_after_is_never_undercut() -> None:
    waits = [settle(RetryLater("429", 90), attempt=1, age_s=0, rng=random.Random(n)).due_in_s for n in range(200)]
    assert min(waits) >= 90


def test_no_backoff_is_longer_than_the_fallback_has_to_wait() -> None:
    later = [settle(RetryLater("500"), attempt=6, age_s=150, rng=random.Random(n)) for n in range(200)]
    assert max(s.due_in_s or 0 for s in later) == 150
    assert not any(s.fall_back for s in later)
    asked = settle(RetryLater("429", 900), attempt=1, age_s=0, rng=random.Random(1))
    assert asked.fall_back, "the receiver will not listen before the five minutes are over"
    assert (asked.due_in_s or 0) >= 900


def test_a_message_goes_down_the_line_of_fallbacks_and_never_round_in_a_circle() -> None:
    line = specs(a="b", b="c", c="a")
    assert fallback_for("k", "a", line) == ("b", "a could not be notified")
    at_b = fallback_key("k", "a")
    assert fallback_for(at_b, "b", line)[0] == "c"
    at_c = fallback_key(at_b, "b")
    assert at_c == "k~a~b"
    assert fallback_for(at_c, "c", line) == (None, "the fallback a has failed with this message too")


def test_nobody_to_tell_instead_has_a_reason() -> None:
    assert fallback_for("k", "a", specs(a=None)) == (None, "a has no fallback")
    assert fallback_for("k", "gone", specs(a=None))[1].startswith("gone is not in the configuration")
    assert fallback_for("k", "a", specs(a="x")) == (None, "the fallback x is not in the configuration")
