"""Maintenance that people add: stored beside maintenance.yaml, audited, and right for the past as well."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from busta_health_dagster.domain.access import AuditEntry
from busta_health_dagster.domain.errors import BadInput, ConfigError, Problem, Refused, StoreAbsent, UnknownName
from busta_health_dagster.domain.units import config_duration, from_epoch, iso, near_instant
from busta_health_dagster.engines.alerting.routing import selector_text
from busta_health_dagster.engines.maintenance import MaintenanceIndex, occurrences, validate
from busta_health_dagster.pipeline.app.source_lookup import known_sources
from busta_health_dagster.pipeline.maintenance.index import exclusions, maintenance, windows
from busta_health_dagster.pipeline.maintenance.recompute_rollups import recompute_changed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.documents.service import WindowRow
    from busta_health_dagster.domain.maintenance import Occurrence, Window
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

AHEAD_S = 366 * 86400
"""How far ahead the next occurrence is looked for."""
PREVIEW_S = 90 * 86400
"""How far ahead a new window is compared with the others."""


@dataclass(frozen=True, slots=True)
class PlannedMaintenance:
    """A window as a list shows it: the occurrence that is on now, or the next within a year."""

    window: Window
    sources: tuple[str, ...]
    occurrence: Occurrence | None
    active: bool
    version: int | None = None

    def as_json(self) -> WindowRow:
        """The shape of `maintenance list -o json` and of REST."""
        w, o = self.window, self.occurrence
        return {
            "id": w.id,
            "window": w.name,
            "origin": w.origin,
            "select": selector_text(w.select),
            "sources": list(self.sources),
            "start": w.start.isoformat(timespec="minutes"),
            "zone": w.zone,
            "duration_s": w.duration_s,
            "rrule": w.rrule,
            "exdates": [d.isoformat(timespec="minutes") for d in w.exdates],
            "reason": w.reason,
            "by": w.by or None,
            "active": self.active,
            "next": None if o is None else {"start": iso(o.start), "end": iso(o.end)},
            "config": w.where or None,
            "version": self.version,
        }


def listing(app: App) -> list[PlannedMaintenance]:
    """Every window of the file and of the store, where there is one: those that are on first, then by their next start."""
    now = app.now()
    try:
        with app.store.read() as uow:
            found = [_planned(app, uow, w, now) for w in windows(app, uow)]
    except StoreAbsent:
        found = [_of(app.config.sources, w, now) for w in app.config.windows]
    return sorted(
        found, key=lambda p: (not p.active, p.occurrence.start if p.occurrence else now + AHEAD_S, p.window.name)
    )


def find(app: App, key: int) -> PlannedMaintenance:
    """One stored window with its version. Raises UnknownName."""
    with app.store.read() as uow:
        window, version = uow.maintenance.get(key)
        return replace(_planned(app, uow, window, app.now()), version=version)


def preview(app: App, since: int, until: int) -> list[Occurrence]:
    """Every occurrence that overlaps [since, until), unclipped, by start; of the file alone where there is no store yet.

    Raises:
        BadInput: the range is empty, or one end of it is no instant that can be meant.
    """
    for name, at in (("since", since), ("until", until)):
        try:
            near_instant(at)
        except ValueError as error:
            raise BadInput(f"{name}: {error}") from error
    if since >= until:
        raise BadInput(f"The range ends ({iso(until)}) before it begins ({iso(since)}). Give --from before --until.")
    try:
        with app.store.read() as uow:
            index = maintenance(app, uow, since, until)
    except StoreAbsent:
        index = MaintenanceIndex((*app.config.windows, *app.config.off_season), since, until)
    return index.occurrences()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a window would do before anyone adds it: which sources it covers, when it is on in 90 days, and what to think of."""

    planned: PlannedMaintenance
    occurrences: tuple[Occurrence, ...]
    warnings: tuple[Problem, ...]


