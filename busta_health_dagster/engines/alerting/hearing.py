"""What each channel would have to hear of each alert in one pass: one thing, the loudest; what a mute silences waits for its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState, Event
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.engines.alerting.digest import digest_of
from busta_health_dagster.engines.alerting.muting import NEVER_MUTED, muted_until, put_aside
from busta_health_dagster.engines.alerting.threads import group_key
from busta_health_dagster.engines.alerting.transition import Intent, NotSent, TransitionResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from busta_health_dagster.domain.policy import Grouping
    from busta_health_dagster.domain.source import Source

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
        self._knew: dict[str, frozenset[str]] = {}

    def put(self, alert: Alert) -> None:
        self.alerts[alert.fingerprint] = alert
        self.changed.add(alert.fingerprint)

    def knew(self, alert: Alert) -> frozenset[str]:
        """The channels that had heard before this pass that it fires, and not that it ended."""
        return self._knew.get(alert.fingerprint, frozenset(alert.aware))

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
            self._knew.setdefault(step.alert.fingerprint, frozenset(step.knew))
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
        elif intent.event is Event.RESOLVED and channel not in self.knew(alert):
            # Only a caught-up backlog fires, or climbs, and ends in one pass; the pair would be two messages about nothing.
            del mine[channel]
            self.skip(alert, channel, Event.RESOLVED, "fired and ended in the same pass: no one was notified")
        elif intent.event in OPENS and earlier.event is Event.RESOLVED:
            del mine[channel]
            self.skip(alert, channel, intent.event, "ended and fired again in the same pass: nothing changed")
        elif intent.event is Event.FLAPPING_STARTED and earlier.event is Event.RESOLVED:
            mine[channel] = intent  # it is open after all
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

    # 2. What a daily digest is for is collected: the store keeps it with its reason.

    def collect(self) -> None:
        for name, mine in self.wanted.items():
            alert = self.alerts[name]
            for channel, intent in list(mine.items()):
                digest = digest_of(alert.ladders, channel, alert.severity)
                if digest is not None:
                    del mine[channel]
                    self.skip(alert, channel, intent.event, digest.reason)

    # 3. What a mute silences waits for its end.

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
        knows = channel in self.knew(alert)
        waits = put_aside(alert, intent.event, channel, intent.reason, knows=knows, loudest=LOUDEST)
        group = alert.group_key or group_key(alert, self.sources.get(alert.source), self.grouping.by)
        self.put(replace(waits, group_key=group))
