"""Is a source near a known event now, and which limits hold then? Time is an argument, the events are given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.near_events import NearEvent
from busta_health_dagster.domain.verdict import Outcome
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.domain.near_events import KnownTime, NearEvents
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.domain.verdict import Verdict


def near_event(spec: NearEvents, events: Iterable[KnownTime], now: int) -> NearEvent | None:
    """The event that `now` is near; of several the one that begins closest to it."""
    found = [
        (abs(e.start - now), e, until) for e in events if e.start - spec.before_s <= now < (until := _until(spec, e))
    ]
    if not found:
        return None
    _, event, until = min(found, key=lambda one: (one[0], one[1].start))
    return NearEvent(spec.calendar, event, until)


def _until(spec: NearEvents, event: KnownTime) -> int:
    return max(event.end, event.start + spec.after_s)


def near_text(near: NearEvent, now: int) -> str:
    """`kick-off in 40 min (nfl: Jets @ Bills)`."""
    wait = near.event.start - now
    when = "kick-off now" if abs(wait) < 60 else f"kick-off in {duration_text(wait)}"
    if wait <= -60:
        when = f"kick-off {duration_text(-wait)} ago"
    title = f": {near.event.title}" if near.event.title else ""
    return f"{when} ({near.calendar}{title})"


def with_event(verdict: Verdict, near: NearEvent, now: int) -> Verdict:
    """A bad verdict says what is at stake."""
    if verdict.outcome is not Outcome.BAD:
        return verdict
    return replace(verdict, reason=f"{verdict.reason}; {near_text(near, now)}")


def source_near(source: Source) -> Source:
    """The source as it is near its events: what is stale at noon on Tuesday is an emergency before kick-off."""
    spec = source.near_events
    if spec is None or spec.max_data_age_s is None:
        return source
    return replace(source, max_data_age_s=spec.max_data_age_s)


def rule_near(rule: Rule, source: Source) -> Rule:
    """The rule as it is near the events of the source: at least as severe as those ask."""
    spec = source.near_events
    if spec is None or spec.severity is None or spec.severity <= rule.severity:
        return rule
    return replace(rule, severity=spec.severity)


def full_every_s(source: Source, near: NearEvent | None) -> int:
    """How often its payload is observed now."""
    every = source.full_every_s
    spec = source.near_events
    return every if near is None or spec is None or spec.interval_s is None else min(every, spec.interval_s)


def extra_slot(source: Source, near: NearEvent | None, newest: int | None, now: int) -> int | None:
    """The slot between its own ones in which the source is observed because an event is near; None: not now. `newest`: the
    slot of its newest observation.
    """
    spec = source.near_events
    if near is None or spec is None or spec.interval_s is None or spec.interval_s >= source.interval_s:
        return None
    slot = now // spec.interval_s * spec.interval_s
    return slot if newest is None or newest < slot else None