def plan(app: App, window: Window) -> Plan:
    """Stores nothing. Raises as `add`, and UnknownName for a source that no one knows."""
    warnings, now = _checked(window), app.now()
    with app.store.read() as uow:
        known_sources(app, uow, window.select.names)
        _refuse_taken(app, uow, window)
        planned = _planned(app, uow, window, now)
        index = MaintenanceIndex([*exclusions(app, uow), window], now - 86400, now + PREVIEW_S)
    times = tuple(occurrences(window, now, now + PREVIEW_S))
    return Plan(planned, times, (*warnings, *_second_thoughts(app, window, planned, index)))


def add(app: App, window: Window, *, actor: str) -> tuple[PlannedMaintenance, tuple[Problem, ...]]:
    """Store a window, -> it and the warnings. One that began in the past changes what is counted, and says so.

    Raises:
        ConfigError: the window is wrong; every problem, with its remedy.
        Refused: another window has that name.
    """
    warnings = _checked(window)
    window = replace(window, origin="store", by=actor)
    now = app.now()
    with app.store.write() as uow:
        _refuse_taken(app, uow, window)
        stored = uow.maintenance.add(window, now)
        counted = recompute_changed(app, uow, [stored], now)
        planned = _planned(app, uow, stored, now)
        _audit(uow, now, actor, "maintenance.add", stored, counted=counted)
        index = maintenance(app, uow, now - 86400, now + PREVIEW_S)
    return planned, (*warnings, *_second_thoughts(app, stored, planned, index))


def _refuse_taken(app: App, uow: UnitOfWork, window: Window) -> None:
    if any(w.name == window.name for w in windows(app, uow)):
        raise Refused(f"A maintenance window is called {window.name!r} already. Choose another name, or end that one.")


def _second_thoughts(
    app: App, window: Window, planned: PlannedMaintenance, index: MaintenanceIndex
) -> tuple[Problem, ...]:
    """What is allowed and probably not meant: it overlaps another window, or covers nothing."""
    overlaps = index.overlaps(s for s in app.config.sources.values() if window.select.matches(s))
    warnings = tuple(p for p in overlaps if window.name in f"{p.field} {p.message}")
    if planned.sources:
        return warnings
    says = f"No source matches {selector_text(window.select)}."
    return (*warnings, Problem("", f"window {window.name}, select", says, "check the names", "warning"))


def change(app: App, key: int, window: Window, *, actor: str, version: int | None = None) -> PlannedMaintenance:
    """Replace a stored window; with `version` only if no one changed it meanwhile.

    Raises:
        ConfigError, UnknownName, Refused: as `add`; or someone else was first.
    """
    _checked(window)
    now = app.now()
    with app.store.write() as uow:
        before, _ = uow.maintenance.get(key)
        if any(w.name == window.name and w.id != key for w in windows(app, uow)):
            raise Refused(f"A maintenance window is called {window.name!r} already. Choose another name.")
        stored = uow.maintenance.replace(key, replace(window, by=before.by), version)
        counted = recompute_changed(app, uow, [before, stored], now)
        _audit(uow, now, actor, "maintenance.change", stored, counted=counted)
    return find(app, stored.id or key)


def remove(app: App, key: int, *, actor: str, version: int | None = None) -> None:
    """It never was: what it excluded counts again. To stop one that is on, `end` it. Raises as `change`."""
    now = app.now()
    with app.store.write() as uow:
        window, _ = uow.maintenance.get(key)
        uow.maintenance.remove(key, now, version)
        counted = recompute_changed(app, uow, [window], now)
        _audit(uow, now, actor, "maintenance.remove", window, counted=counted)


