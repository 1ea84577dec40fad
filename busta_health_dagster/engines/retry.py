"""When a message is tried again: full jitter, Retry-After, a breaker per channel, and the end of patience."""

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


@dataclass(frozen=True, slots=True)
class Breaker:
    """A channel that keeps failing is left alone for a while, then tried with one message. Times are steady seconds.

    A rejected message says nothing about the channel and is not counted; what may pass later is.
    """

    failures: int = 0
    open_until: float | None = None
    trips: int = 0
    probing: bool = False


TRIPS_AFTER = 5
FIRST_COOL_DOWN_S = 30.0
LONGEST_COOL_DOWN_S = 600.0


def may_send(breaker: Breaker, now: float) -> tuple[bool, str]:
    """May a message be sent now, and why (not).

    After the cool-down one message probes; the rest wait for its answer.
    """
    if breaker.open_until is None:
        return True, "the channel works"
    if now < breaker.open_until:
        wait = duration_text(breaker.open_until - now)
        return False, f"breaker open after {breaker.failures} failures in a row, tried again in {wait}"
    if breaker.probing:
        return False, "breaker half open: one message is trying the channel"
    return True, "breaker half open: this message tries the channel"


def sending(breaker: Breaker, now: float) -> Breaker:
    """Call before a send: marks the probe of a half-open breaker."""
    if breaker.open_until is not None and now >= breaker.open_until:
        return Breaker(breaker.failures, breaker.open_until, breaker.trips, probing=True)
    return breaker


def answered(breaker: Breaker, answer: Answer, now: float, retry_after_s: float | None = None) -> Breaker:
    """The breaker after an answer. Any answer but RETRY closes it: somebody is there."""
    if answer is not Answer.RETRY:
        return Breaker()
    failures = breaker.failures + 1
    if failures < TRIPS_AFTER and breaker.open_until is None:
        return Breaker(failures)
    cool_down = min(FIRST_COOL_DOWN_S * 2**breaker.trips, LONGEST_COOL_DOWN_S)
    return Breaker(failures, now + max(cool_down, retry_after_s or 0.0), breaker.trips + 1)
