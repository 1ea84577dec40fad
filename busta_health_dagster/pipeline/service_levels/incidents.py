"""Incidents, derived from the transitions of alerts: what they were, how long they took, and what people wrote on them.

What is known at an instant T is what happened before T: windows are [T - W, T), and an incident whose first good slot is
T has not ended at T.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Literal

from busta_health_dagster.domain.access import AuditEntry
from busta_health_dagster.domain.alert import Alert, AlertState, Event
from busta_health_dagster.domain.errors import BadInput, UnknownName
from busta_health_dagster.domain.given_text import given_note
from busta_health_dagster.domain.incident import AlertSpan, Incident, IncidentSummary
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.domain.self_monitoring import DAGSTER
from busta_health_dagster.domain.units import iso
from busta_health_dagster.engines.service_levels import incidents as engine
from busta_health_dagster.pipeline.app.source_lookup import known_sources
from busta_health_dagster.pipeline.maintenance.index import maintenance
from busta_health_dagster.pipeline.service_levels.service_levels import up_seconds
from busta_health_dagster.store.audit_log import Note

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from busta_health_dagster.domain.documents import service as explanation
    from busta_health_dagster.domain.documents.service import IncidentTable
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.maintenance import Interval
    from busta_health_dagster.engines.service_levels.incidents import By
    from busta_health_dagster.engines.service_levels.periods import Period
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.alerts import StoredTransition

_NO_OUTAGE = frozenset({Pattern.NO_DATA, Pattern.GATE_HELD, Pattern.QUOTA})
"""Silence says nothing of the source, and a job that waits at the gate has the outage of a source for its cause."""
_BEFORE_S = 2 * 86400
"""How far before a window alerts are read, because they may be one incident with the first of the window."""
_LONGEST_NAME = 40
_PAGE = 1000
_FOREVER = 1 << 40


@dataclass(frozen=True, slots=True)
class IncidentList:
    """The incidents resolved in a window, newest first, those open at its end, oldest first, and their numbers."""

    period: Period
    resolved: tuple[Incident, ...]
    open: tuple[Incident, ...]
    summary: IncidentSummary
    groups: Mapping[str, IncidentSummary]
    causes: Mapping[str, str]

    @property
    def incidents(self) -> tuple[Incident, ...]:
        return (*self.open, *self.resolved)

    def as_json(self) -> IncidentTable:
        """The public shape of `busta incidents list -o json`."""
        at, figures = self.period.until, self.summary.as_json()
        out: IncidentTable = {
            "mttr_s": figures["mttr_s"],
            "mtta_s": figures["mtta_s"],
            "mttd_s": figures["mttd_s"],
            "mtbf_s": figures["mtbf_s"],
            "resolved": figures["resolved"],
            "open": figures["open"],
            "incidents": [
                {**i.as_json(), "cause": self.causes.get(i.id), "age_s": i.age_s(at)} for i in self.incidents
            ],
            "window": self.period.label,
            "since": iso(self.period.since),
            "until": iso(at),
        }
        if self.groups:
            out["groups"] = {key: some.as_json() for key, some in self.groups.items()}
        return out


def list_incidents(
    app: App, period: Period, names: Collection[str] | None = None, by: By | None = None
) -> IncidentList:
    """The incidents of these sources (None: all, and those of the Dagster instance, source `dagster`). `by` adds the same
    numbers per source, type, tier or rule.
    """
    with app.store.read() as uow:
        wanted = {*names} if names else set()
        sources = known_sources(app, uow, wanted - {DAGSTER.name}) if not wanted or wanted - {DAGSTER.name} else {}
        with_instance = {**sources, DAGSTER.name: DAGSTER} if not wanted or DAGSTER.name in wanted else sources
        spans = spans_of(app, uow, with_instance, since=period.since - _BEFORE_S, at=period.until)
        up_s = up_seconds(app, uow, sources, period)
        causes = uow.notes.causes()
    found = engine.build(spans)
    since, until = period.since, period.until
    whole = sum(up_s.values())
    return IncidentList(
        period,
        tuple(sorted(engine.resolved_in(found, since, until), key=lambda i: (-i.started_at, i.source))),
        tuple(engine.open_by_age(found, until)),
        engine.summarise(found, since=since, until=until, up_s=whole),
        engine.summarise_by(by, found, with_instance, since=since, until=until, up_s=up_s) if by else {},
        {i.id: causes[name] for i in found for name in _names(i) if name in causes},
    )


def spans_of(app: App, uow: UnitOfWork, sources: Mapping[str, Source], *, since: int, at: int) -> list[AlertSpan]:
    """What the alerts of these sources that were open after `since` looked like at the instant `at`."""
    alerts = {a.id: a for a in _alerts(uow, sources, since, at) if a.id is not None}
    if not alerts:
        return []
    silent = {rule.name for rule in app.config.rules if rule.pattern in _NO_OUTAGE} | {"no-data"}
    history: dict[int, list[StoredTransition]] = defaultdict(list)
    begin = min(a.pending_at or a.opened_at or 0 for a in alerts.values())
    for stored in uow.transitions.between(begin, at):
        if stored.alert_id in alerts:
            history[stored.alert_id].append(stored)
    planned = maintenance(app, uow, begin, min(at, app.now() + _BEFORE_S) + 1)
    statuses = {rule.name for rule in app.config.rules if rule.pattern is Pattern.STATUS} or {"source-down"}
    spans = []
    for key, alert in alerts.items():
        for bare in _spans(alert, history[key], at, makes_incident=alert.rule not in silent):
            source = sources[alert.source]
            span = _outside(bare, planned.intervals(source), source.interval_s)
            exact = (
                alert.rule in statuses
                or bool(alert.label)
                or span.first_good_slot_after is None
                or not span.makes_incident
            )
            spans.append(span if exact else _with_first_good(uow, span))
    return spans


def stretch_of(app: App, uow: UnitOfWork, alert: Alert, source: Source, at: int) -> Incident | None:
    """What this alert alone makes of its newest stretch, as `list_incidents` says it at the instant `at`; None where it
    makes no incident.
    """
    begun = min(x for x in (alert.pending_at, alert.opened_at, at) if x is not None)
    spans = [s for s in spans_of(app, uow, {source.name: source}, since=begun, at=at) if s.alert_id == alert.id]
    found = engine.build(spans)
    return found[-1] if found else None


def real_incidents(
    app: App, uow: UnitOfWork, sources: Mapping[str, Source], *, since: int, at: int
) -> tuple[tuple[str, int, int], ...]:
    """(source, start, end) of the incidents whose cause someone noted: those were certainly real."""
    causes = uow.notes.causes()
    if not causes:
        return ()
    found = engine.build(spans_of(app, uow, sources, since=since, at=at))
    return tuple(
        (i.source, i.started_at, at if i.resolved_at is None else i.resolved_at)
        for i in found
        if any(name in causes for name in _names(i))
    )


def _alerts(uow: UnitOfWork, sources: Mapping[str, Source], since: int, until: int) -> list[Alert]:
    found: list[Alert] = []
    before: int | None = None
    while True:
        page = uow.alerts.list(since=since, until=until, shadow=False, before=before, limit=_PAGE)
        found += [a for a in page if a.source in sources]
        if len(page) < _PAGE:
            return found
        before = page[-1].id


def _spans(alert: Alert, history: Sequence[StoredTransition], at: int, *, makes_incident: bool) -> list[AlertSpan]:
    """One span per stretch that the alert was open: a reopened one has several."""
    assert alert.id is not None
    spans: list[AlertSpan] = []
    acked: int | None = None
    running: AlertSpan | None = None
    for t in (stored.transition for stored in history):
        if t.event in {Event.OPENED, Event.REOPENED} and running is None:
            first = t.numbers.get("first_bad_slot") or t.slot or t.at
            acked = acked if t.event is Event.REOPENED and t.numbers.get("ack_kept") else None
            running = AlertSpan(
                alert.id,
                alert.source,
                alert.rule,
                t.severity,
                t.at,
                first,
                first,
                acked_at=acked,
                makes_incident=makes_incident,
                subject=alert.label,
            )
        elif t.event is Event.ACKED and acked is None:
            acked = t.at
        if running is None:
            continue
        running = replace(running, severity=max(running.severity, t.severity), acked_at=acked)
        if t.event is Event.RESOLVED:
            last = t.numbers.get("last_bad_slot") or running.last_bad_slot
            good = t.numbers.get("first_good_slot")
            good = good if good is not None and good > last else None
            spans.append(replace(running, last_bad_slot=last, first_good_slot_after=good, resolved_at=t.at))
            running = None
    if running is not None:
        newest = alert.last_bad_slot if alert.state is AlertState.OPEN else None
        last = max(running.first_bad_slot, min(newest or running.first_bad_slot, at - 1))
        spans.append(replace(running, last_bad_slot=last))
    return spans


def _outside(span: AlertSpan, planned: Sequence[Interval], interval_s: int) -> AlertSpan:
    """Bad slots inside maintenance are no part of an incident: it begins with the first slot after it that was bad."""
    for begin, end in planned:
        if begin <= span.first_bad_slot < end:
            first = min(end + -end % interval_s, max(span.opened_at, span.first_bad_slot))
            return replace(span, first_bad_slot=first, last_bad_slot=max(first, span.last_bad_slot))
    return span


def _with_first_good(uow: UnitOfWork, span: AlertSpan) -> AlertSpan:
    """The first good slot of the source, which a share over a window or a score sees later than it was."""
    assert span.first_good_slot_after is not None
    observations = uow.observations.columns(span.last_bad_slot + 1, span.first_good_slot_after + 1, [span.source])
    good = next((x.slot for x in observations[span.source] if x.status in {Status.UP, Status.DEGRADED}), None)
    return span if good is None else replace(span, first_good_slot_after=good)


@dataclass(frozen=True, slots=True)
class IncidentDetail:
    """One incident with everything that happened in it, oldest first."""

    incident: Incident
    events: tuple[tuple[int, str, str, str], ...]
    notes: tuple[Note, ...]
    cause: str | None
    age_s: int

    def as_json(self) -> explanation.IncidentDetail:
        """The shape of `busta incidents show -o json`."""
        return {
            **self.incident.as_json(),
            "cause": self.cause,
            "age_s": self.age_s,
            "timeline": [
                {"at": iso(at), "rule": rule, "event": event, "reason": why} for at, rule, event, why in self.events
            ],
            "notes": [{"at": iso(n.at), "author": n.author, "kind": n.kind, "text": n.text} for n in self.notes],
        }


def show_incident(app: App, name: str) -> IncidentDetail:
    """An incident by its id (`INC-4127`), or by that of any of its alerts.

    Raises:
        UnknownName: there is no such alert, or it makes no incident.
    """
    with app.store.read() as uow:
        incident = _find(app, uow, name)
        events, notes = [], []
        for key in incident.alert_ids:
            rule = uow.alerts.get(key).rule
            for t in (stored.transition for stored in uow.transitions.of(key)):
                by = f", by {t.actor}" if t.actor and f"by {t.actor}" not in t.reason else ""
                events.append((t.at, rule, t.event.value, f"{t.reason}{by}"))
            notes += uow.notes.of(f"INC-{key}")
    notes.sort(key=lambda n: n.at)
    cause = next((n.text for n in reversed(notes) if n.kind == "cause"), None)
    return IncidentDetail(
        incident, tuple(sorted(events, key=itemgetter(0))), tuple(notes), cause, incident.age_s(app.now())
    )


def write_note(app: App, name: str, text: str, *, kind: Literal["note", "cause"], by: str) -> Incident:
    """Put a note on an incident, or say what its cause was. Written into the audit log.

    Raises:
        UnknownName: there is no such incident.
        BadInput: the text is blank.
    """
    clean = app.secrets.scrub(given_note(text.strip(), f"The {kind}"))
    if not clean:
        raise BadInput(f"The {kind} for {name} is blank; nothing was written.")
    with app.store.write() as uow:
        incident = _find(app, uow, name)
        uow.notes.add(Note(incident.id, app.now(), by, kind, clean))
        uow.audit.append(AuditEntry(app.now(), by, f"incident.{kind}", incident.id, clean))
    return incident


def _find(app: App, uow: UnitOfWork, name: str) -> Incident:
    digits, _, part = name.upper().removeprefix("INC-").partition(".")
    if not (digits + part).isdecimal() or len(name) > _LONGEST_NAME:
        raise UnknownName(
            f"{name[:_LONGEST_NAME]!r} is not an incident's id; write INC-4127. Ids: busta incidents list"
        )
    alert = uow.alerts.get(int(digits))
    sources = {**known_sources(app, uow, None), DAGSTER.name: DAGSTER}
    if alert.source in sources and alert.opened_at is not None:
        spans = spans_of(app, uow, {alert.source: sources[alert.source]}, since=0, at=_FOREVER)
        mine = [i for i in engine.build(spans) if alert.id in i.alert_ids]
        found = next((i for i in mine if i.id == name.upper()), None) or (mine[0] if mine and not part else None)
        if found is not None:
            return found
    raise UnknownName(
        f"Alert {alert.id} ({alert.fingerprint}) makes no incident: it never opened, its rule is in shadow mode, or it is "
        f"about missing data or the monitor itself. See: busta alerts explain {alert.id}"
    )


def _names(incident: Incident) -> Iterable[str]:
    """Notes may have been written when one of its alerts was still an incident of its own; the oldest name last."""
    others = incident.alert_ids if incident.part == 1 else incident.alert_ids[1:]
    return dict.fromkeys((incident.id, *(f"INC-{key}" for key in reversed(others))))
