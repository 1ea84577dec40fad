"""What was noisy, and what to change about it: decided from what happened, each with its evidence.

Nothing here is replayed: `busta backtest` shows what another number would have cost.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from busta_health_dagster.domain.report import SELF_RESOLVED_S
from busta_health_dagster.domain.report_running import NoiseRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.incident import Incident
    from busta_health_dagster.domain.source import Source

SHADOW_GOAL = 0.05
"""False alarms per source and week that a shadow rule may have had before it may notify."""
_WEEK_S = 7 * 86400
_EARLY_S = 3600
_MOST = 5


@dataclass(frozen=True, slots=True)
class Past:
    """What the last weeks were: alerts that opened in it (shadow ones too), incidents, and how long that is."""

    alerts: Sequence[Alert]
    incidents: Sequence[Incident]
    sources: Mapping[str, Source]
    span_s: int
    status_rules: frozenset[str] = frozenset({"source-down"})


def self_resolved(alert: Alert) -> bool:
    """Over within 10 minutes, and before anybody acknowledged."""
    if alert.resolved_at is None or alert.opened_at is None or alert.resolved_at - alert.opened_at > SELF_RESOLVED_S:
        return False
    return alert.first_acked_at is None or alert.first_acked_at > alert.resolved_at


def noise(
    alerts: Iterable[Alert],
    sent: Mapping[str, int],
    flapping: Mapping[str, tuple[str, ...]],
    rules: Mapping[str, bool],
    notified: Collection[int],
) -> tuple[NoiseRow, ...]:
    """One row per rule, the loudest first. `rules` are the configured ones, with whether they are in shadow mode; `told` are the
    ids of the alerts that someone was notified of.
    """
    by_rule: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_rule[alert.rule].append(alert)
    rows = []
    for name in {*rules, *by_rule, *sent}:
        mine = by_rule[name]
        loud = [a for a in mine if not a.shadow]
        rows.append(
            NoiseRow(
                name,
                rules.get(name, bool(mine) and not loud),
                len(mine),
                sent.get(name, 0),
                sum(map(self_resolved, mine)),
                sum(a.first_acked_at is None and a.id in notified for a in loud),
                flapping.get(name, ()),
            )
        )
    return tuple(sorted(rows, key=lambda r: (-r.sent, r.shadow, -r.opened, r.rule)))


def suggestions(rows: Sequence[NoiseRow], past: Past) -> tuple[tuple[str, str], ...]:
    """(what, the evidence) of at most five changes that the past supports."""
    short = list(_short(past))
    tuned = {what.partition(":")[0] for what, _ in short}
    found = [
        *short,
        *_twins(past),
        *_flapping(rows, tuned),
        *_by_itself(rows, past),
        *_on_trial(rows, past),
        *_unheard(rows),
    ]
    return tuple(found[:_MOST])


def _short(past: Past) -> Iterable[tuple[str, str]]:
    """Outages that were over at the next check."""
    downs: dict[str, list[Alert]] = defaultdict(list)
    for alert in past.alerts:
        if alert.rule in past.status_rules and not alert.shadow:
            downs[alert.source].append(alert)
    counted = []
    for name, mine in downs.items():
        source = past.sources.get(name)
        short = sum(source is not None and _bad_for(a) <= source.interval_s for a in mine)
        if source is not None and short >= 3 and 2 * short >= len(mine):
            counted.append((-short, name, len(mine), source.confirm))
    for less, name, n, confirm in sorted(counted):
        yield (
            f"{name}: {confirm + 1} confirmations instead of {confirm}",
            f"{-less} of its {n} outages were over at the next check; the notification of a real one comes some seconds later",
        )


def _bad_for(alert: Alert) -> float:
    if alert.first_bad_slot is None or alert.first_good_slot is None:
        return float("inf")
    return alert.first_good_slot - alert.first_bad_slot


def _twins(past: Past) -> Iterable[tuple[str, str]]:
    """Sources that fail together, again and again, are one thing to acknowledge."""
    together: dict[int, set[str]] = defaultdict(set)
    for incident in past.incidents:
        together[incident.started_at].add(incident.source)
    pairs = Counter(
        pair for names in together.values() if 2 <= len(names) <= 4 for pair in combinations(sorted(names), 2)
    )
    for (a, b), n in pairs.most_common(2):
        one, other = past.sources.get(a), past.sources.get(b)
        if n >= 2 and one is not None and other is not None and one.group != other.group:
            yield f"{a} and {b}: one group", f"they failed in the same slot {n} times; one message would do"


def _flapping(rows: Sequence[NoiseRow], tuned: Collection[str]) -> Iterable[tuple[str, str]]:
    for row in rows:
        left = [name for name in row.flapping if name not in tuned]
        if left and not row.shadow:
            yield (
                f"{row.rule}: a longer 'for', or a larger 'recover_after', for {' and '.join(left[:3])}",
                "it flapped this week",
            )


def _by_itself(rows: Sequence[NoiseRow], past: Past) -> Iterable[tuple[str, str]]:
    for row in rows:
        if (
            row.rule not in past.status_rules
            and row.opened >= 4
            and 2 * row.self_resolved >= row.opened
            and not row.shadow
        ):
            share = f"{row.self_resolved} of its {row.opened} alerts ended by themselves within 10 minutes"
            yield f"{row.rule}: one more evaluation ('for')", share


def _on_trial(rows: Sequence[NoiseRow], past: Past) -> Iterable[tuple[str, str]]:
    """Would a shadow rule have been right? Its alerts beside the incidents of the same source."""
    weeks = max(len(past.sources), 1) * past.span_s / _WEEK_S
    for row in rows:
        mine = [a for a in past.alerts if a.rule == row.rule and a.shadow]
        if not row.shadow or not mine:
            continue
        false = sum(not _near_an_incident(a, past.incidents) for a in mine)
        rate = false / weeks
        ready = rate <= SHADOW_GOAL
        said = f"of {len(mine)} alerts {len(mine) - false} lay beside an incident, {false} did not ({rate:.2f} per source-week"
        yield (
            f"{row.rule}: {'may leave its trial' if ready else 'stay in shadow mode'}",
            f"{said}; goal {SHADOW_GOAL})",
        )


def _near_an_incident(alert: Alert, incidents: Iterable[Incident]) -> bool:
    at = alert.opened_at or 0
    return any(
        i.source == alert.source and i.started_at - _EARLY_S <= at and (i.resolved_at is None or at <= i.resolved_at)
        for i in incidents
    )


def _unheard(rows: Sequence[NoiseRow]) -> Iterable[tuple[str, str]]:
    for row in rows:
        if not row.shadow and row.sent >= 5 and row.never_acked == row.opened >= 3:
            yield f"{row.rule}: tell someone else", f"no one acknowledged any of its {row.opened} alerts"
