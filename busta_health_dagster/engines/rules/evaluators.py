"""A rule compiled for one source. `outcome` is the cheap question, asked of every observation; `explain` makes the
verdict.

Both read the same window; a verdict's outcome is always what `outcome` said. None means: nothing new to evaluate.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, Final

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.verdict import RECOVERS, Outcome, Verdict
from busta_health_dagster.engines.rules.limits import limit_text, limit_value, value_text
from busta_health_dagster.engines.rules.metrics import (
    DATA,
    FIRST_CUSTOM,
    OBSERVED_BIT,
    QUALITY,
    index_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from busta_health_dagster.domain.rule import Condition, Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.rules.window import SourceWindow

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN
OPS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
QUALITY_AGES = 2  # a score older than this many of its own intervals says nothing about now


class Evaluator:
    """One rule for one source. `rule` is the effective one: overrides applied."""

    __slots__ = ("rule", "source")

    def __init__(self, rule: Rule, source: Source) -> None:
        self.rule = rule
        self.source = source

    def outcome(self, w: SourceWindow) -> Outcome | None:
        raise NotImplementedError

    def explain(self, w: SourceWindow, outcome: Outcome) -> Verdict:
        raise NotImplementedError

    def verdict(self, w: SourceWindow) -> Verdict | None:
        """Outcome, reason and numbers in one; None when there is nothing new to evaluate."""
        outcome = self.outcome(w)
        return None if outcome is None else self.explain(w, outcome)


class NewestValue(Evaluator):
    """One condition on the newest value: most rules are this, so it is the short path."""

    __slots__ = ("bit", "index", "limit", "metric", "op", "symbol")

    def __init__(self, rule: Rule, source: Source, limit: float) -> None:
        super().__init__(rule, source)
        condition = rule.conditions[0]
        self.metric, self.symbol, self.limit = condition.metric, condition.op, limit
        self.index = index_of(condition.metric, source)
        self.op = OPS[condition.op]
        # A rule about `unknown` checks every observation; any other rule about the status only at verdicts.
        self.bit = OBSERVED_BIT if condition.metric == "status" and limit == Status.UNKNOWN else 1 << self.index

    def outcome(self, w: SourceWindow) -> Outcome | None:
        if not w.fresh & self.bit:
            return None
        value = w.values[self.index]
        if value is None:
            return UNKNOWN
        return BAD if self.op(value, self.limit) else GOOD

    def explain(self, w: SourceWindow, outcome: Outcome) -> Verdict:
        value = w.values[self.index]
        if self.metric == "status":
            reason = value_text("status", value)
        else:
            reason = f"{value_text(self.metric, value)}, limit {limit_text(self.limit, self.metric)}"
        recovered, between = recovery(self.rule, outcome, value)
        numbers = {"metric": self.metric, "op": self.symbol}
        return Verdict(outcome, w.slot, reason + between, value, self.limit, numbers, recovered=recovered)


class NewestScore(NewestValue):
    """The newest quality score. A score whose interval straddles the limit is labelled uncertain, and is silent."""

    __slots__ = ()

    def outcome(self, w: SourceWindow) -> Outcome | None:
        if not w.fresh & self.bit:
            return None
        score = w.score
        if score is None or score.score is None:
            return UNKNOWN
        if not self.op(score.score, self.limit):
            return GOOD
        return UNKNOWN if score.straddles(self.limit) else BAD

    def explain(self, w: SourceWindow, outcome: Outcome) -> Verdict:
        score = w.score
        if score is None or score.score is None:
            return Verdict(UNKNOWN, w.slot if score is None else score.at, "no data to score")
        reason = f"score {score.score:.1f}, limit {self.limit:g}"
        if outcome is UNKNOWN:
            reason += ", uncertain: " + (
                f"the interval {score.raw:.1f} ± {score.half_width:.1f} includes the limit"
                if score.raw is not None and score.half_width is not None
                else "too few rows to tell"
            )
        numbers = {"metric": "quality", "op": self.symbol, "raw": score.raw, "half_width": score.half_width}
        recovered, between = recovery(self.rule, outcome, score.score)
        return Verdict(outcome, score.at, reason + between, score.score, self.limit, numbers, recovered=recovered)


class Combined(Evaluator):
    """Several conditions, or an aggregate over a window. Evaluated when any of its metrics has a new value.

    Three-valued: `all` is good as soon as one condition is, `any` is bad as soon as one is; else an unknown one
    decides.
    """

    __slots__ = ("bits", "limits")

    def __init__(self, rule: Rule, source: Source, limits: Sequence[float]) -> None:
        super().__init__(rule, source)
        self.limits = tuple(limits)
        self.bits = 0
        for c in rule.conditions:
            self.bits |= OBSERVED_BIT if c.value == "unknown" else 1 << index_of(c.metric, source)

    def outcome(self, w: SourceWindow) -> Outcome | None:
        if not w.fresh & self.bits:
            return None
        unknown = False
        decisive = GOOD if self.rule.combine == "all" else BAD
        for c, limit in zip(self.rule.conditions, self.limits, strict=True):
            value, _ = self.measure(c, w)
            if value is None:
                unknown = True
            elif (BAD if OPS[c.op](value, limit) else GOOD) is decisive:
                return decisive
        return UNKNOWN if unknown else BAD if decisive is GOOD else GOOD

    def measure(self, c: Condition, w: SourceWindow) -> tuple[float | None, int]:
        """The value of one condition, and how many points it rests on."""
        over = c.over_s or (self.rule.over_s if c.agg != "last" else None)
        if c.agg == "last" or not over:
            return self.newest(c, w), 1
        index = index_of(c.metric, self.source)
        newest = w.score.at if index == QUALITY and w.score is not None else w.slot
        points = [value for _, value in w.series[index].since(newest - over)]
        every = self.source.quality.every_s if index == QUALITY and self.source.quality else self._every(index)
        # Half a window is the least that speaks for it: a mean of one value right after a gap is a blip.
        if len(points) * 2 < max(1, over // every):
            return None, len(points)
        return aggregate(points, c.agg), len(points)

    def _every(self, index: int) -> int:
        """How often the metric has a new value."""
        return self.source.full_every_s if index in DATA or index >= FIRST_CUSTOM else self.source.interval_s

    def newest(self, c: Condition, w: SourceWindow) -> float | None:
        if c.metric == "quality":
            every = self.source.quality.every_s if self.source.quality else w.interval_s
            if w.score is None or w.slot - w.score.at > QUALITY_AGES * every:
                return None
            return w.score.score
        value = w.values[index_of(c.metric, self.source)]
        return None if c.metric == "status" and not value and c.value != "unknown" else value

    def explain(self, w: SourceWindow, outcome: Outcome) -> Verdict:
        parts, conditions = [], []
        worst: tuple[float | None, float | None] = (None, None)
        for c, limit in zip(self.rule.conditions, self.limits, strict=True):
            value, points = self.measure(c, w)
            held = value is not None and OPS[c.op](value, limit)
            shown = "no value" if value is None else value_text(c.metric, value)
            what = c.metric if c.agg == "last" else f"{c.agg} {c.metric}"
            parts.append(f"{what} {shown} (bad: {c.op} {limit_text(limit, c.metric)})")
            conditions.append(
                {"metric": c.metric, "agg": c.agg, "op": c.op, "value": value, "limit": limit, "points": points}
            )
            if held and worst[0] is None:
                worst = (value, limit)
        reason = (" and " if self.rule.combine == "all" else " or ").join(parts)
        only = self.measure(self.rule.conditions[0], w)[0] if self.rule.recover_limit is not None else None
        recovered, between = recovery(self.rule, outcome, only)
        numbers = {"conditions": conditions}
        return Verdict(outcome, w.slot, reason + between, worst[0], worst[1], numbers, recovered=recovered)


def recovery(rule: Rule, outcome: Outcome, value: float | None) -> tuple[bool, str]:
    """Has a good value passed the second limit of the rule (`recover_below`, `recover_above`) as well? If not, what to add to
    its sentence.
    """
    limit = rule.recover_limit
    if outcome is not GOOD or limit is None or value is None:
        return True, ""
    condition = rule.conditions[0]
    rises = condition.op.startswith("<")
    if value > limit if rises else value < limit:
        return True, ""
    return False, f"{RECOVERS}{'above' if rises else 'below'} {limit_text(limit, condition.metric)}"


def aggregate(points: Sequence[float], agg: str) -> float:
    """mean, min, max, or a percentile by the nearest rank (always a value that was seen)."""
    match agg:
        case "mean":
            return math.fsum(points) / len(points)
        case "min":
            return min(points)
        case "max":
            return max(points)
        case "last":
            return points[-1]
    share = int(agg[1:]) / 100
    return sorted(points)[max(0, math.ceil(share * len(points)) - 1)]


def newest_or_combined(rule: Rule, source: Source) -> Evaluator | str:
    """An evaluator for the patterns status and threshold, or why the rule cannot apply to this source."""
    limits = []
    for c in rule.conditions:
        limit = limit_value(c, source)
        if limit is None:
            return f"{source.name} has neither max_data_age nor cadence, so no limit of data age"
        limits.append(limit)
    first = rule.conditions[0]
    if len(rule.conditions) == 1 and (first.agg == "last" or not (first.over_s or rule.over_s)):
        kind = NewestScore if first.metric == "quality" else NewestValue
        return kind(rule, source, limits[0])
    return Combined(rule, source, limits)
