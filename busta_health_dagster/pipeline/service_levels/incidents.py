"""Incidents, derived from what alerts were (`alert_spans`): what they were, how long they took, and what people wrote on them.

What is known at an instant T is what happened before T: windows are [T - W, T), and an incident whose first good slot is
T has not ended at T.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from busta_health_dagster.domain.access import AuditEntry
from busta_health_dagster.domain.errors import BadInput, UnknownName
from busta_health_dagster.domain.given_text import given_note
from busta_health_dagster.domain.incident import Incident, IncidentSummary
from busta_health_dagster.domain.self_monitoring import DAGSTER
from busta_health_dagster.domain.units import iso
from busta_health_dagster.engines.service_levels import incidents as engine
from busta_health_dagster.pipeline.app.source_lookup import known_sources
from busta_health_dagster.pipeline.service_levels.alert_spans import BEFORE_S, spans_of
from busta_health_dagster.pipeline.service_levels.service_levels import up_seconds
from busta_health_dagster.store.audit_log import Note

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from busta_health_dagster.domain.alert import Transition
    from busta_health_dagster.domain.documents import service as explanation
    from busta_health_dagster.domain.documents.service import IncidentTable
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.service_levels.incidents import By
    from busta_health_dagster.engines.service_levels.periods import Period
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.outbox_rows import OutboxRow

_LONGEST_NAME = 40
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
        spans = spans_of(app, uow, with_instance, since=period.since - BEFORE_S, at=period.until)
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


@dataclass(frozen=True, slots=True)
class IncidentDetail:
    """One incident with everything that happened in it, oldest first."""

    incident: Incident
    events: tuple[tuple[str, Transition], ...]
    messages: tuple[OutboxRow, ...]
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
                {
                    "at": iso(t.at),
                    "rule": rule,
                    "event": t.event.value,
                    "reason": t.reason + (f", by {t.actor}" if t.actor and f"by {t.actor}" not in t.reason else ""),
                    "actor": t.actor or None,
                }
                for rule, t in self.events
            ],
            "notes": [{"at": iso(n.at), "author": n.author, "kind": n.kind, "text": n.text} for n in self.notes],
            "notifications": [
                {
                    "at": iso(m.created_at),
                    "channel": m.message.channel,
                    "kind": m.message.kind,
                    "state": m.state,
                    "attempts": m.attempts,
                    "finished_at": iso(m.finished_at),
                    "reason": m.reason or None,
                }
                for m in self.messages
            ],
        }


def show_incident(app: App, name: str) -> IncidentDetail:
    """An incident by its id (`INC-4127`), or by that of any of its alerts.

    Raises:
        UnknownName: there is no such alert, or it makes no incident.
    """
    with app.store.read() as uow:
        incident = _find(app, uow, name)
        events: list[tuple[str, Transition]] = []
        notes: list[Note] = []
        messages: dict[int, OutboxRow] = {}
        for key in incident.alert_ids:
            rule = uow.alerts.get(key).rule
            events += [(rule, stored.transition) for stored in uow.transitions.of(key)]
            notes += uow.notes.of(f"INC-{key}")
            messages |= {row.id: row for row in uow.outbox.of_alert(key, incident.started_at)}
    notes.sort(key=lambda n: n.at)
    cause = next((n.text for n in reversed(notes) if n.kind == "cause"), None)
    return IncidentDetail(
        incident,
        tuple(sorted(events, key=lambda e: e[1].at)),
        tuple(messages[key] for key in sorted(messages)),
        tuple(notes),
        cause,
        incident.age_s(app.now()),
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
    try:
        alert = uow.alerts.get(int(digits))
    except UnknownName as error:  # an incident has the number of the alert that began it
        raise UnknownName(
            f"There is no incident INC-{digits}. See which there are with: busta incidents list"
        ) from error
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
