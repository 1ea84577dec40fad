"""What becomes of a message after an attempt: done, tried again, given up; and when someone else is notified instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.delivery import Delivered, Outcome, Rejected
from busta_health_dagster.engines.retry import Answer, DeadLetter, after_failure

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from busta_health_dagster.domain.policy import ChannelSpec

FALLBACK_AFTER_S = 300
"""A message that has been failing for so long is sent through the fallback too, while its own channel is tried on: the
whole backoff takes two and a half days, and no one may wait that long for "the odds are down".
"""

FAILED_MARK = "~"
"""Ends the key of a message that was handed over, before the channel that failed: `busta_4f...~slack-data`."""


@dataclass(frozen=True, slots=True)
class Settled:
    """`due_in_s` is None unless it is tried again. `fall_back`: the fallback is notified now (once, whatever follows)."""

    answer: Answer
    reason: str
    due_in_s: float | None = None
    fall_back: bool = False

    @property
    def dead(self) -> bool:
        return self.answer is not Answer.DELIVERED and self.due_in_s is None


def settle(outcome: Outcome, *, attempt: int, age_s: float, rng: random.Random) -> Settled:
    """After the `attempt`-th attempt (counted from 1) of a message that was written `age_s` seconds ago."""
    if isinstance(outcome, Delivered):
        return Settled(Answer.DELIVERED, outcome.detail or "accepted")
    if isinstance(outcome, Rejected):
        return Settled(Answer.REJECTED, str(outcome), fall_back=True)
    match after_failure(attempt, outcome.reason, rng, outcome.after_s):
        case DeadLetter(reason):
            return Settled(Answer.RETRY, reason, fall_back=True)
        case again:
            left, asked = FALLBACK_AFTER_S - age_s, outcome.after_s or 0.0
            # Six quick attempts are over in two minutes, and the seventh may be an hour away: without the one at five
            # minutes the fallback would hear of it only then. A receiver that asks for longer is not waited for.
            due = max(left, asked) if 0 < left < again.after_s else again.after_s
            return Settled(Answer.RETRY, again.reason, due, fall_back=left <= 0 or asked > left)


def failed_channels(key: str) -> tuple[str, ...]:
    """The channels through which this message could not be sent, oldest first."""
    return tuple(key.split(FAILED_MARK)[1:])


def fallback_key(key: str, channel: str) -> str:
    """The idempotency key of the same message through the fallback of `channel`: it always comes out the same."""
    return f"{key}{FAILED_MARK}{channel}"


def fallback_for(key: str, channel: str, specs: Mapping[str, ChannelSpec]) -> tuple[str | None, str]:
    """Who is notified instead, and why (not). Never a channel that has failed with this message already."""
    spec = specs.get(channel)
    if spec is None:
        return None, f"{channel} is not in the configuration any more, so it has no fallback"
    if spec.fallback is None:
        return None, f"{channel} has no fallback"
    if spec.fallback not in specs:
        return None, f"the fallback {spec.fallback} is not in the configuration"
    if spec.fallback == channel or spec.fallback in failed_channels(key):
        return None, f"the fallback {spec.fallback} has failed with this message too"
    return spec.fallback, f"{channel} could not be notified"
