"""Effective rules and limits of one source, and what makes an answering source `degraded`.

The limit is the value of the rule named `slow-response` (`stale-data`) where that rule selects the source; where no
rule of that name does, the lowest value among the threshold rules on that metric. Only rules of one condition (`>` or
`>=`) on the newest value count, and never a shadow rule: a shadow rule must not change what the page and the SLA say.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.rule import Condition, Limits, Pattern, Rule
from busta_health_dagster.wording import measures
from busta_health_dagster.wording.durations import duration_text, milliseconds_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.domain.source import Source

MAX_DATA_AGE = "max_data_age"
"""The value that stands for the source's own limit of data age."""


def effective(rule: Rule, source: Source) -> Rule | None:
    """The rule with the overrides that select this source applied in order; None when the rule does not select it.

    `value` replaces the value of the first condition, `over_s` the window of every condition that has one. The second limit
    moves with the value, unless the override says it.
    """
    if not rule.select.matches(source):
        return None
    changes: dict[str, Any] = {}
    for override in rule.overrides:
        if override.select.matches(source):
            changes.update(override.changes)
    if not changes:
        return rule
    value = changes.pop("value", None)
    if value is not None and rule.conditions:
        changes["conditions"] = (replace(rule.conditions[0], value=value), *rule.conditions[1:])
        if rule.recover_limit is not None:
            changes.setdefault("recover_limit", moved(rule.recover_limit, rule.conditions[0].value, value))
    if "over_s" in changes:
        conditions = changes.get("conditions", rule.conditions)
        changes["conditions"] = tuple(replace(c, over_s=changes["over_s"]) if c.over_s else c for c in conditions)
    return replace(rule, **changes)


def moved(recover_limit: float, old: float | str, new: float | str) -> float:
    """A second limit when the first one changes: in proportion, or by the same distance where there is no proportion."""
    was, now = float(old), float(new)
    return recover_limit * now / was if was * now > 0 else recover_limit + now - was


def rolled_out(rule: Rule, source: Source, now: int) -> Rule:
    """The rule as it is at an instant: in shadow until its source is rolled out."""
    waits = source.shadow_until is not None and now < source.shadow_until
    return replace(rule, shadow=True) if waits and not rule.shadow else rule


def effective_rules(source: Source, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Every rule that selects the source, in the file's order, with its overrides applied."""
    return tuple(r for r in (effective(rule, source) for rule in rules) if r is not None)


def limit_value(condition: Condition, source: Source) -> float | None:
    """The number a condition compares with; None when it is the source's own limit of data age and the source has
    none.
    """
    if condition.value == MAX_DATA_AGE:
        return None if source.stale_after_s is None else float(source.stale_after_s)
    if isinstance(condition.value, str):
        return float(Status[condition.value.upper()])
    return float(condition.value)


def limits_for(source: Source, rules: Iterable[Rule]) -> Limits:
    """The effective limits of one source. Milliseconds, seconds, share of 1 (failure), 0-100 (quality)."""
    mine = [r for r in effective_rules(source, rules) if not r.shadow]
    failure = next((r for r in mine if r.pattern is Pattern.RATE and r.conditions), None)
    return Limits(
        response_ms=_ceiling(mine, "response_ms", "slow-response", source),
        data_age_s=_age_limit(mine, source),
        failure_ratio=None if failure is None else (limit_value(failure.conditions[0], source) or 0.0) / 100,
        failure_over_s=None if failure is None else failure.over_s or failure.conditions[0].over_s,
        failure_min_bad=1 if failure is None else failure.min_bad,
        quality=_floor(mine, source),
    )


def classify(source: Source, observation: Observation, limits: Limits) -> Observation:
    """An answer that was too slow, or whose data are too old or of unknown age, is `degraded`; anything else
    stays as it is.

    A response time measured while our own loop lagged (`suspect`) is never slow: the fault may be ours.
    """
    if observation.status is not Status.UP:
        return observation
    if source.stale_after_s is not None and observation.data_age_s is None and not observation.light:
        never = not getattr(source.config, "tells_age", True)
        if never or observation.items != 0:  # no items, no age; unless there is no age with items either
            key = "max_data_age" if source.max_data_age_s is not None else "cadence"
            remedy = "set data_age" if never else "set data_age, or have it delivered"
            detail = f"nothing tells how old the data are, and {key} asks for it; {remedy}"
            return observation.evaluated(Status.DEGRADED, "age_unknown", detail)
    slow = stale = ""
    ms, age = observation.response_ms, observation.data_age_s
    if ms is not None and limits.response_ms is not None and ms > limits.response_ms and not observation.suspect:
        slow = f"{milliseconds_text(ms)}, limit {limit_text(limits.response_ms, 'response_ms')}"
    if age is not None and limits.data_age_s is not None and age > limits.data_age_s:
        stale = f"data {duration_text(age)} old, limit {duration_text(limits.data_age_s)}"
    if not slow and not stale:
        return observation
    return observation.evaluated(Status.DEGRADED, "slow" if slow else "stale", "; ".join(filter(None, (slow, stale))))


def value_text(metric: str, value: float | None) -> str:
    """A measured value as people read it: 6.41 s, 1 d 4 h, 89.0, 5.6%; the status is a word."""
    return Status(int(value)).word if metric == "status" and value is not None else measures.measure(value, metric)


def limit_text(limit: float, metric: str) -> str:
    """A limit as it is written in the file: 5 s, 90, 5%; the status is a word."""
    return Status(int(limit)).word if metric == "status" else measures.limit_text(limit, metric)


def _candidates(rules: list[Rule], metric: str, name: str, ops: tuple[str, ...]) -> list[Condition]:
    fitting = [
        r
        for r in rules
        if r.pattern is Pattern.THRESHOLD
        and len(r.conditions) == 1
        and r.conditions[0].metric == metric
        and r.conditions[0].op in ops
        and r.conditions[0].agg == "last"
    ]
    named = [r for r in fitting if r.name == name]
    return [r.conditions[0] for r in named or fitting]


def _ceiling(rules: list[Rule], metric: str, name: str, source: Source) -> float | None:
    values = [
        # `>=` is kept exact by the next smaller number: a Limits has no operator.
        value if c.op == ">" else math.nextafter(value, -math.inf)
        for c in _candidates(rules, metric, name, (">", ">="))
        if (value := limit_value(c, source)) is not None
    ]
    return min(values, default=None)


def _age_limit(rules: list[Rule], source: Source) -> float | None:
    """The rule's, else what the source itself says: a `max_data_age` holds also where no rule tells of it."""
    listed = _ceiling(rules, "data_age_s", "stale-data", source)
    return source.stale_after_s if listed is None else listed


def _floor(rules: list[Rule], source: Source) -> float | None:
    values = [limit_value(c, source) for c in _candidates(rules, "quality", "low-quality", ("<", "<="))]
    return max((v for v in values if v is not None), default=None)
