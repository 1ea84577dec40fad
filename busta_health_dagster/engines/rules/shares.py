"""Rules about shares of slots and about directions: failure rate, burn rate, trend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.engines.rules.evaluators import BAD, GOOD, OPS, UNKNOWN, Evaluator
from busta_health_dagster.engines.rules.limits import limit_text, limit_value, value_text
from busta_health_dagster.engines.rules.metrics import SLOTTED_BIT, index_of
from busta_health_dagster.engines.service_levels.burn import firing_tier
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.rules.window import SourceWindow

CLEARS_AFTER = 6
"""Good observations in a row that clear a failure rate: without it a 20-minute outage holds a 6-hour rate for 340 minutes
more.
"""

MONTH_S = 30 * 86400
LEAST_ALLOWANCE = 10
"""Bad slots a month must allow before burning them is known apart from a blip (99.9% at 5 minutes: 8.64)."""


class FailureRate(Evaluator):
    """More than `value` percent failed over the window, at least `min_bad` failed, and one failed among the last
    six.
    """

    __slots__ = ("limit", "op", "over_s")

    def __init__(self, rule: Rule, source: Source, limit: float, over_s: int) -> None:
        super().__init__(rule, source)
        self.limit, self.over_s = limit, over_s
        self.op = OPS[rule.conditions[0].op]

    def outcome(self, w: SourceWindow) -> Outcome | None:
        if not w.fresh & SLOTTED_BIT:
            return None
        if w.good_run >= CLEARS_AFTER:
            return GOOD
        ring = w.rates[self.over_s]
        if ring.bad < self.rule.min_bad:
            return GOOD
        return BAD if self.op(100 * ring.bad / len(ring.slots), self.limit) else GOOD

    def explain(self, w: SourceWindow, outcome: Outcome) -> Verdict:
        ring = w.rates[self.over_s]
        share = 100 * ring.bad / len(ring.slots) if ring.slots else None
        over = config_duration(self.over_s)
        shown = "no observation" if share is None else f"{share:.2f}% failed"
        reason = f"{shown} ({ring.bad} of {ring.observed}) over {over}, limit {self.limit:g}% and at least {self.rule.min_bad}"
        if w.good_run >= CLEARS_AFTER:
            reason += f"; {CLEARS_AFTER} good in a row"
        numbers = {"failed": ring.bad, "observed": ring.observed, "over_s": self.over_s, "good_in_a_row": w.good_run}
        return Verdict(
            outcome,
            w.slot,
            reason,
            share,
            self.limit,
            numbers,
            settled=outcome is GOOD and w.good_run >= max(CLEARS_AFTER, self.rule.recover_after),
            last_bad=w.last_failed or None,
        )


class BurnRate(Evaluator):
    """Error budget burnt over the source's own slots: page A or B, ticket C; the rule's severity is a ceiling."""

    __slots__ = ()

    def outcome(self, w: SourceWindow) -> Outcome | None:
        if not w.fresh & SLOTTED_BIT or w.burn is None:
            return None
        s = w.burn.sums  # half-points over 3, 6, 12, 72, 864 slots
        if s[3] < 4 and s[4] < 18 and s[2] < 6:
            return GOOD
        return BAD if firing_tier(w.burn.bad) else GOOD

    def explain(self, w: SourceWindow, outcome: Outcome) -> Verdict:
        assert w.burn is not None
        tier = firing_tier(w.burn.bad)
        allowed = (1 - self.source.sla.uptime) * MONTH_S / w.interval_s
        numbers: dict[str, Any] = {f"bad_of_{size}": w.burn.bad(size) for size in (3, 6, 12, 72, 864)}
        numbers |= {"tier": tier.name if tier else None, "allowed_in_30d": float(allowed)}
        if tier is None:
            reason = f"{w.burn.bad(12):g} of the last 12 slots bad, {w.burn.bad(864):g} of 864: no tier holds"
            return Verdict(outcome, w.slot, reason, None, None, numbers)
        reason = (
            f"tier {tier.name}: {w.burn.bad(tier.long):g} of the last {tier.long} slots bad (limit {tier.long_bad}) and "
            f"{w.burn.bad(tier.short):g} of {tier.short} (limit {tier.short_bad}); 30 days allow {float(allowed):.1f}"
        )
        severity = min(Severity.CRITICAL if tier.pages else Severity.WARNING, self.rule.severity)
        last = w.last_burnt or None
        return Verdict(
            outcome,
            w.slot,
            reason,
            w.burn.bad(tier.long),
            float(tier.long_bad),
            numbers,
            severity=severity,
            last_bad=last,
        )


class Trend(Evaluator):
    """A least-squares line through the window crosses the limit within `within_s`.

    Needs six points over half the window.
    """

    LEAST_POINTS = 6
    __slots__ = ("index", "limit", "over_s", "within_s")

    def __init__(self, rule: Rule, source: Source, limit: float, over_s: int, within_s: int) -> None:
        super().__init__(rule, source)
        self.limit, self.over_s, self.within_s = limit, over_s, within_s
        self.index = index_of(rule.conditions[0].metric, source)

    def outcome(self, w: SourceWindow) -> Outcome | None:
        if not w.fresh & (1 << self.index):
            return None
        line = self.line(w)
        if line is None:
            return UNKNOWN
        level, slope, _ = line
        op = OPS[self.rule.conditions[0].op]
        return BAD if op(level, self.limit) or op(level + slope * self.within_s, self.limit) else GOOD

    def line(self, w: SourceWindow) -> tuple[float, float, int] | None:
        """(value of the line now, its slope per second, points); None with too little to fit."""
        points = w.series[self.index].since(w.series[self.index].values[-1][0] - self.over_s)
        if len(points) < self.LEAST_POINTS or (points[-1][0] - points[0][0]) * 2 < self.over_s:
            return None
        newest, n = points[-1][0], len(points)
        mean_t = sum(at - newest for at, _ in points) / n
        mean_v = sum(value for _, value in points) / n
        spread = sum((at - newest - mean_t) ** 2 for at, _ in points)
        slope = sum((at - newest - mean_t) * (value - mean_v) for at, value in points) / spread
        return mean_v - slope * mean_t, slope, n

    def explain(self, w: SourceWindow, outcome: Outcome) -> Verdict:
        metric = self.rule.conditions[0].metric
        line = self.line(w)
        limit = limit_text(self.limit, metric)
        if line is None:
            held = len(w.series[self.index].values)
            return Verdict(UNKNOWN, w.slot, f"too little to fit a line: {held} points", limit=self.limit)
        level, slope, n = line
        left = (self.limit - level) / slope if slope else None
        ahead = value_text(metric, level + slope * self.within_s)
        reason = f"line through {n} points reaches {ahead} in {duration_text(self.within_s)}, limit {limit}"
        if outcome is BAD and left is not None and left > 0:
            reason += f"; crosses it in {duration_text(left)}"
        numbers = {
            "level": level,
            "per_hour": slope * 3600,
            "points": n,
            "crosses_in_s": left if left and left > 0 else None,
        }
        return Verdict(outcome, w.slot, reason, level, self.limit, numbers)


def failure_rate(rule: Rule, source: Source) -> Evaluator | str:
    """Or why the rule cannot apply."""
    over = rule.over_s or (rule.conditions[0].over_s if rule.conditions else None)
    if not rule.conditions or rule.conditions[0].metric != "failed" or not over:
        return "a rate needs metric `failed`, a value and a window (`over`)"
    limit = limit_value(rule.conditions[0], source)
    return FailureRate(rule, source, limit or 0.0, over)


def burn_rate(rule: Rule, source: Source) -> Evaluator | str:
    """An SLO whose month allows fewer than 10 bad slots is reported, never alerted."""
    allowed = (1 - source.sla.uptime) * MONTH_S / source.interval_s
    if allowed < LEAST_ALLOWANCE:
        return (
            f"{float(source.sla.uptime * 100):g}% at {config_duration(source.interval_s)} allows {float(allowed):.2f} "
            f"bad slots in 30 days, fewer than {LEAST_ALLOWANCE}: reported, not alerted"
        )
    return BurnRate(rule, source)


def trend(rule: Rule, source: Source) -> Evaluator | str:
    """Or why the rule cannot apply."""
    over = rule.over_s or (rule.conditions[0].over_s if rule.conditions else None)
    if not rule.conditions or not over or not rule.within_s:
        return "a trend needs a metric, a limit, a window (`over`) and a horizon (`within`)"
    limit = limit_value(rule.conditions[0], source)
    if limit is None:
        return f"{source.name} has neither max_data_age nor cadence, so no limit of data age"
    return Trend(rule, source, limit, over, rule.within_s)
