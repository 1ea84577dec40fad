"""When a channel's circuit breaker opens, how long it stays open, and what closes it."""

from __future__ import annotations

from dataclasses import dataclass

from busta_health_dagster.engines.retry import Answer
from busta_health_dagster.wording.durations import duration_text


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
    """The breaker after an answer. Any answer but RETRY closes it: someone is there."""
    if answer is not Answer.RETRY:
        return Breaker()
    failures = breaker.failures + 1
    if failures < TRIPS_AFTER and breaker.open_until is None:
        return Breaker(failures)
    cool_down = min(FIRST_COOL_DOWN_S * 2**breaker.trips, LONGEST_COOL_DOWN_S)
    return Breaker(failures, now + max(cool_down, retry_after_s or 0.0), breaker.trips + 1)
