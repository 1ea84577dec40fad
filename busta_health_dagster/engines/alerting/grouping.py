"""From what happened in one pass to the messages that leave: one per group and channel, storms as one per route.

A *thread* is one message that is updated (Slack), one conversation (mail), one event (PagerDuty). Alerts of the same
group that are announced in the same pass share a thread for life; a later one of the group gets its own, at the
earliest `group_interval` after the group's last, so that a slow avalanche does not page for each stone, and a new
problem is never hidden in an old page. A critical one does not wait for that interval.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState, Event
from busta_health_dagster.engines.alerting.group_timing import GroupTiming
from busta_health_dagster.engines.alerting.hearing import ANNOUNCES, LOUDEST, Hearing
from busta_health_dagster.engines.alerting.root_cause import OWN_THREAD
from busta_health_dagster.engines.alerting.threads import STORM, group_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from busta_health_dagster.domain.policy import Grouping
    from busta_health_dagster.domain.rule import Severity
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.alerting.transition import Intent, NotSent, TransitionResult

__all__ = ["NotificationPlan", "Plan", "group_key", "plan_notifications"]


@dataclass(frozen=True, slots=True)
class NotificationPlan:
    """One message for one channel: an outbox row. `fingerprints` are the alerts that changed, worst first.

    `open_left` counts the thread's other alerts that this channel knows and that are still open (0: the thread ends).
    `cause` is the provider whose failure they are parts of; `joins`: they join a message that this channel has, and that says
    so already.
    `key` is the idempotency key: the same pass planned again gives the same key.
    """

    channel: str
    thread: str
    event: Event
    fingerprints: tuple[str, ...]
    severity: Severity
    reason: str
    key: str
    at: int
    route: int = 0
    storm: bool = False
    open_left: int = 0
    cause: str = ""
    joins: bool = False

    @property
    def of_one_alert(self) -> bool:
        """Is it about an alert that stands alone?"""
        return len(self.fingerprints) == 1 and self.thread.startswith(OWN_THREAD) and not self.cause

    @property
    def tells_of_all(self) -> bool:
        """Is it about everything in its thread, also what other channels were notified of?"""
        return bool(self.cause) or self.storm

    def stands_alone(self, notified: Collection[str]) -> bool:
        """Is one alert all that its channel reads here? `notified` are those that the thread has notified this channel of."""
        alone = len(self.fingerprints) == 1 and not self.tells_of_all and set(notified) <= set(self.fingerprints)
        return self.of_one_alert or alone


@dataclass(frozen=True, slots=True)
class Plan:
    """Messages (critical first), everything not sent with its reason, and the alerts whose `told`, `held` or
    thread changed.
    """

    notifications: tuple[NotificationPlan, ...] = ()
    not_sent: tuple[NotSent, ...] = ()
    alerts: Mapping[str, Alert] = field(default_factory=dict)


def plan_notifications(
    steps: Iterable[TransitionResult],
    known: Mapping[str, Alert],
    sources: Mapping[str, Source],
    grouping: Grouping,
    event_filters: Mapping[str, frozenset[str] | None],
    *,
    now: int,
    steady: float,
    due: frozenset[str] = frozenset(),
) -> Plan:
    """Plan one pass.

    `steps` are everything that happened in it, in order; `known` every other alert that is loaded (watched ones), by
    fingerprint; `listens` the configured channels with the events each is notified of (None: all). A resolution passes
    every filter. `due` are sources that a tick is about to observe: what waits for its group waits for that too.
    """
    hearing = Hearing(grouping, event_filters, sources, now, steady, due)
    hearing.alerts.update(known)
    hearing.gather(steps)
    hearing.collect()
    hearing.mute()
    timing = GroupTiming(hearing)
    timing.hold_or_release()
    hearing.collect()  # what had waited for its group
    messages = _messages(hearing, timing)
    return Plan(tuple(messages), tuple(hearing.not_sent), {n: hearing.alerts[n] for n in sorted(hearing.changed)})


def _messages(h: Hearing, timing: GroupTiming) -> list[NotificationPlan]:
    """One per thread, channel and event; critical first."""
    bundles: dict[tuple[str, str, Event], list[tuple[Alert, Intent]]] = defaultdict(list)
    for name, mine in h.wanted.items():
        if mine and not h.alerts[name].thread:
            timing.start_thread("", [name])
        for channel, intent in mine.items():
            bundles[h.alerts[name].thread, channel, intent.event].append((h.alerts[name], intent))
    threads: dict[str, list[Alert]] = defaultdict(list)
    for alert in h.alerts.values():
        if alert.thread:
            threads[alert.thread].append(alert)
    out = [_message(h, at, members, threads[at[0]]) for at, members in bundles.items()]
    spoke = {thread for thread, _, event in bundles if event in ANNOUNCES or event is Event.ESCALATED}
    for thread in spoke:
        for alert in threads[thread]:
            h.put(replace(h.alerts[alert.fingerprint], flushed=h.steady))
    return sorted(out, key=lambda m: (-m.severity, LOUDEST.index(m.event), m.channel, m.fingerprints[0]))


def _message(
    h: Hearing, at: tuple[str, str, Event], members: list[tuple[Alert, Intent]], thread_alerts: list[Alert]
) -> NotificationPlan:
    thread, channel, event = at
    alerts = sorted((a for a, _ in members), key=lambda a: _worst_first(a, h.sources))
    names = tuple(a.fingerprint for a in alerts)
    said = frozenset(names)
    left = sum(a.state is AlertState.OPEN and channel in a.aware and a.fingerprint not in said for a in thread_alerts)
    storm = thread.startswith(STORM)
    cause = alerts[0].cause
    standing = [a for a in thread_alerts if a.fingerprint not in said and a.flushed is not None and channel in a.aware]
    joins = (
        event is Event.OPENED
        and thread in h.known_causes
        and bool(standing)
        and max(a.severity for a in alerts) <= max(a.severity for a in standing)
    )
    if cause and event in ANNOUNCES:
        reason = f"what {cause} has in common has failed: one message for {', '.join(a.source for a in alerts)}"
    elif len(members) == 1:
        reason = members[0][1].reason
    elif storm and event in ANNOUNCES:
        reason = f"storm: {len(members)} opened in one tick (limit {h.grouping.storm}), one message per route"
    else:
        reason = f"{len(members)} alerts of one group in one pass: {alerts[0].group_key}"
    key = hashlib.sha256(
        "|".join((thread, channel, event.value, str(h.now), *map(_deed, alerts))).encode()
    ).hexdigest()[:32]
    return NotificationPlan(
        channel,
        thread,
        event,
        names,
        max(a.severity for a in alerts),
        reason,
        f"busta_{key}",
        h.now,
        members[0][1].route,
        storm,
        left,
        cause,
        joins,
    )


def _deed(alert: Alert) -> str:
    """The alert, and which of the things that people did to it this is about: two of one second are two messages."""
    return f"{alert.fingerprint}#{alert.acts}" if alert.acts else alert.fingerprint


def _worst_first(alert: Alert, sources: Mapping[str, Source]) -> tuple[int, int, int, str]:
    source = sources.get(alert.source)
    return -alert.severity, source.tier if source else 9, alert.opened_at or 0, alert.fingerprint
