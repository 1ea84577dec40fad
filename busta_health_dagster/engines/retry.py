"""When a message is tried again: full jitter, Retry-After, and when it becomes a dead letter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    import random

SCHEDULE_S = (0, 5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 57600, 86400)
"""The longest wait before each attempt, the first at once: 0 s, 5 s, 30 s, 2 min, 10 min, 30 min, 1 h ... 24 h."""

_LONGEST_S = 86400
_RETRYABLE_4XX = frozenset({408, 425, 429})


class Answer(StrEnum):
    """What an HTTP status means for a message."""

    DELIVERED = "delivered"
    RETRY = "retry"
    REJECTED = "rejected"


def classify_http(status: int) -> Answer:
    """2xx arrived; 408, 425, 429 and 5xx may pass later; everything else is permanent (a redirect is not followed)."""
    if 200 <= status < 300:
        return Answer.DELIVERED
    return Answer.RETRY if status >= 500 or status in _RETRYABLE_4XX else Answer.REJECTED


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again in `after_s` seconds, as attempt number `attempt`."""

    after_s: float
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """No more attempts: the fallback channel takes over, and a visible warning stays."""

    reason: str


def after_failure(
    attempts: int, why: str, rng: random.Random, retry_after_s: float | None = None
) -> Retry | DeadLetter:
    """What follows the `attempts`-th failed attempt (counted from 1).

    Full jitter: anywhere between nothing and the schedule's wait, so that a thousand messages do not come back as one
    wave. A Retry-After is the receiver's own word: never earlier, and the jitter lies on top; more than a day of it
    counts as a day.
    """
    if attempts >= len(SCHEDULE_S):
        return DeadLetter(f"{why}; {attempts} attempts, the last after {duration_text(SCHEDULE_S[-1])}")
    wait = rng.uniform(0, SCHEDULE_S[attempts])
    reason = f"{why}; attempt {attempts + 1} of {len(SCHEDULE_S)}"
    if retry_after_s is not None and retry_after_s > 0:
        asked = min(retry_after_s, _LONGEST_S)
        wait = min(asked + rng.uniform(0, min(SCHEDULE_S[attempts], 0.1 * asked)), _LONGEST_S)
        reason += f", the receiver asked for {duration_text(asked)}"
    return Retry(wait, attempts + 1, reason)
