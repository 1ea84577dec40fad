"""Rule pattern `quota`: the credits of a metered API end before they are renewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.quota import LOOKBACK_S, QUOTA_LIMIT, QUOTA_REMAINING, QUOTA_RESET
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.engines.quota import forecast
from busta_health_dagster.engines.rules.evaluators import BAD, GOOD, UNKNOWN, Evaluator
from busta_health_dagster.engines.rules.metrics import index_of, position

if TYPE_CHECKING:
    from busta_health_dagster.domain.quota import QuotaForecast
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.rules.window import SourceWindow


class CreditsEnd(Evaluator):
    """Unknown until there are enough observations for a rate."""

    __slots__ = ("index",)

    def __init__(self, rule: Rule, source: Source) -> None:
        super().__init__(rule, source)
        self.index = index_of(QUOTA_REMAINING, source)

    def outcome(self, w: SourceWindow) -> Outcome | None:
        if not w.fresh & (1 << self.index):
            return None
        found = self._forecast(w)
        if found is None or found.short is None:
            return UNKNOWN
        return BAD if found.short else GOOD

    def explain(self, w: SourceWindow, outcome: Outcome) -> Verdict:
        found = self._forecast(w)
        if found is None:
            return Verdict(outcome, w.slot, "no observation said how many credits are left")
        return Verdict(outcome, w.slot, found.reason, found.remaining, None, {"quota": found.as_json()})

    def _forecast(self, w: SourceWindow) -> QuotaForecast | None:
        assert self.source.quota is not None
        points = w.series[self.index].since(w.slot - (self.rule.over_s or LOOKBACK_S))
        return forecast(self.source.quota, points, limit=self._value(w, QUOTA_LIMIT), reset=self._value(w, QUOTA_RESET))

    def _value(self, w: SourceWindow, metric: str) -> float | None:
        at = position(metric, self.source)
        return None if at is None else w.values[at]


def credits_end(rule: Rule, source: Source) -> Evaluator | str:
    """Or why the rule cannot apply."""
    return "the source has no quota" if source.quota is None else CreditsEnd(rule, source)
