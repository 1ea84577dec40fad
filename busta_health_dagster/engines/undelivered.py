"""Whether a message that has not been delivered yet is still worth sending. What is over is not announced, and of two
messages of one thread that say the same the newer is enough.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from busta_health_dagster.domain.notification import NotificationKind

_ANNOUNCES = frozenset(
    {
        NotificationKind.OPENED,
        NotificationKind.ESCALATED,
        NotificationKind.RENOTIFIED,
        NotificationKind.FLAPPING_STARTED,
    }
)
_CHANGES = frozenset(
    {
        NotificationKind.ACKED,
        NotificationKind.UNACKED,
        NotificationKind.SNOOZED,
        NotificationKind.UPDATED,
        NotificationKind.FLAPPING_ENDED,
    }
)
_ACTIONS = frozenset({NotificationKind.ACKED, NotificationKind.UNACKED, NotificationKind.SNOOZED})
FIRING = _ANNOUNCES | _CHANGES
"""Kinds that say something of an alert that is still open."""
GROUPED = ("group-", "storm-")
"""How the threads of several alerts begin: each of their messages tells of all of them."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message as far as this decision needs it. `waiting`: no one is sending it."""

    id: int
    kind: str
    thread: str
    alert_ids: tuple[int, ...]
    created_at: float
    waiting: bool = True


def why_dropped(message: Unsent, later: Sequence[Unsent], ended: Collection[int]) -> str:
    """Why this message must not be sent any more; nothing when it must. `later` are the newer ones of its thread on its
    channel that are not delivered either, `ended` the alerts that are not open any more.
    """
    if not message.alert_ids or message.kind not in FIRING | {NotificationKind.RESOLVED}:
        return ""
    is_open = not set(message.alert_ids) <= set(ended)
    newer = [other for other in later if covers(other, message)]
    if message.kind == NotificationKind.RESOLVED:
        again = is_open and any(other.kind in _ANNOUNCES for other in newer)
        return "it is open again, and no one had been notified that it ended" if again else ""
    if not is_open:
        return "it was over before it could be sent"
    stronger = _ANNOUNCES if message.kind in _ANNOUNCES else FIRING
    follower = next((other for other in reversed(newer) if other.kind in stronger), None)
    return f"a newer message of the thread says it: {follower.kind}" if follower is not None else ""


def covers(other: Unsent, message: Unsent) -> bool:
    """Does the other one tell of everything that this one is about? An action on one alert of a group is not
    reported by an action on another one.
    """
    of_all = message.thread.startswith(GROUPED) and message.kind not in _ACTIONS
    return of_all or set(message.alert_ids) <= set(other.alert_ids)


def is_over(message: Unsent, ended: Collection[int]) -> bool:
    """Does it say that something is wrong which is not any more?"""
    return bool(message.alert_ids) and message.kind in FIRING and set(message.alert_ids) <= set(ended)


def knows(messages: Sequence[Unsent], message: Unsent) -> bool:
    """Has a channel with these messages of the thread been sent this, or something newer?"""
    ended = message.kind == NotificationKind.RESOLVED
    return any(
        other.created_at >= message.created_at
        and covers(other, message)
        and (not ended or other.kind == NotificationKind.RESOLVED)
        for other in messages
    )
