"""How the monitoring itself went: noise, maintenance, deliveries, and the monitor's own uptime."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Event
from busta_health_dagster.domain.report import Week
from busta_health_dagster.domain.report_running import (
    ChannelRow,
    DeadLetter,
    Delivery,
    Maintenance,
    MaintenanceFacts,
    Monitor,
    Noise,
)
from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.domain.self_monitoring import MONITOR
from busta_health_dagster.domain.units import floor_to, iso
from busta_health_dagster.engines import tuning
from busta_health_dagster.engines.service_levels import timeslices
from busta_health_dagster.engines.service_levels.periods import Period
from busta_health_dagster.pipeline.delivery.dead_mans_switch import LAST_HEARTBEAT
from busta_health_dagster.pipeline.maintenance.index import maintenance
from busta_health_dagster.pipeline.service_levels.service_levels import DAY_S, slice_counts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.incident import Incident
    from busta_health_dagster.domain.maintenance import Occurrence
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.reports import SentMessage

NOTIFIES = frozenset({"opened", "escalated", "renotified", "resolved", "flapping_started", "flapping_ended"})
"""Kinds of message that notify again: an update in place, a test and a report are no notifications."""
AHEAD_S = 8 * DAY_S
PAST_S = 30 * DAY_S
_PAGE = 1000


def noise_of(
    app: App, uow: UnitOfWork, week: Week, past_incidents: Sequence[Incident], sources: Mapping[str, Source]
) -> Noise:
    """The notifications of the week, and what to tune given the incidents of 30 days. Alerts about the monitor itself are
    not counted.
    """
    past = _opened(uow, min(week.since, week.until - PAST_S), week.until)
    opened = [a for a in past if a.opened_at is not None and a.opened_at >= week.since]
    messages = notified(uow, week)
    rule_of = {a.id: a.rule for a in uow.alerts.by_ids({m.alert_ids[0] for m in messages})}
    sent = Counter(rule_of[m.alert_ids[0]] for m in messages if m.alert_ids[0] in rule_of)
    flapping: dict[str, set[str]] = defaultdict(set)
    for stored in uow.transitions.between(week.since, week.until):
        if stored.transition.event is Event.FLAPPING_STARTED:
            source, rule, *_ = stored.transition.fingerprint.split("/")
            flapping[rule].add(source)
    held = sum(reason.startswith("flapping") for *_, reason in uow.reports.held_back(week.since, week.until))
    rows = tuning.noise(
        opened,
        sent,
        {rule: tuple(sorted(names)) for rule, names in flapping.items()},
        {rule.name: rule.shadow for rule in app.config.rules},
        {key for m in messages for key in m.alert_ids},
    )
    statuses = frozenset(r.name for r in app.config.rules if r.pattern is Pattern.STATUS)
    known = tuning.Past(past, past_incidents, sources, PAST_S, statuses)
    return Noise(rows, len(messages), sum(not a.shadow for a in opened), held, tuning.suggestions(rows, known))


def sent_in(uow: UnitOfWork, span: Period) -> int:
    """How many notifications were written in a stretch."""
    return len(notified(uow, span))


def notified(uow: UnitOfWork, span: Week | Period) -> list[SentMessage]:
    """Messages about alerts that notified someone again, written in a stretch."""
    written = uow.reports.messages(span.since, span.until)
    return [m for m in written if m.kind in NOTIFIES and m.state not in {"dead", "dropped"} and m.alert_ids]


def _opened(uow: UnitOfWork, since: int, until: int) -> list[Alert]:
    found: list[Alert] = []
    before: int | None = None
    while True:
        page = uow.alerts.list(since=since, until=until, before=before, limit=_PAGE)
        found += [a for a in page if (a.opened_at or 0) >= since and a.source != MONITOR.name]
        if len(page) < _PAGE:
            return found
        before = page[-1].id


def maintenance_of(app: App, uow: UnitOfWork, week: Week, sources: Mapping[str, Source]) -> Maintenance:
    """Used within the week, on at its `as_of`, and next within eight days of that: those that are over by now, because the report
    is counted later, are not to come.
    """
    index = maintenance(app, uow, week.since, week.as_of + AHEAD_S)
    held = [
        (fingerprint.partition("/")[0], fingerprint, at)
        for fingerprint, at, event, reason in uow.reports.held_back(week.since, week.until)
        if event is Event.OPENED and "maintenance" in reason
    ]
    used, now, coming = [], [], []
    for o in index.occurrences():
        names = tuple(sorted(n for n, s in sources.items() if o.select.matches(s)))
        work = _work(o, names, week, sources, held)
        if o.start < week.until and o.end > week.since:
            used.append(work)
        if o.start <= week.as_of < o.end:
            now.append(work)
        elif o.start > week.as_of and o.end > app.now():
            coming.append(work)
    return Maintenance(tuple(used), tuple(now), tuple(coming))


def _work(
    o: Occurrence,
    names: tuple[str, ...],
    week: Week,
    sources: Mapping[str, Source],
    held: Sequence[tuple[str, str, int]],
) -> MaintenanceFacts:
    begin, end = max(o.start, week.since), min(o.end, week.until)
    slices = sum(len(timeslices.grid(begin, end, timeslices.slice_length(sources[n].interval_s))) for n in names)
    quiet = {fingerprint for source, fingerprint, at in held if source in names and o.start <= at < o.end}
    return MaintenanceFacts(o.window, o.reason, names, o.start, o.end, max(end - begin, 0), slices, len(quiet))


def delivery_of(app: App, uow: UnitOfWork, week: Week) -> Delivery:
    """What became of every message written in the week, whatever it was about."""
    messages = uow.reports.messages(week.since, week.until)
    by_channel: dict[str, list[SentMessage]] = {name: [] for name in app.config.policy.channels}
    for message in messages:
        by_channel.setdefault(message.channel, []).append(message)
    channels = tuple(
        ChannelRow(
            name,
            len(some),
            sum(m.state == "done" for m in some),
            sum(m.state == "done" and m.attempts > 1 for m in some),
            sum(m.state in {"waiting", "sending"} for m in some),
            sum(m.state == "dead" for m in some),
        )
        for name, some in by_channel.items()
    )
    took = sorted(m.finished_at - m.created_at for m in messages if m.state == "done" and m.finished_at is not None)
    return Delivery(
        channels,
        tuple(_dead(app, m, messages) for m in messages if m.state == "dead"),
        took[(len(took) - 1) // 2] if took else None,
        took[-(-95 * len(took) // 100) - 1] if took else None,
    )


def _dead(app: App, gone: SentMessage, messages: Sequence[SentMessage]) -> DeadLetter:
    died = gone.finished_at or gone.created_at
    spec = app.config.policy.channels.get(gone.channel)
    instead = next(
        (
            m
            for m in messages
            if spec is not None
            and m.channel == spec.fallback
            and m.alert_ids == gone.alert_ids
            and m.created_at >= died - 1
            and m.state == "done"
        ),
        None,
    )
    later = int(instead.finished_at - died) if instead and instead.finished_at is not None else None
    return DeadLetter(
        gone.channel,
        int(died),
        gone.reason,
        gone.alert_ids,
        instead.channel if instead else "",
        None if later is None else max(later, 0),
    )


def monitor_of(
    app: App, uow: UnitOfWork, week: Week, before: Period, sources: Mapping[str, Source], began: int | None
) -> Monitor:
    """Ticks are counted by what they left behind: a slot in which nothing at all was checked is a tick that failed.

    Nothing is expected of the time before the first observation ever.
    """
    if began is None or began >= week.until:
        return Monitor(switch=_switch(app, uow))
    tick_s = app.config.tick_s
    since = max(week.since, floor_to(began, tick_s))
    seen = {floor_to(slot, tick_s) for slot in uow.reports.slots_seen(since, week.until)}
    due = range(-(-since // tick_s) * tick_s, week.until, tick_s)
    counts = slice_counts(app, uow, sources, Period(week.label, since, week.until))
    blind = Counter({name: c.unknown for name, c in counts.items() if c.unknown})
    earlier = None
    if began < before.until:
        start = max(before.since, floor_to(began, tick_s))
        ran = {floor_to(slot, tick_s) for slot in uow.reports.slots_seen(start, before.until)}
        expected = len(range(-(-start // tick_s) * tick_s, before.until, tick_s))
        earlier = 100 * len(ran) / expected if expected else None
    return Monitor(
        due=len(due),
        ran=sum(slot in seen for slot in due),
        before=earlier,
        slices=sum(c.all - c.excluded for c in counts.values()),
        without_verdict=sum(blind.values()),
        gaps=_gaps(due, seen),
        blind=tuple(blind.most_common(3)),
        switch=_switch(app, uow),
    )


def _gaps(due: range, seen: set[int]) -> tuple[tuple[int, int], ...]:
    gaps: list[tuple[int, int]] = []
    for slot in due:
        if slot in seen:
            continue
        if gaps and gaps[-1][1] == slot:
            gaps[-1] = (gaps[-1][0], slot + due.step)
        else:
            gaps.append((slot, slot + due.step))
    return tuple(sorted(gaps, key=lambda g: (g[0] - g[1], g[0]))[:3])


def _switch(app: App, uow: UnitOfWork) -> str:
    """What became of the newest call to the dead man's switch, as a sentence."""
    if app.config.settings.dead_mans_switch is None:
        return "No dead man's switch is set: no one outside is notified when the monitor dies."
    last = uow.meta.get(LAST_HEARTBEAT)
    if last is None:
        return "The dead man's switch has not been called yet."
    fed = "was fed" if last["sent"] else f"was not fed ({last['reason']})"
    return f"The dead man's switch {fed}, last at {iso(last['at'])}."
