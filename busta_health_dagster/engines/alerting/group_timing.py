"""When a group speaks: what of the things that channels would hear in one pass leaves now, and what must wait.

Whatever waits is kept in the alert itself (`held`): nothing else has to survive a restart.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Held
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.engines.alerting.hearing import ANNOUNCES, LOUDEST, OPENS, Hearing
from busta_health_dagster.engines.alerting.muting import may_speak, waits_for, with_waiting
from busta_health_dagster.engines.alerting.root_cause import RootCause, root_causes
from busta_health_dagster.engines.alerting.threads import (
    STORM,
    first_route,
    group_key,
    group_thread,
    own_thread,
    routes_of,
    storm_key,
    storm_thread,
)
from busta_health_dagster.engines.alerting.transition import Intent
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class GroupTiming:
    """Announcements wait for their group; what follows an announcement that still waits has no reader yet."""

    def __init__(self, hearing: Hearing) -> None:
        self.h = hearing

    def hold_or_release(self) -> None:
        groups: dict[str, list[str]] = defaultdict(list)
        announced = [name for name in self.h.wanted if self._begins(name)]
        shared = self._announce_causes(announced)
        for name in announced:
            if name not in shared:
                groups[self._bundle(self.h.alerts[name])].append(name)
        last = self._last_spoke() if groups else {}
        for key, names in groups.items():
            due = {name: self._due(name, self._listened(last, key, name)) for name in names}
            if now := [name for name in names if due[name] is None]:
                self.start_thread(key, now)
            for name, wait in due.items():
                if wait is not None:
                    self._hold(name, *wait)
        self._wake()
        self._settle()

    def _begins(self, name: str) -> bool:
        """Is it to be announced, and not in a thread that it has already?"""
        alert, mine = self.h.alerts[name], self.h.wanted[name]
        if not any(i.event in ANNOUNCES for i in mine.values()):
            return False
        again = bool(alert.reopened or alert.cause) and not self.h.storm
        return not alert.thread or not (self.h.knew(alert) or again)

    def _announce_causes(self, announced: Sequence[str]) -> set[str]:
        """What fails together at one provider speaks at once, in one thread; -> the alerts that this is about. In a storm
        more has failed than a provider.
        """
        shared: set[str] = set()
        opening = [
            n for n in announced if all(i.event in OPENS for i in self.h.wanted[n].values() if i.event in ANNOUNCES)
        ]
        causes = (
            [] if self.h.storm else root_causes(self.h.alerts, opening, self.h.sources, self.h.grouping, self.h.now)
        )
        for cause in causes:
            thread = cause.thread or group_thread(_cause_key(cause), self.h.now)
            if cause.known:
                self.h.known_causes.add(thread)
            if cause.lender:
                self.h.put(replace(self.h.alerts[cause.lender], cause=cause.provider))
            for name in cause.names:
                self._release(name)
                alert = self.h.alerts[name]
                self.h.put(replace(alert, thread=thread, group_key=_cause_key(cause), cause=cause.provider))
            shared.update(cause.names)
        return shared

    def _bundle(self, alert: Alert) -> str:
        if self.h.storm:
            return storm_key(alert)
        return group_key(alert, self.h.sources.get(alert.source), self.h.grouping.by)

    def _listened(self, last: Mapping[tuple[str, int], float], key: str, name: str) -> float | None:
        """When all routes of this alert last heard of the group; None if one has not: the pager must not wait
        because the chat was notified of another source.
        """
        spoke = [last.get((key, route)) for route in routes_of(self.h.alerts[name])]
        return None if None in spoke else min(s for s in spoke if s is not None)

    def _last_spoke(self) -> dict[tuple[str, int], float]:
        """(group, route) -> when it was last notified, steady seconds."""
        last: dict[tuple[str, int], float] = {}
        for alert in self.h.alerts.values():
            if alert.flushed is None:
                continue
            keys = [alert.group_key]
            if alert.thread.startswith(STORM):
                keys.append(storm_key(alert))
            for at in [(key, route) for key in keys for route in routes_of(alert)]:
                last[at] = max(last.get(at, alert.flushed), alert.flushed)
        return last

    def _due(self, name: str, last: float | None) -> tuple[float, str] | None:
        """Until when it waits, and why; None: not at all. What is critical waits for its group, and not for what that has said."""
        wait, interval = self.h.grouping.wait_s, self.h.grouping.interval_s
        critical = self.h.alerts[name].severity >= Severity.CRITICAL
        if last is not None and self.h.steady < last + interval and not critical:
            ago = duration_text(self.h.steady - last)
            return last + interval, f"group_interval {duration_text(interval)}, and the group notified {ago} ago"
        return (self.h.steady + wait, f"group_wait {duration_text(wait)}") if wait else None

    def _hold(self, name: str, due: float, why: str) -> None:
        alert, mine = self.h.alerts[name], self.h.wanted[name]
        waiting = {c: i for c, i in mine.items() if i.event in ANNOUNCES}
        for channel, intent in waiting.items():
            del mine[channel]
            self.h.skip(alert, channel, intent.event, f"waits until its group may notify again: {why}")
            earlier = waits_for(alert, channel) or Held(intent.event, (channel,), due, intent.reason)
            louder = min(earlier.event, intent.event, key=LOUDEST.index)
            alert = with_waiting(alert, replace(earlier, event=louder, channels=(channel,)))
        group = group_key(alert, self.h.sources.get(alert.source), self.h.grouping.by)
        self.h.put(replace(alert, group_key=group))

    def start_thread(self, key: str, names: Sequence[str]) -> None:
        for name in names:
            alert = self.h.alerts[name]
            if key.startswith("storm/"):
                thread = storm_thread(int(key.removeprefix("storm/")), self.h.now)
            elif len(names) > 1:
                thread = group_thread(key, self.h.now)
            else:
                thread = own_thread(alert)
            group = group_key(alert, self.h.sources.get(alert.source), self.h.grouping.by)
            self.h.put(replace(alert, thread=thread, group_key=group, cause=""))

    def _wake(self) -> None:
        """Groups whose waiting ends: by time, or because something louder happens to one of them."""
        ready: dict[str, list[str]] = defaultdict(list)
        for name, alert in self.h.alerts.items():
            if not alert.held or alert.state is not AlertState.OPEN:
                continue
            free = [h for h in alert.held if may_speak(alert, h, self.h.now, self.h.steady)]
            louder = any(i.event is Event.ESCALATED for i in self.h.wanted.get(name, {}).values())
            ends = (
                alert.source not in self.h.due
                and min((h.due for h in free), default=self.h.steady + 1) <= self.h.steady
            )
            if free and (louder or ends):
                ready[alert.group_key].append(name)
        for key, names in ready.items():
            # What waited for a mute may be known to other channels: it goes on in the thread that it has.
            new = [n for n in names if not self._goes_on(self.h.alerts[n])]
            many = len(new) > self.h.grouping.storm
            if new:
                self.start_thread(storm_key(self.h.alerts[new[0]]) if many else key, new)
            for name in names:
                self._release(name)

    def _goes_on(self, alert: Alert) -> bool:
        return bool(alert.thread) and (bool(self.h.knew(alert)) or any(h.muted for h in alert.held))

    def _release(self, name: str) -> None:
        """What waited, for its group or for the end of a mute, is wanted now; what is muted now waits on."""
        alert = self.h.alerts[name]
        free = tuple(h for h in alert.held if may_speak(alert, h, self.h.now, self.h.steady))
        for held in free:
            event = held.event
            if event is Event.FLAPPING_STARTED and not alert.flapping:
                event = Event.OPENED
            reason = f"{held.reason}; after {'its route was muted' if held.muted else 'waiting for its group'}"
            for channel in held.channels:
                mine = self.h.wanted.setdefault(name, {})
                earlier = mine.get(channel)
                if earlier is None or LOUDEST.index(event) < LOUDEST.index(earlier.event):
                    mine[channel] = Intent(event, (channel,), reason, first_route(alert), True)
        if free:
            self.h.put(replace(alert, held=tuple(h for h in alert.held if h not in free)))

    def _settle(self) -> None:
        for name in [n for n, a in self.h.alerts.items() if a.held]:
            alert, mine = self.h.alerts[name], self.h.wanted.get(name, {})
            over = alert.state is not AlertState.OPEN
            why = "it ended before its group was notified" if over else "not notified yet that it fired"
            waiting = alert.unaware
            for channel in waiting & set(mine):
                self.h.skip(alert, channel, mine.pop(channel).event, why)
            if over:
                for held in alert.held:
                    for channel in held.channels if held.muted and held.knows else ():
                        self.h.skip(alert, channel, held.event, "it ended while its route was muted")
                self.h.put(replace(alert, held=()))


def _cause_key(cause: RootCause) -> str:
    """`the-odds-api, source-down`."""
    return f"{cause.provider}, {cause.rule}"
