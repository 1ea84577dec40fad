"""An open alert whose channels have left the configuration: it moves to the current route, and who is reached there
and does not know of it is notified.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Held
from busta_health_dagster.domain.ladder import Ladder
from busta_health_dagster.engines.alerting import escalation
from busta_health_dagster.engines.alerting.muting import taken_over
from busta_health_dagster.engines.alerting.transition import Recorder, TransitionResult

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from busta_health_dagster.domain.rule import Severity
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.alerting.routing import Routed


def lost_channels(alert: Alert, channels: Collection[str]) -> tuple[str, ...]:
    """The channels that this alert tells, or would tell, and that are not configured any more."""
    if alert.shadow or alert.state not in {AlertState.OPEN, AlertState.RESOLVED}:
        return ()
    on_ladders = (c for x in alert.ladders for s in x.policy.steps for c in s.notify)
    named = dict.fromkeys(chain(alert.notified, alert.notified_before, on_ladders))
    return tuple(c for c in named if c not in channels)


def move_to_current_route(
    alert: Alert,
    source: Source,
    route: Callable[[Source, str, Severity], Routed],
    channels: Collection[str],
    now: int,
    steady: float,
) -> TransitionResult:
    """The alert on the ladders of today, as high as it was. Unchanged where every channel is still there.

    One that ended and may reopen moves without a word: no one needs to hear of it now.
    """
    gone = lost_channels(alert, channels)
    if not gone:
        return TransitionResult(alert)
    routed = route(source, alert.rule, alert.severity)
    clock = escalation.elapsed(alert, steady)
    ladders = tuple(_as_high(x, alert, clock) for x in routed.ladders)
    reached = tuple(dict.fromkeys(c for x in ladders for s in x.policy.steps[: x.step] for c in s.notify))
    held = _held(alert, reached, channels)
    moved = replace(
        alert,
        ladders=ladders,
        notified=tuple(
            dict.fromkeys((*(c for c in alert.notified if c in channels), *sorted(c for h in held for c in h.channels)))
        ),
        notified_before=_instead(alert.notified_before, reached, channels),
        held=held,
    )
    p = Recorder(moved, now, steady)
    if alert.state is not AlertState.OPEN:
        return p.step()
    new = tuple(c for c in reached if c not in moved.notified)
    names = ", ".join(dict.fromkeys(x.policy.name for x in ladders))
    reason = f"{', '.join(gone)} left the configuration: moved to the current route ({names})"
    p.considered = routed.considered
    p.notified(new)
    instead = [c for c in p.alert.notified if c not in alert.notified]
    p.record(Event.RENOTIFIED, AlertState.OPEN, reason, p.audible(new), gone=list(gone), instead=instead)
    p.notify(Event.RENOTIFIED, p.audible(new), reason, first=True)
    if not p.audible(new):
        # What keeps it quiet keeps this for its end.
        p.set(held=(*held, *(Held(Event.RENOTIFIED, (c,), steady, reason) for c in new)))
        p.skip(Event.RENOTIFIED, p.why_silent() or "everyone on the current route knows of it")
    return p.step()


def _as_high(ladder: Ladder, alert: Alert, clock: float) -> Ladder:
    """At the first step of the alert's severity, or as far as it had climbed if its clock has come so far here."""
    due = sum(step.after_s <= clock for step in ladder.policy.steps)
    step = max(escalation.starting_step(ladder, alert.severity).step, min(alert.step, due))
    return replace(ladder, step=step, notified_s=clock, said=escalation.what_it_says(alert))


def _instead(known: tuple[str, ...], reached: tuple[str, ...], channels: Collection[str]) -> tuple[str, ...]:
    kept = tuple(c for c in known if c in channels)
    return kept if kept == known else tuple(dict.fromkeys((*kept, *reached)))


def _held(alert: Alert, reached: tuple[str, ...], channels: Collection[str]) -> tuple[Held, ...]:
    """What waits waits for the new channels, which do not know of it."""
    kept = tuple(h for h in alert.held if set(h.channels) <= set(channels))
    if len(kept) == len(alert.held):
        return kept
    lost = next(h for h in alert.held if h not in kept)
    known = {*alert.aware, *(c for h in kept for c in h.channels)}
    return (*kept, *(taken_over(lost, c, knows=False) for c in reached if c not in known))
