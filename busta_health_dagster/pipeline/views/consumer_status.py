"""How the groups are, for the people who use the data: no source, no host, no reason, nothing that someone wrote.

A reason may hold an address, and a window's name a plan; what is not taken in here cannot be given away by a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.health import WORST_FIRST
from busta_health_dagster.domain.season import OFF_SEASON
from busta_health_dagster.domain.units import iso
from busta_health_dagster.pipeline.maintenance.index import maintenance
from busta_health_dagster.pipeline.service_levels.incidents import list_incidents
from busta_health_dagster.pipeline.service_levels.service_levels import ask
from busta_health_dagster.pipeline.views.status import fleet_health
from busta_health_dagster.wording.sentences import capital

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.domain.documents.status_page import (
        ConsumerStatus,
        GroupIncident,
        GroupMaintenance,
        GroupStatus,
    )
    from busta_health_dagster.domain.health import SourceHealth
    from busta_health_dagster.pipeline.app.app import App

AHEAD_S = 7 * 86400
STATES = ("outage", "partial_outage", "degraded", "no_data", "maintenance", "limited", OFF_SEASON, "operational")
"""Worst first."""


def consumer_status(app: App) -> ConsumerStatus:
    """The document of /status. The page has to be switched on in settings.yaml."""
    page = app.config.settings.status_page
    assert page is not None, "the status page is off"
    names = page.groups or {s.group: capital(s.group.replace("_", " ")) for s in app.config.sources.values()}
    health = fleet_health(app)
    rows: dict[str, list[SourceHealth]] = {group: [] for group in names}
    for row in health.rows:
        if row.group in rows:
            rows[row.group].append(row)
    groups: list[GroupStatus] = []
    for group, members in rows.items():
        state, since = group_state(members)
        groups.append({"name": names[group], "state": state, "since": iso(since)})
    return {
        "title": page.title,
        "at": iso(health.at),
        "checked_at": iso(health.tick_at),
        "stale": health.stale_monitor,
        "state": min((g["state"] for g in groups), key=STATES.index, default="no_data"),
        "groups": groups,
        "incidents": _incidents(app, names),
        "maintenance": _maintenance(app, names, health.at),
    }


def group_state(members: Sequence[SourceHealth]) -> tuple[str, int | None]:
    """The state of a group, and since when the worst of its members is so. Unknown is never operational."""
    if not members:
        return "no_data", None
    worst = min((m.shown for m in members), key=WORST_FIRST.index)
    alike = [m for m in members if m.shown == worst]
    since = min((m.since for m in alike if m.since is not None), default=None)
    if worst == "down":
        counted = [m for m in members if m.shown not in {"maintenance", OFF_SEASON}]
        return "outage" if len(alike) == len(counted) else "partial_outage", since
    if worst == "up":
        return "limited" if any(m.but for m in members) else "operational", None
    if worst == OFF_SEASON and any(m.shown == "up" for m in members):
        return "limited" if any(m.but for m in members) else "operational", None
    return ("no_data" if worst == "unknown" else worst), since if worst == "degraded" else None


def _incidents(app: App, names: Mapping[str, str]) -> list[GroupIncident]:
    sources, now = app.config.sources, app.now()
    return [
        {
            "id": i.id,
            "group": names[sources[i.source].group],
            "kind": "outage" if any(_is_outage(app, i.source, rule) for rule in i.rules) else "degradation",
            "started_at": iso(i.started_at),
            "ended_at": iso(i.resolved_at),
            "lasted_s": i.age_s(now),
        }
        for i in list_incidents(app, ask(app, "30d")).incidents
        if i.source in sources and sources[i.source].group in names
    ]


def _is_outage(app: App, source: str, name: str) -> bool:
    """Is the rule about whether the source answers? One that the configuration has no more goes by its usual name."""
    rule = app.rulebook.rule(source, name)
    return name == "source-down" if rule is None else any(c.metric == "status" for c in rule.conditions)


def _maintenance(app: App, names: Mapping[str, str], now: int) -> list[GroupMaintenance]:
    with app.store.read() as uow:
        occurrences = maintenance(app, uow, now, now + AHEAD_S).occurrences()
    found: list[GroupMaintenance] = []
    for o in occurrences:
        touched = {s.group for s in app.config.sources.values() if o.select.matches(s)}
        found += [
            {"group": name, "start": iso(o.start), "end": iso(o.end), "now": o.start <= now < o.end}
            for group, name in names.items()
            if group in touched
        ]
    return found
