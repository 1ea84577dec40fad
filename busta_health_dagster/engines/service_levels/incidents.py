"""Alerts -> incidents by interval union per source, and what they say together: MTTD, MTTA, MTTR, MTBF."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from busta_health_dagster.domain.incident import AlertSpan, Incident, IncidentSummary, Spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from busta_health_dagster.domain.source import Source

GRACE_S = 900
By = Literal["source", "type", "tier", "rule", "fleet"]


def build(spans: Iterable[AlertSpan], *, grace_s: int = GRACE_S) -> list[Incident]:
    """The incidents that these alerts were, by start.

    Bad stretches of one source that overlap, touch, or lie at most `grace_s` apart are one incident, whichever alerts they
    belong to. An alert that reopened later (flapping had kept it open long after the source was up) is in several. The
    order of the spans does not matter.
    """
    by_source: dict[tuple[str, str], list[AlertSpan]] = defaultdict(list)
    for span in spans:
        if span.makes_incident:
            by_source[span.source, span.subject].append(span)
    incidents = [_incident(group) for alerts in by_source.values() for group in _unions(alerts, grace_s)]
    return _numbered(sorted(incidents, key=lambda i: (i.started_at, i.source, i.alert_ids)))


def as_of(spans: Iterable[AlertSpan], at: int) -> list[AlertSpan]:
    """The same alerts as they were known at the instant `at`: what came later is taken back."""

    def before(moment: int | None) -> int | None:
        return moment if moment is not None and moment <= at else None

    return [
        replace(
            span,
            last_bad_slot=min(span.last_bad_slot, at),
            first_good_slot_after=before(span.first_good_slot_after),
            acked_at=before(span.acked_at),
            freed_at=before(span.freed_at),
            resolved_at=before(span.resolved_at),
        )
        for span in spans
        if span.opened_at <= at
    ]


def resolved_in(incidents: Iterable[Incident], since: int, until: int) -> list[Incident]:
    """The cohort of a window: those whose end lies in [since, until)."""
    return [i for i in incidents if i.resolved_at is not None and since <= i.resolved_at < until]


def open_by_age(incidents: Iterable[Incident], at: int) -> list[Incident]:
    """Those not resolved yet, oldest first."""
    return sorted((i for i in incidents if i.resolved_at is None), key=lambda i: (-i.age_s(at), i.source))


def summarise(incidents: Sequence[Incident], *, since: int, until: int, up_s: float | None) -> IncidentSummary:
    """The numbers of the incidents resolved in [since, until).

    `up_s` is the uptime of all the sources concerned in that window (good slices x their length); None: not known.
    """
    cohort = resolved_in(incidents, since, until)
    of_sources = sum(not i.subject for i in cohort)  # the rest of the instance has no uptime that could be divided
    return IncidentSummary(
        resolved=len(cohort),
        mttr=spread(i.resolve_s for i in cohort),
        mtta=spread(i.acknowledge_s for i in cohort),
        mttd=spread(i.detect_s for i in cohort),
        mtbf_s=_number(Fraction(up_s) / of_sources) if of_sources and up_s is not None else None,
        open=sum(i.resolved_at is None for i in incidents),
    )


def summarise_by(
    by: By,
    incidents: Iterable[Incident],
    sources: Mapping[str, Source],
    *,
    since: int,
    until: int,
    up_s: Mapping[str, float],
) -> dict[str, IncidentSummary]:
    """One summary per source, type, tier or rule, or one for the fleet. `up_s` is the uptime of each source in the
    window.

    An incident with several rules counts under each; the MTBF of a rule is over the uptime of the whole fleet. A
    source that the configuration no longer names stands under type and tier `removed`.
    """
    keys = _keys(by, sources)
    groups: dict[str, list[Incident]] = defaultdict(list)
    for incident in incidents:
        for key in keys(incident):
            groups[key].append(incident)
    uptime: dict[str, float] = defaultdict(float)
    for name, seconds in up_s.items():
        uptime[_group_of(by, name, sources)] += seconds
    whole = float(sum(up_s.values()))
    return {
        key: summarise(groups[key], since=since, until=until, up_s=whole if by == "rule" else uptime.get(key))
        for key in sorted(groups)
    }


def spread(durations: Iterable[int | None]) -> Spread:
    """Mean, median, p90 by nearest rank. None is left out."""
    values = sorted(d for d in durations if d is not None)
    if not values:
        return Spread()
    n = len(values)
    median = Fraction(values[(n - 1) // 2] + values[n // 2], 2)
    return Spread(n, _number(Fraction(sum(values), n)), _number(median), values[-(-9 * n // 10) - 1])


def _numbered(incidents: Iterable[Incident]) -> list[Incident]:
    """Those of one alert are numbered apart: INC-12, INC-12.2."""
    seen: Counter[int] = Counter()
    out = []
    for incident in incidents:
        seen[incident.alert_ids[0]] += 1
        out.append(replace(incident, part=seen[incident.alert_ids[0]]))
    return out


def _unions(alerts: Iterable[AlertSpan], grace_s: int) -> list[list[AlertSpan]]:
    groups: list[list[AlertSpan]] = []
    reach: float = -1
    for alert in sorted(alerts, key=lambda a: (a.first_bad_slot, a.alert_id)):
        end = _end(alert)
        if groups and alert.first_bad_slot <= reach + grace_s:
            groups[-1].append(alert)
            reach = max(reach, end)
        else:
            groups.append([alert])
            reach = end
    return groups


def _end(alert: AlertSpan) -> float:
    """The first good slot; for one that ended without (resolved by hand, removed) the moment it ended; else not yet."""
    if alert.resolved_at is None:
        return float("inf")
    return max(alert.first_good_slot_after or alert.resolved_at, alert.last_bad_slot)


def _incident(alerts: Sequence[AlertSpan]) -> Incident:
    end = max(_end(a) for a in alerts)
    return Incident(
        source=alerts[0].source,
        alert_ids=tuple(sorted({a.alert_id for a in alerts})),
        rules=tuple(sorted({a.rule for a in alerts})),
        severity=max(a.severity for a in alerts),
        started_at=min(a.first_bad_slot for a in alerts),
        opened_at=min(a.opened_at for a in alerts),
        acked_at=_earliest(a.acked_at for a in alerts),
        resolved_at=None if end == float("inf") else int(end),
        last_bad_slot=max(a.last_bad_slot for a in alerts),
        subject=alerts[0].subject,
        held=all(a.acked_at is not None and a.freed_at is None for a in alerts if a.resolved_at is None),
    )


def _keys(by: By, sources: Mapping[str, Source]) -> Callable[[Incident], Iterable[str]]:
    if by == "rule":
        return lambda incident: incident.rules
    return lambda incident: (_group_of(by, incident.source, sources),)


def _group_of(by: By, name: str, sources: Mapping[str, Source]) -> str:
    if by in ("source", "fleet", "rule"):
        return name if by == "source" else by
    known = sources.get(name)
    if known is None:
        return "removed"
    return known.type if by == "type" else str(known.tier)


def _earliest(moments: Iterable[int | None]) -> int | None:
    return min((m for m in moments if m is not None), default=None)


def _number(value: Fraction) -> float:
    return int(value) if value.denominator == 1 else float(value)
