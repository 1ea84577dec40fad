"""What each channel would have to hear of each alert in one pass, and what of it must wait for its group.

Whatever waits is kept in the alert itself (`held`): nothing else has to survive a restart.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Held
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.engines.alerting.inhibition import field_value
from busta_health_dagster.engines.alerting.muting import NEVER_MUTED, may_speak, muted_until, put_aside
from busta_health_dagster.engines.alerting.root_cause import RootCause, root_causes
from busta_health_dagster.engines.alerting.transition import Intent, NotSent, TransitionResult
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from busta_health_dagster.domain.policy import Grouping
    from busta_health_dagster.domain.source import Source

STORM = "storm-"
OPENS = frozenset({Event.OPENED, Event.REOPENED})
ANNOUNCES = OPENS | {Event.FLAPPING_STARTED}
LOUDEST = (
    Event.RESOLVED,
    Event.FLAPPING_STARTED,
    Event.OPENED,
    Event.REOPENED,
    Event.ESCALATED,
    Event.FLAPPING_ENDED,
    Event.RENOTIFIED,
    Event.UNACKED,
    Event.ACKED,
    Event.SNOOZED,
)
# What a channel's `events` list means for the events that it need not name: an alert that reopens has opened.
_COUNTS_AS = {
    Event.REOPENED: Event.OPENED,
    Event.FLAPPING_STARTED: Event.OPENED,
    Event.FLAPPING_ENDED: Event.RESOLVED,
}
_CLIMBS = frozenset({Event.OPENED, Event.ESCALATED, Event.RENOTIFIED})


def group_key(alert: Alert, source: Source | None, by: Sequence[str]) -> str:
    """`slow-response, odds_and_scores`."""
    if source is None:
        return alert.rule
    return ", ".join(field_value(name, source, alert.rule, alert.severity) for name in by)


class Hearing:
    """One pass at work: alerts as they change, and `wanted[fingerprint][channel]`, the one thing that channel
    should hear of it.
    """

    def __init__(
        self,
        grouping: Grouping,
        event_filters: Mapping[str, frozenset[str] | None],
        sources: Mapping[str, Source],
        now: int,
        steady: float,
        due: frozenset[str] = frozenset(),
    ) -> None:
        self.due = due
        self.grouping, self.event_filters, self.sources = grouping, event_filters, sources
        self.now, self.steady = now, steady
        self.alerts: dict[str, Alert] = {}
        self.changed: set[str] = set()
        self.not_sent: list[NotSent] = []
        self.wanted: dict[str, dict[str, Intent]] = {}
        self.storm = False
        self.known_causes: set[str] = set()
        self.knew: dict[str, tuple[str, ...]] = {}

    def put(self, alert: Alert) -> None:
        self.alerts[alert.fingerprint] = alert
        self.changed.add(alert.fingerprint)

    def skip(self, alert: Alert, channel: str, event: Event, reason: str) -> None:
        self.not_sent.append(NotSent(self.now, alert.fingerprint, channel, event, reason))

    # 1. One thing per alert and channel: the loudest.

    def gather(self, steps: Iterable[TransitionResult]) -> None:
        opened: set[str] = set()
        for step in steps:
            self.not_sent += step.not_sent
            if step.alert is None:
                continue
            self.put(step.alert)
            self.knew.setdefault(step.alert.fingerprint, step.knew)
            for intent in step.intents:
                for channel in intent.channels:
                    self._want(step.alert, intent, channel)
                if intent.event in ANNOUNCES:
                    opened.add(step.alert.fingerprint)
        self.storm = sum(self.alerts[f].state is AlertState.OPEN for f in opened) > self.grouping.storm

    def _want(self, alert: Alert, intent: Intent, channel: str) -> None:
        if channel not in self.event_filters:
            self.skip(alert, channel, intent.event, "the channel is not configured any more")
            self._forget(alert.fingerprint, channel)
            return
        if not self._wants_event(channel, intent):
            event_words = ", ".join(sorted(self.event_filters[channel] or ())) or "nothing"
            self.skip(alert, channel, intent.event, f"{channel} is notified of {event_words} only")
            if intent.event in ANNOUNCES:
                self._forget(alert.fingerprint, channel)
            return
        mine = self.wanted.setdefault(alert.fingerprint, {})
        earlier = mine.get(channel)
        if earlier is None:
            mine[channel] = intent
        elif intent.event is Event.RESOLVED and earlier.event in {Event.OPENED, Event.REOPENED}:
            # Only a caught-up backlog fires and ends in one pass; the pair would be two messages about nothing.
            del mine[channel]
            self.skip(alert, channel, Event.RESOLVED, "fired and ended in the same pass: no one was notified")
        elif LOUDEST.index(intent.event) < LOUDEST.index(earlier.event):
            mine[channel] = intent
        else:
            self.skip(alert, channel, intent.event, f"sent together with {earlier.event.value}")

    def _wants_event(self, channel: str, intent: Intent) -> bool:
        events = self.event_filters[channel]
        if events is None or intent.event is Event.RESOLVED:
            return True
        if intent.event.value in events or _COUNTS_AS.get(intent.event, intent.event).value in events:
            return True
        # A step of the ladder names its channel on purpose, whatever the word for it.
        return intent.first and intent.event in _CLIMBS and any(e.value in events for e in _CLIMBS)

    def _forget(self, name: str, channel: str) -> None:
        """Not notified that it fired: so not notified that it ended, either."""
        alert = self.alerts[name]
        self.put(replace(alert, notified=tuple(c for c in alert.notified if c != channel)))

    # 2. What a mute silences waits for its end.

    def mute(self) -> None:
        for name, mine in self.wanted.items():
            for channel, intent in list(mine.items()):
                if intent.event in NEVER_MUTED:
                    continue
                end = muted_until(self.alerts[name], channel, self.now)
                if end is not None:
                    del mine[channel]
                    self._put_aside(name, channel, intent, end)

    def _put_aside(self, name: str, channel: str, intent: Intent, end: int) -> None:
        alert = self.alerts[name]
        self.skip(alert, channel, intent.event, f"waits: its route is muted until {from_epoch(end):%a %H:%M} UTC")
        knows = channel in self.knew.get(name, ()) and not any(channel in h.channels for h in alert.held if not h.knows)
        waits = put_aside(alert, intent.event, channel, intent.reason, knows=knows, loudest=LOUDEST)
        group = alert.group_key or group_key(alert, self.sources.get(alert.source), self.grouping.by)
        self.put(replace(waits, group_key=group))

    # 3. Announcements wait for their group; what follows an announcement that still waits has no reader yet.

    def hold_or_release(self) -> None:
        groups: dict[str, list[str]] = defaultdict(list)
        announced = [name for name in self.wanted if self._begins(name)]
        shared = self._announce_causes(announced)
        for name in announced:
            if name not in shared:
                groups[self._bundle(self.alerts[name])].append(name)
        last = self._last_spoke() if groups else {}
        for key, names in groups.items():
            due = {name: self._due(self._listened(last, key, name)) for name in names}
            if now := [name for name in names if due[name] is None]:
                self.start_thread(key, now)
            for name, wait in due.items():
                if wait is not None:
                    self._hold(name, *wait)
        self._wake()
        self._settle()

    def _begins(self, name: str) -> bool:
        """Is it to be announced, and not in a thread that it has already?"""
        alert, mine = self.alerts[name], self.wanted[name]
        goes_on = bool(alert.thread) and bool(alert.reopened or alert.cause) and not self.storm
        return not goes_on and any(i.event in ANNOUNCES for i in mine.values())

    def _announce_causes(self, announced: Sequence[str]) -> set[str]:
        """What fails together at one provider speaks at once, in one thread; -> the alerts that this is about. In a storm
        more has failed than a provider.
        """
        shared: set[str] = set()
        opening = [
            n for n in announced if all(i.event in OPENS for i in self.wanted[n].values() if i.event in ANNOUNCES)
        ]
        causes = [] if self.storm else root_causes(self.alerts, opening, self.sources, self.grouping, self.now)
        for cause in causes:
            thread = cause.thread or self._group_thread(_cause_key(cause))
            if cause.known:
                self.known_causes.add(thread)
            if cause.lender:
                self.put(replace(self.alerts[cause.lender], cause=cause.provider))
            for name in cause.names:
                self._release(name)
                alert = self.alerts[name]
                self.put(replace(alert, thread=thread, group_key=_cause_key(cause), cause=cause.provider))
            shared.update(cause.names)
        return shared

    def _group_thread(self, key: str) -> str:
        return f"group-{from_epoch(self.now):%Y%m%dT%H%M%SZ}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"

    def _bundle(self, alert: Alert) -> str:
        if self.storm:
            return f"storm/{_route(alert)}"
        return group_key(alert, self.sources.get(alert.source), self.grouping.by)

    def _listened(self, last: Mapping[tuple[str, int], float], key: str, name: str) -> float | None:
        """When all routes of this alert last heard of the group; None if one has not: the pager must not wait
        because the chat was notified of another source.
        """
        spoke = [last.get((key, route)) for route in _routes(self.alerts[name])]
        return None if None in spoke else min(s for s in spoke if s is not None)

    def _last_spoke(self) -> dict[tuple[str, int], float]:
        """(group, route) -> when it was last notified, steady seconds."""
        last: dict[tuple[str, int], float] = {}
        for alert in self.alerts.values():
            if alert.flushed is None:
                continue
            keys = [alert.group_key]
            if alert.thread.startswith(STORM):
                keys.append(f"storm/{_route(alert)}")
            for at in [(key, route) for key in keys for route in _routes(alert)]:
                last[at] = max(last.get(at, alert.flushed), alert.flushed)
        return last

    def _due(self, last: float | None) -> tuple[float, str] | None:
        wait, interval = self.grouping.wait_s, self.grouping.interval_s
        if last is not None and self.steady < last + interval:
            ago = duration_text(self.steady - last)
            return last + interval, f"group_interval {duration_text(interval)}, and the group notified {ago} ago"
        return (self.steady + wait, f"group_wait {duration_text(wait)}") if wait else None

    def _hold(self, name: str, due: float, why: str) -> None:
        alert, mine = self.alerts[name], self.wanted[name]
        waiting = {c: i for c, i in mine.items() if i.event in ANNOUNCES}
        for channel, intent in waiting.items():
            del mine[channel]
            self.skip(alert, channel, intent.event, f"waits until its group may notify again: {why}")
        held = tuple(Held(i.event, (c,), due, i.reason) for c, i in waiting.items())
        group = group_key(alert, self.sources.get(alert.source), self.grouping.by)
        self.put(replace(alert, held=alert.held + held, group_key=group))

    def start_thread(self, key: str, names: Sequence[str]) -> None:
        stamp = from_epoch(self.now)
        for name in names:
            alert = self.alerts[name]
            if key.startswith("storm/"):
                thread = f"{STORM}{stamp:%Y%m%dT%H%MZ}-r{key.removeprefix('storm/')}"
            elif len(names) > 1:
                thread = self._group_thread(key)
            else:
                thread = f"alert-{name}-{alert.opened_at}"
            group = group_key(alert, self.sources.get(alert.source), self.grouping.by)
            self.put(replace(alert, thread=thread, group_key=group, cause=""))

    def _wake(self) -> None:
        """Groups whose waiting ends: by time, or because something louder happens to one of them."""
        ready: dict[str, list[str]] = defaultdict(list)
        for name, alert in self.alerts.items():
            if not alert.held or alert.state is not AlertState.OPEN:
                continue
            free = [h for h in alert.held if may_speak(alert, h, self.now, self.steady)]
            louder = any(i.event is Event.ESCALATED for i in self.wanted.get(name, {}).values())
            ends = alert.source not in self.due and min((h.due for h in free), default=self.steady + 1) <= self.steady
            if free and (louder or ends):
                ready[alert.group_key].append(name)
        for key, names in ready.items():
            # What waited for a mute may be known to other channels: it goes on in the thread that it has.
            new = [n for n in names if not self.alerts[n].thread or not any(h.muted for h in self.alerts[n].held)]
            many = len(new) > self.grouping.storm
            if new:
                self.start_thread(f"storm/{_route(self.alerts[new[0]])}" if many else key, new)
            for name in names:
                self._release(name)

    def _release(self, name: str) -> None:
        """What waited, for its group or for the end of a mute, is wanted now; what is muted now waits on."""
        alert = self.alerts[name]
        free = tuple(h for h in alert.held if may_speak(alert, h, self.now, self.steady))
        for held in free:
            event = held.event
            if event is Event.FLAPPING_STARTED and not alert.flapping:
                event = Event.OPENED
            reason = f"{held.reason}; after {'its route was muted' if held.muted else 'waiting for its group'}"
            for channel in held.channels:
                mine = self.wanted.setdefault(name, {})
                earlier = mine.get(channel)
                if earlier is None or LOUDEST.index(event) < LOUDEST.index(earlier.event):
                    mine[channel] = Intent(event, (channel,), reason, _route(alert), True)
        if free:
            self.put(replace(alert, held=tuple(h for h in alert.held if h not in free)))

    def _settle(self) -> None:
        for name in [n for n, a in self.alerts.items() if a.held]:
            alert, mine = self.alerts[name], self.wanted.get(name, {})
            over = alert.state is not AlertState.OPEN
            why = "it ended before its group was notified" if over else "not notified yet that it fired"
            waiting = {c for h in alert.held if not h.knows for c in h.channels}
            for channel in waiting & set(mine):
                self.skip(alert, channel, mine.pop(channel).event, why)
            if over:
                for held in alert.held:
                    for channel in held.channels if held.muted and held.knows else ():
                        self.skip(alert, channel, held.event, "it ended while its route was muted")
                known = tuple(c for c in alert.notified_before if c not in waiting)
                self.put(replace(alert, held=(), notified_before=known))


def _routes(alert: Alert) -> list[int]:
    return [ladder.route for ladder in alert.ladders] or [0]


def _route(alert: Alert) -> int:
    return alert.ladders[0].route if alert.ladders else 0


def _cause_key(cause: RootCause) -> str:
    """`the-odds-api, source-down`."""
    return f"{cause.provider}, {cause.rule}"
