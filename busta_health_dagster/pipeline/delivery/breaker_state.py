"""How each channel does, remembered across processes: the breaker, and the pause that a receiver asked for.

Two workers may write at once and one failure go uncounted; a lock would cost more than it brings.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.delivery import RetryLater
from busta_health_dagster.engines.circuit_breaker import Breaker, answered, may_send, sending
from busta_health_dagster.engines.retry import Answer
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from busta_health_dagster.domain.delivery import Outcome
    from busta_health_dagster.engines.fallback import Settled
    from busta_health_dagster.store import UnitOfWork

PROBE_ENDS_AFTER_S = 60.0
"""A worker that died while it tried a half-open channel must not keep the channel closed for ever."""


@dataclass(frozen=True, slots=True)
class ChannelState:
    """`quiet_until` is what the receiver asked for (Retry-After). Instants are epoch seconds; `at`: last written."""

    breaker: Breaker = field(default_factory=Breaker)
    quiet_until: float = 0.0
    quiet_reason: str = ""
    at: float = 0.0

    def may_send(self, now: float) -> tuple[bool, str]:
        """May a message be sent now, and why (not)."""
        if now < self.quiet_until:
            return False, f"{self.quiet_reason}: the channel is left alone for {duration_text(self.quiet_until - now)}"
        return may_send(self.breaker, now)

    @property
    def half_open(self) -> bool:
        """One message at a time."""
        return self.breaker.open_until is not None


def channel_state(uow: UnitOfWork, channel: str, now: float) -> ChannelState:
    stored = uow.meta.get(_key(channel))
    if stored is None:
        return ChannelState()
    breaker = Breaker(**stored.pop("breaker"))
    state = ChannelState(breaker, **stored)
    if breaker.probing and now > state.at + PROBE_ENDS_AFTER_S:
        return replace(state, breaker=replace(breaker, probing=False))
    return state


def note_sending(uow: UnitOfWork, channel: str, state: ChannelState, now: float) -> None:
    """Call in the claim's transaction: one message of a half-open channel is on its way."""
    if state.half_open:
        _put(uow, channel, replace(state, breaker=sending(state.breaker, now), at=now))


def note_answer(uow: UnitOfWork, channel: str, outcome: Outcome, settled: Settled, now: float) -> ChannelState:
    """The state after an answer; written only if it differs from what is stored."""
    before = channel_state(uow, channel, now)
    wait = outcome.after_s if isinstance(outcome, RetryLater) else None
    somebody = isinstance(outcome, RetryLater) and bool(outcome.reached)  # one recipient's delay is no failing channel
    answer = Answer.DELIVERED if somebody else settled.answer
    after = ChannelState(answered(before.breaker, answer, now, wait), at=now)
    if wait:
        after = replace(after, quiet_until=now + wait, quiet_reason=outcome.reason)  # type: ignore[union-attr]
    if replace(after, at=before.at) != before:
        _put(uow, channel, after)
    return after


def _put(uow: UnitOfWork, channel: str, state: ChannelState) -> None:
    uow.meta.put(_key(channel), asdict(state))


def _key(channel: str) -> str:
    return f"channel:{channel}"
