"""The ladders of an alert with the people who are on call now in place of the rotations that its steps name.

Who is on call when a step is climbed, or repeated, is notified of it. What waits (for a group, for the end of a mute) is for
who is on call when it is sent. Who was notified and has gone off duty stays among those who are notified of its end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Event
from busta_health_dagster.engines.alerting.muting import taken_over
from busta_health_dagster.engines.alerting.transition import Recorder, TransitionResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.ladder import Ladder
    from busta_health_dagster.domain.policy import Step


def on_duty_now(alert: Alert, duty: Mapping[str, str]) -> Alert:
    """The same alert where nothing has changed. `duty`: rotation -> the channel on duty."""
    ladders = tuple(staffed(ladder, duty) for ladder in alert.ladders) if duty else alert.ladders
    return alert if ladders == alert.ladders else replace(alert, ladders=ladders)


def hand_over(alert: Alert, duty: Mapping[str, str], now: int, steady: float) -> TransitionResult:
    """Who went off duty hands over what waits; who takes over, and has not heard of the alert, is to hear of it."""
    staffed_now = on_duty_now(alert, duty)
    gone: set[str] = set()
    held = list(alert.held)
    for before, after in zip(alert.ladders, staffed_now.ladders, strict=True):
        off, on = before.names - after.names, sorted(_reached(after) - _reached(before))
        for h in [h for h in held if off.intersection(h.channels)]:
            held.remove(h)
            gone |= off.intersection(h.channels)
            waiting = {c for other in held for c in other.channels}
            held += (taken_over(h, c, knows=c in alert.aware) for c in on if c not in waiting)
    if not gone:
        return TransitionResult(alert)
    gone -= set(alert.aware)
    notified = [c for c in alert.notified if c not in gone]
    instead = [c for h in held for c in h.channels if c not in notified]
    p = Recorder(replace(staffed_now, held=tuple(held), notified=(*notified, *instead)), now, steady)
    reason = f"on call now: {', '.join(c for h in held if h not in alert.held for c in h.channels)}; it waits for them"
    p.record(Event.RENOTIFIED, alert.state, reason, gone=sorted(gone), instead=instead)
    return p.step()


def _reached(ladder: Ladder) -> frozenset[str]:
    return frozenset(c for step in ladder.policy.steps[: ladder.step] for c in step.notify)


def staffed(ladder: Ladder, duty: Mapping[str, str]) -> Ladder:
    steps = tuple(_staffed(step, duty) for step in ladder.policy.steps)
    return ladder if steps == ladder.policy.steps else replace(ladder, policy=replace(ladder.policy, steps=steps))


def _staffed(step: Step, duty: Mapping[str, str]) -> Step:
    named = step.named or step.notify
    if not any(name in duty for name in named):
        return step
    return replace(step, notify=tuple(dict.fromkeys(duty.get(name, name) for name in named)), named=named)
