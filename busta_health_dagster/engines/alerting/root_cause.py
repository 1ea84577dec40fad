"""Several sources of one provider fail of one rule at about the same time: what they share has failed, and one message says so.

The alerts stay: each is acknowledged, escalated and explained by itself. They share a thread, which their resolutions end
together, and which a late one joins. A lone alert that was announced a moment ago lends its thread: its message becomes that of
the provider, so that nothing is told twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from busta_health_dagster.domain.policy import Grouping
    from busta_health_dagster.domain.source import Source

OWN_THREAD = "alert-"
"""How the thread of a lone alert begins."""


@dataclass(frozen=True, slots=True)
class RootCause:
    """`names` are to be announced under it. `thread` is the one they join; empty: a new one. `lender` has been announced alone
    in that thread. `known`: those who read that thread have been notified of this cause.
    """

    provider: str
    rule: str
    names: tuple[str, ...]
    thread: str = ""
    lender: str = ""
    known: bool = False


def root_causes(
    alerts: Mapping[str, Alert],
    announcing: Collection[str],
    sources: Mapping[str, Source],
    grouping: Grouping,
    now: int,
) -> list[RootCause]:
    """The causes behind what opens in this pass. `announcing` are the fingerprints of those alerts; `alerts` are all that are
    watched.
    """
    policy = grouping.provider
    if policy is None or not announcing:
        return []
    wanted = {key for name in announcing if (key := _key(alerts[name], sources)) is not None}
    if not wanted:
        return []
    sizes = provider_sizes(sources.values())
    open_by: dict[tuple[str, str], list[Alert]] = defaultdict(list)
    for alert in alerts.values():
        key = _key(alert, sources)
        if key in wanted and alert.state is AlertState.OPEN and not alert.shadow and not alert.suppressed_by:
            open_by[key].append(alert)
    found = []
    for provider, rule in sorted(wanted):
        mine = sorted(open_by[provider, rule], key=lambda a: (a.opened_at or 0, a.fingerprint))
        parts = [a for a in mine if a.cause and a.thread and a.fingerprint not in announcing]
        recent = [a for a in mine if now - (a.opened_at or now) <= policy.within_s]
        counted = len(mine if parts else recent)
        if counted < policy.least or counted < policy.share * sizes[provider]:
            continue
        names = tuple(a.fingerprint for a in mine if a.fingerprint in announcing or (a.held and not a.aware))
        if parts:
            found.append(RootCause(provider, rule, names, parts[0].thread, known=True))
            continue
        alone = next((a for a in recent if a.fingerprint not in names and a.thread.startswith(OWN_THREAD)), None)
        found.append(
            RootCause(provider, rule, names)
            if alone is None
            else RootCause(provider, rule, names, alone.thread, alone.fingerprint)
        )
    return found


def provider_sizes(sources: Iterable[Source]) -> Counter[str]:
    """How many sources each provider has."""
    return Counter(source.provider for source in sources if source.provider)


def _key(alert: Alert, sources: Mapping[str, Source]) -> tuple[str, str] | None:
    source = sources.get(alert.source)
    return None if source is None or not source.provider or alert.label else (source.provider, alert.rule)