def end(app: App, which: str, *, actor: str) -> PlannedMaintenance | None:
    """Stop a stored window now, by its name or id; what it covered so far stays maintenance.

    None: it had not begun, so nothing is left of it.

    Raises:
        UnknownName: there is no such window.
        Refused: it lies in maintenance.yaml, or is over.
    """
    now = app.now()
    with app.store.write() as uow:
        window = _find(app, uow, which)
        key = window.id or 0
        on = next(iter(occurrences(window, now, now + 1)), None)
        began = [o for o in occurrences(window, 0 if window.rrule is None else _first(window), now) if o.start < now]
        later = occurrences(window, now + 1, now + AHEAD_S)
        if on is None and not later:
            raise Refused(
                f"Window {window.name} is over; it ended {iso(began[-1].end) if began else 'without an occurrence'}."
            )
        if not began:
            uow.maintenance.remove(key, now)
            _audit(uow, now, actor, "maintenance.end", window)
            return None
        current = None
        if on is not None:
            local = from_epoch(on.start).astimezone(ZoneInfo(window.zone)).replace(tzinfo=None)
            current = replace(window, start=local, duration_s=max(now - on.start, 1), rrule=None, exdates=())
        if current is not None and (window.rrule is None or len(began) == 1):
            uow.maintenance.replace(key, current)
        else:
            stop = (on.start if on is not None else now) - 1
            uow.maintenance.replace(key, replace(window, rrule=_until(window.rrule or "", stop)))
            if current is not None:
                uow.maintenance.add(replace(current, name=f"{window.name} (ended {iso(now)})", id=None), now)
        _audit(uow, now, actor, "maintenance.end", window)
        left, _ = uow.maintenance.get(key)
        return _planned(app, uow, left, now)


def _checked(window: Window) -> tuple[Problem, ...]:
    problems = validate(window)
    errors = [p for p in problems if p.level == "error"]
    if errors:
        raise ConfigError(errors)
    return problems


def _planned(app: App, uow: UnitOfWork, window: Window, now: int) -> PlannedMaintenance:
    return _of(known_sources(app, uow, None), window, now)


def _of(sources: Mapping[str, Source], window: Window, now: int) -> PlannedMaintenance:
    found = occurrences(window, now, now + AHEAD_S)
    names = tuple(s.name for s in sources.values() if window.select.matches(s))
    return PlannedMaintenance(window, names, found[0] if found else None, bool(found) and found[0].start <= now)


def _find(app: App, uow: UnitOfWork, which: str) -> Window:
    stored = uow.maintenance.all()
    found = [w for w in stored if w.name == which or str(w.id) == which]
    if found:
        return found[0]
    filed = next((w for w in app.config.windows if w.name == which), None)
    if filed is not None:
        raise Refused(
            f"Window {which} lies in the configuration ({filed.where}). Change it there: a shorter duration, an exdate."
        )
    known = ", ".join(w.name for w in (*stored, *app.config.windows)) or "none"
    raise UnknownName(f"No maintenance window is called {which!r}. There are: {known}.")


def _first(window: Window) -> int:
    """An instant before which the window has no occurrence."""
    return max(int(window.start.replace(tzinfo=UTC).timestamp()) - 2 * 86400, 0)


def _until(rrule: str, stop: int) -> str:
    """The rule, ending before an instant."""
    parts = [p for p in rrule.split(";") if p and not p.upper().startswith(("UNTIL=", "COUNT="))]
    return ";".join([*parts, f"UNTIL={from_epoch(stop):%Y%m%dT%H%M%SZ}"])


def _audit(uow: UnitOfWork, now: int, actor: str, action: str, window: Window, *, counted: int = 0) -> None:
    what = f"{window.start:%Y-%m-%d %H:%M} {window.zone} for {config_duration(window.duration_s)}"
    what += f", {selector_text(window.select)}"
    if window.rrule:
        what += f", {window.rrule}"
    if counted:
        what += f"; retroactive: {counted} observations counted again"
    if window.reason:
        what += f"; {window.reason}"
    uow.audit.append(AuditEntry(now, actor, action, f"maintenance {window.name}", what))
