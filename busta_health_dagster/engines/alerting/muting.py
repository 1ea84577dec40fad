"""Which channels of an alert are not to be disturbed now. What waits for that is kept in the alert (`held`).

A mute silences what would be sent, never what is evaluated: the alert opens, its ladder climbs. The end of an alert is told to
everyone who knows of it, whatever is silent; and what a person does to it is told, too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, Event, Held

if TYPE_CHECKING:
    from collections.abc import Sequence

NEVER_MUTED = frozenset({Event.RESOLVED, Event.ACKED, Event.SNOOZED})
_FOR_THOSE_WHO_KNOW = frozenset({Event.UNACKED, Event.FLAPPING_ENDED})


def muted_until(alert: Alert, channel: str, now: float) -> int | None:
    """When this channel may be notified of this alert; None: now. One that several routes name is silent while all of them
    are.
    """
    ladders = [x for x in alert.ladders if channel in x.names] or list(alert.ladders)
    ends = [None if x.mute is None else x.mute.until(now, alert.severity) for x in ladders]
    waits = [end for end in ends if end is not None]
    return min(waits) if waits and len(waits) == len(ends) else None


def muted(alert: Alert, now: float) -> tuple[tuple[str, ...], int] | None:
    """The channels that would know by now, were their route not muted, and until when the first of them is; None: no message
    waits for that.
    """
    ends = {
        channel: end
        for held in alert.held
        if held.muted
        for channel in held.channels
        if (end := muted_until(alert, channel, now)) is not None
    }
    return (tuple(sorted(ends)), min(ends.values())) if ends else None


def put_aside(alert: Alert, event: Event, channel: str, reason: str, *, knows: bool, loudest: Sequence[Event]) -> Alert:
    """The alert with this message among those that wait. One channel has one: the loudest, and what announces stays."""
    mine = waits_for(alert, channel)
    waits = Held(event, (channel,), 0.0, reason, muted=True, knows=knows)
    if mine is not None:
        louder = mine.knows and loudest.index(event) < loudest.index(mine.event)
        waits = replace(waits if louder else mine, channels=(channel,), due=0.0, muted=True, knows=mine.knows)
    return with_waiting(alert, waits)


def waits_for(alert: Alert, channel: str) -> Held | None:
    return next((h for h in alert.held if channel in h.channels), None)


def with_waiting(alert: Alert, held: Held) -> Alert:
    """Its channels wait for this one thing, in place of what they waited for."""
    left = ((h, tuple(c for c in h.channels if c not in held.channels)) for h in alert.held)
    return replace(alert, held=(*(replace(h, channels=channels) for h, channels in left if channels), held))


def taken_over(held: Held, channel: str, *, knows: bool) -> Held:
    """What waits, for a channel that takes over. One that has not heard that the alert fires is to hear that first."""
    news = Event.RENOTIFIED if not knows and held.event in _FOR_THOSE_WHO_KNOW else held.event
    return replace(held, event=news, channels=(channel,), knows=knows)


def may_speak(alert: Alert, held: Held, now: float, steady: float) -> bool:
    """May what waits be sent, once its group may speak? Not while its channels are muted, someone has snoozed the alert, or
    something else keeps it quiet.
    """
    if any(muted_until(alert, channel, now) is not None for channel in held.channels):
        return False
    snoozed = alert.snoozed is not None and steady < alert.snoozed.until
    return not (snoozed or alert.suppressed_by)
