"""What the rules of one source ask of its window: how long which values are remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.quota import LOOKBACK_S, QUOTA_REMAINING
from busta_health_dagster.domain.rule import Pattern, Rule
from busta_health_dagster.engines.alerting.flapping import STATES
from busta_health_dagster.engines.rules.rings import BURN_SLOTS

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Needs:
    """What the effective rules of a source ask of its window. `series` is (metric, seconds), the longest per metric."""

    series: tuple[tuple[str, int], ...] = ()
    rates: tuple[int, ...] = ()
    burn: bool = False
    flapping: bool = False

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> Needs:
        series: dict[str, int] = {}
        rates: set[int] = set()
        patterns = set()
        for rule in rules:
            patterns.add(rule.pattern)
            if rule.pattern is Pattern.QUOTA:
                series[QUOTA_REMAINING] = max(series.get(QUOTA_REMAINING, 0), rule.over_s or LOOKBACK_S)
            for c in rule.conditions:
                over = c.over_s or rule.over_s
                if over and rule.pattern is Pattern.RATE:
                    rates.add(over)
                elif over and (c.agg != "last" or rule.pattern is Pattern.TREND):
                    series[c.metric] = max(series.get(c.metric, 0), over)
        return cls(
            tuple(sorted(series.items())),
            tuple(sorted(rates)),
            Pattern.BURN_RATE in patterns,
            Pattern.FLAPPING in patterns,
        )

    def lookback_s(self, interval_s: int) -> int:
        """How far back stored observations must be pushed to rebuild a window."""
        return max(
            max((over for _, over in self.series), default=0),
            max(self.rates, default=0),
            STATES * interval_s if self.flapping else 0,
            BURN_SLOTS * interval_s if self.burn else 0,
            6 * interval_s,
        )
