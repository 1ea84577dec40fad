"""Which source and rule cost how many messages, and how many of them anyone acted upon."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.engines.tuning import self_resolved

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.domain.alert import Alert

WEEK_S = 7 * 86400


@dataclass(frozen=True, slots=True)
class NoisyPair:
    """A source and a rule. `unheeded`: messages of its alerts that no one acknowledged; `self_resolved`: alerts over within 10
    minutes and before anybody acknowledged.
    """

    source: str
    rule: str
    messages: int
    per_week: float
    alerts: int
    acknowledged: int
    self_resolved: int
    unheeded: int

    def share(self, of_alerts: int) -> float | None:
        """Percent of its alerts, rounded down to a tenth; None without any."""
        return 1000 * of_alerts // self.alerts / 10 if self.alerts else None


def noisy_pairs(alerts: Iterable[Alert], messages: Iterable[int], span_s: int) -> tuple[NoisyPair, ...]:
    """The pairs, those with the most unheeded messages first. `messages` are the ids of the alerts that messages of the span
    were about, one for each message; alerts in shadow mode and those that sent nothing are left out.
    """
    sent = Counter(messages)
    by_pair: dict[tuple[str, str], list[Alert]] = defaultdict(list)
    for alert in alerts:
        if not alert.shadow and sent[alert.id or 0]:
            by_pair[alert.source, alert.rule].append(alert)
    found = []
    for (source, rule), mine in by_pair.items():
        count = sum(sent[a.id or 0] for a in mine)
        heeded = [a for a in mine if a.first_acked_at is not None]
        unheeded = count - sum(sent[a.id or 0] for a in heeded)
        per_week = count * WEEK_S / max(span_s, 1)
        found.append(
            NoisyPair(source, rule, count, per_week, len(mine), len(heeded), sum(map(self_resolved, mine)), unheeded)
        )
    return tuple(sorted(found, key=lambda p: (-p.unheeded, -p.messages, p.source, p.rule)))
