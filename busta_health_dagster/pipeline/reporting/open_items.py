"""What still needs someone, worst first: open incidents, and alerts that make none (no data, the monitor itself)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, Event
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.report import OpenItem
from busta_health_dagster.domain.rule import Pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.domain.incident import Incident
    from busta_health_dagster.domain.report import SlaRow, Week
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.domain.uptime_and_budget import SliceCounts
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.alerts import StoredTransition

IMPORTED = "imported"
NEAR_S = 2 * 3600
"""A source that may be down for no longer than this until it misses its target says so."""
_SAID = frozenset({Event.OPENED, Event.REOPENED, Event.ESCALATED})
_RANK = {"down": 0, "degraded": 1, "unknown": 2}
_METRICS = {"response_ms": "slow", "data_age_s": "stale", "quality": "poor", "items": "thin"}
_PATTERNS = {
    Pattern.STATUS: "down",
    Pattern.RATE: "failing",
    Pattern.NO_DATA: "unseen",
    Pattern.ANOMALY: "unusual",
    Pattern.BURN_RATE: "burning",
    Pattern.TREND: "drifting",
    Pattern.QUOTA: "short of credits",
    Pattern.NO_SCORE: "not scored",
}
_DO = {
    "down": "call the provider, or switch to a backup feed",
    "slow": "ask the provider; if this is how it is now, raise its limit",
    "stale": "ask the team that delivers it for what is missing",
    "poor": "see the failing checks: busta quality show",
    "failing": "check what the failures have in common: busta sources history",
    "unseen": "see why no observation was made: busta config doctor, and the runs of health_tick",
    "flapping": "ask the provider why it comes and goes; meanwhile more confirmations keep it quiet",
    "burning": "keep it from failing again: its error budget runs out",
}
_WORST = ("down", "unseen", "stale", "failing", "slow", "flapping", "poor", "burning")


def open_items(
    app: App,
    uow: UnitOfWork,
    week: Week,
    incidents: Sequence[Incident],
    sources: Mapping[str, Source],
    levels: Mapping[str, SlaRow],
    counts: Mapping[str, SliceCounts],
) -> tuple[OpenItem, ...]:
    """As of `week.as_of`."""
    standing = [
        a
        for a in uow.alerts.list(since=week.as_of, until=week.as_of + 1, shadow=False)
        if a.opened_at is not None and a.opened_at <= week.as_of
    ]
    taken = {key for i in incidents for key in i.alert_ids}
    alone = [[a] for a in standing if a.id not in taken]
    groups = [[a for a in uow.alerts.by_ids(i.alert_ids) if _stands(a, week.as_of)] for i in incidents]
    alerts = [a for group in (*groups, *alone) for a in group]
    history: dict[int, list[StoredTransition]] = {}
    for stored in uow.transitions.of_all([a.id for a in alerts if a.id is not None]):
        if stored.transition.at <= week.as_of:
            history.setdefault(stored.alert_id, []).append(stored)
    observations = _observations(uow, sorted({a.source for a in alerts} & sources.keys()), sources, week.as_of)
    found = []
    for group, incident in zip([*groups, *alone], [*incidents, *[None] * len(alone)], strict=True):
        if group:
            found.append(_item(app, group, incident, history, sources, levels, counts, observations))
    return tuple(sorted(found, key=lambda i: (_RANK[i.status], i.since, i.source)))


def _stands(alert: Alert, at: int) -> bool:
    return (
        alert.opened_at is not None and alert.opened_at <= at and (alert.resolved_at is None or alert.resolved_at > at)
    )


def _item(
    app: App,
    group: Sequence[Alert],
    incident: Incident | None,
    history: Mapping[int, Sequence[StoredTransition]],
    sources: Mapping[str, Source],
    levels: Mapping[str, SlaRow],
    counts: Mapping[str, SliceCounts],
    observations: Mapping[str, str],
) -> OpenItem:
    kinds = {a.rule: _kind(app, a, history.get(a.id or 0, ())) for a in group}
    order = {kind: rank for rank, kind in enumerate(_WORST)}
    worst = min(group, key=lambda a: (order.get(kinds[a.rule], 99), -a.severity, a.id or 0))
    kind = kinds[worst.rule]
    said = [t.transition for t in history.get(worst.id or 0, ())]
    reason = next((t.reason for t in reversed(said) if t.event in _SAID), worst.bad_reason)
    source, level = sources.get(worst.source), levels.get(worst.source)
    near = level is not None and level.spare_s is not None and level.spare_s <= NEAR_S
    slices = counts.get(worst.source)
    return OpenItem(
        source=worst.source,
        status="down" if kind == "down" else "unknown" if incident is None else "degraded",
        state=kind,
        since=incident.started_at if incident else worst.first_bad_slot or worst.opened_at or 0,
        reason=_plain(observations.get(worst.source, "") if kind == "down" else worst.bad_reason or reason),
        do=_DO.get(kind, f"see busta alerts explain {worst.id}"),
        rules=tuple(sorted({a.rule for a in group})),
        incident=incident.id if incident else "",
        acked_by=next((who for a in group if (who := _acked_by(history.get(a.id or 0, ())))), ""),
        feeds=source.feeds if source else (),
        runbook=(source.runbook or "") if source else "",
        bad_slices=float(slices.bad(source.sla.degraded)) if source and slices else 0.0,
        spare_s=level.spare_s if near and level else None,
        budget_left=level.budget_left if near and level else None,
    )


def _kind(app: App, alert: Alert, history: Sequence[StoredTransition]) -> str:
    flapping = False
    for stored in history:
        if stored.transition.event in {Event.FLAPPING_STARTED, Event.FLAPPING_ENDED}:
            flapping = stored.transition.event is Event.FLAPPING_STARTED
    return "flapping" if flapping else kind_of(app, alert.rule)


def kind_of(app: App, rule: str) -> str:
    """What a rule says of a source, as one word; the rule's own name where it is of another kind."""
    known = next((r for r in app.config.rules if r.name == rule), None)
    if known is None:
        return rule
    if known.pattern in _PATTERNS:
        return _PATTERNS[known.pattern]
    return _METRICS.get(known.conditions[0].metric, rule) if len(known.conditions) == 1 else rule


def _acked_by(history: Sequence[StoredTransition]) -> str:
    who = ""
    for stored in history:
        if stored.transition.event is Event.ACKED:
            who = stored.transition.actor or "someone"
        elif stored.transition.event is Event.UNACKED:
            who = ""
    return who


def _observations(uow: UnitOfWork, names: Sequence[str], sources: Mapping[str, Source], at: int) -> dict[str, str]:
    """What the newest bad observation before `at` said of each source, while observations of that time are kept."""
    known = {s.name for s in uow.sources.all()}
    names = [n for n in names if n in known]
    back = max((2 * sources[n].interval_s for n in names), default=0)
    found = uow.observations.window(names, at - back, at) if names else {}
    said = {}
    for name, seen in found.items():
        bad = [o for o in seen if o.status is Status.DOWN]
        if bad and bad[-1].reason != IMPORTED:
            said[name] = bad[-1].detail or bad[-1].reason.replace("_", " ")
    return said


def _plain(reason: str) -> str:
    return " ".join(reason.split())[:300]
