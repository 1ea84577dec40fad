"""Other thresholds that a backtest tries for a rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.rule import Override, Pattern
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.engines.rules import rules_for
from busta_health_dagster.engines.rules.limits import MAX_DATA_AGE, limit_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source

_FACTORS = (0.5, 0.75, 1.5, 2.0)


@dataclass(frozen=True, slots=True)
class Option:
    """A rule with one number changed. `below`: it stands before the present number."""

    label: str
    changed: Rule
    below: bool


def alternatives(rule: Rule, sources: Mapping[str, Source]) -> tuple[str, list[Option]]:
    """What of this rule can be turned, and to what, rising."""
    if not any(rules_for(s, [rule]).evaluators for s in sources.values()):
        return "", []
    match rule.pattern:
        case Pattern.STATUS:
            some = [Option(str(n), replace(rule, for_=n), n < rule.for_) for n in (1, 2, 3, 4) if n != rule.for_]
            return "for", some
        case Pattern.NO_DATA:
            counts = [n for n in (2, 3, 4, 6) if n != rule.intervals]
            return "intervals", [Option(str(n), replace(rule, intervals=n), n < rule.intervals) for n in counts]
        case Pattern.THRESHOLD | Pattern.RATE if len(rule.conditions) == 1:
            condition = rule.conditions[0]
            if condition.value == MAX_DATA_AGE:
                return condition.metric, [Option(f"x{f:g}", _scaled(rule, sources, f), f < 1) for f in _FACTORS]
            if isinstance(condition.value, str):
                return "", []
            now = float(condition.value)
            return condition.metric, [Option(_label(rule, v), _with_value(rule, v), v < now) for v in _values(rule)]
        case _:
            return "", []


def _values(rule: Rule) -> list[float]:
    condition = rule.conditions[0]
    value = float(condition.value)
    if condition.metric != "quality":
        return [value * factor for factor in _FACTORS]
    return sorted({max(0.0, 100 - (100 - value) * factor) for factor in _FACTORS} - {value})


def _with_value(rule: Rule, value: float) -> Rule:
    """Everywhere the same: an override's own value is scaled along."""
    old = float(rule.conditions[0].value)
    scale = value / old if old else 1.0
    overrides = tuple(
        replace(o, changes={**o.changes, "value": o.changes["value"] * scale}) if "value" in o.changes else o
        for o in rule.overrides
    )
    return replace(rule, conditions=(replace(rule.conditions[0], value=value),), overrides=overrides)


def _scaled(rule: Rule, sources: Mapping[str, Source], factor: float) -> Rule:
    """Each source's own limit of data age, times the factor."""
    limits = {name: s.stale_after_s for name, s in sources.items()}
    own = tuple(
        Override(Selector(names=(name,)), {"value": limit * factor})
        for name, limit in limits.items()
        if limit is not None
    )
    return replace(rule, overrides=rule.overrides + own)


def _label(rule: Rule, value: float) -> str:
    return limit_text(value, rule.conditions[0].metric)


def present_value(rule: Rule, what: str) -> str:
    if what in {"for", "intervals"}:
        return str(rule.for_ if what == "for" else rule.intervals)
    value = rule.conditions[0].value
    return "x1" if isinstance(value, str) else _label(rule, float(value))
