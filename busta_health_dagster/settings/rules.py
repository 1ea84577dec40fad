"""The `rules:` of alerts.yaml -> rules as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.rule import Aggregate, Condition, Override, Pattern, Rule, Severity, recover_key
from busta_health_dagster.settings.rule_values import value_of
from busta_health_dagster.settings.translating import said

if TYPE_CHECKING:
    from collections.abc import Callable

    from busta_health_dagster.settings.alert_model import ConditionFields, OverrideFields, RuleFields
    from busta_health_dagster.settings.document import Document, Place
    from busta_health_dagster.settings.problems import Findings

_ALWAYS = {"name", "pattern", "for", "recover_after", "severity", "select", "shadow", "overrides", "runbook"}
_COMPARED = {"metric", "op", "value"}
KEYS: dict[Pattern, set[str]] = {
    Pattern.STATUS: _COMPARED | {"confirm"},
    Pattern.THRESHOLD: _COMPARED | {"over", "agg", "all", "any", "recover_below", "recover_above"},
    Pattern.RATE: _COMPARED | {"over", "min_bad"},
    Pattern.NO_DATA: {"intervals"},
    Pattern.ANOMALY: {"sensitivity", "budget", "metrics"},
    Pattern.BURN_RATE: set(),
    Pattern.FLAPPING: set(),
    Pattern.TREND: _COMPARED | {"over", "within"},
    Pattern.DAGSTER_CHECK: {"assets"},
    Pattern.DAGSTER_RUN: {"jobs", "assets"},
    Pattern.DAGSTER_TICK: {"names"},
    Pattern.DAGSTER_LOCATION: {"names"},
    Pattern.DAGSTER_DAEMON: {"names", "over"},
    Pattern.DAGSTER_FRESHNESS: {"assets"},
    Pattern.GATE_HELD: {"jobs", "over"},
    Pattern.QUOTA: {"over"},
    Pattern.NO_SCORE: {"over"},
}
"""What a pattern reads, besides what every rule may say."""
_NEEDED = {Pattern.THRESHOLD: ("metric", "op", "value"), Pattern.TREND: ("metric", "op", "value", "within")}
_OVERRIDES = {
    "value": _COMPARED,
    "recover_below": {"recover_below"},
    "recover_above": {"recover_above"},
    "over": {"over"},
    "min_bad": {"min_bad"},
    "intervals": {"intervals"},
    "sensitivity": {"sensitivity"},
    "budget": {"budget"},
    "metrics": {"metrics"},
    "confirm": {"confirm"},
}
_RECOVER_KEYS = ("recover_below", "recover_above")
_SIX_HOURS = 6 * 3600
NOISE_BUDGET_S = 30 * 86_400.0


class RuleReader:
    """Turns validated rules into the domain's; what does not fit together goes to `found`."""

    def __init__(self, doc: Document, found: Findings) -> None:
        self._doc, self._found = doc, found

    def read(self, place: Place, fields: RuleFields, written: dict[str, Any]) -> Rule | None:
        """The rule, or None with its problems reported. `written` is the entry as the file has it."""
        pattern = self._pattern(fields)
        fits = self._fits(place, pattern, written)
        recovers = self._recovers(place, fields, fields)
        conditions, combine = self._conditions(place, pattern, fields)
        overrides = tuple(
            self._override((*place, "overrides", i), pattern, fields, o) for i, o in enumerate(fields.overrides)
        )
        if not fits or conditions is None or any(o is None for o in overrides):
            return None
        over = fields.over if fields.over is not None else _SIX_HOURS if pattern is Pattern.RATE else None
        return Rule(
            name=fields.name,
            pattern=pattern,
            conditions=conditions,
            combine="any" if combine == "any" else "all",
            for_=fields.for_,
            over_s=None if over is None else int(over),
            min_bad=fields.min_bad or (4 if pattern is Pattern.RATE else 1),
            intervals=fields.intervals or 3,
            within_s=None if fields.within is None else int(fields.within),
            recover_after=fields.recover_after,
            recover_limit=recovers,
            confirm=fields.confirm,
            severity=Severity[fields.severity.upper()],
            select=fields.select.domain(),
            shadow=fields.shadow,
            overrides=tuple(o for o in overrides if o is not None),
            assets=fields.assets or (),
            jobs=fields.jobs or (),
            names=fields.names or (),
            sensitivity=fields.sensitivity or 0.0,
            budget_s=fields.budget or NOISE_BUDGET_S,
            metrics=fields.metrics,
            runbook=fields.runbook,
            where=self._doc.line(place),
        )

    def _pattern(self, fields: RuleFields) -> Pattern:
        if fields.pattern is not None and fields.pattern is not Pattern.THRESHOLD:
            return fields.pattern
        return Pattern.STATUS if fields.metric == "status" else Pattern.THRESHOLD

    def _fits(self, place: Place, pattern: Pattern, written: dict[str, Any]) -> bool:
        """Are the keys those that this pattern reads, and are the ones it needs there?"""
        fits = True
        for key in written.keys() - _ALWAYS - KEYS[pattern]:
            fits = False
            reads = ", ".join(sorted(KEYS[pattern])) or "nothing more"
            self._report(
                (*place, key),
                f"A rule of pattern {pattern.value} does not read `{key}`.",
                f"remove it; this pattern reads {reads}",
                key=True,
            )
        if written.get("confirm") and written.get("for", 1) != 1:
            fits = False
            says = "`for` asks for further observations already: there is nothing left to confirm."
            self._report((*place, "confirm"), says, "for: 1, or leave confirm out")
        combined = [key for key in ("all", "any") if key in written]
        if len(combined) == 2 or (combined and _COMPARED & written.keys()):
            self._report(
                place,
                "A rule has one comparison (metric, op, value), or one list `all:`, or one list `any:`.",
                "keep one of them",
            )
            return False
        for key in () if combined else _NEEDED.get(pattern, ()):
            if key not in written:
                fits = False
                self._report(
                    place,
                    f"`{key}` is missing: a rule of pattern {pattern.value} needs it.",
                    _EXAMPLE.get(key, f"add {key}"),
                )
        return fits

    def _conditions(
        self, place: Place, pattern: Pattern, fields: RuleFields
    ) -> tuple[tuple[Condition, ...] | None, str]:
        listed = fields.all_ if fields.all_ is not None else fields.any_
        if listed is not None:
            key = "all" if fields.all_ is not None else "any"
            if not listed:
                self._report(
                    (*place, key),
                    f"`{key}` is empty: there is nothing to compare.",
                    "remove the rule, or add {metric: ..., op: ..., value: ...}",
                )
            built = [self._condition((*place, key, i), c.metric, c.op, c.value, c) for i, c in enumerate(listed)]
            whole = tuple(c for c in built if c is not None)
            return (whole if whole and len(whole) == len(built) else None), key
        if pattern is Pattern.STATUS:
            one = self._condition(
                place, "status", fields.op or "==", "down" if fields.value is None else fields.value, None
            )
        elif pattern is Pattern.RATE:
            one = self._condition(
                place, fields.metric or "failed", fields.op or ">", "5%" if fields.value is None else fields.value, None
            )
        elif pattern in {Pattern.THRESHOLD, Pattern.TREND}:
            if fields.metric is None or fields.op is None or fields.value is None:
                return None, "all"
            one = self._condition(
                place, fields.metric, fields.op, fields.value, fields if pattern is Pattern.THRESHOLD else None
            )
        else:
            return (), "all"
        return (None if one is None else (one,)), "all"

    def _condition(
        self, place: Place, metric: str, op: str, raw: Any, window: ConditionFields | RuleFields | None
    ) -> Condition | None:
        value = self._value(place, metric, op, raw)
        if value is None:
            return None
        over = None if window is None else window.over
        agg: Aggregate = "last" if window is None else (window.agg or ("mean" if over else "last"))
        if over is None and agg != "last":
            self._report(
                (*place, "agg"), f"The {agg} of what? An aggregate needs its window.", f"over: 30m, agg: {agg}"
            )
            return None
        return Condition(metric, op, value, None if over is None else int(over), agg)  # type: ignore[arg-type]  # op is validated

    def _value(self, place: Place, metric: str, op: str, raw: Any) -> float | str | None:
        """The value in its metric's unit; None with the problem reported."""
        if metric == "status" and op not in {"==", "!="}:
            self._report(
                (*place, "op"), f"A status is not more or less than another: {op!r} cannot be answered.", 'op: "=="'
            )
            return None
        try:
            return value_of(metric, raw)
        except ValueError as why:
            self._report((*place, "value"), *said(why))
            return None

    def _recovers(self, place: Place, rule: RuleFields, fields: RuleFields | OverrideFields) -> float | None:
        """The second limit, if one is written, beside the one value it belongs to."""
        given = {key: raw for key in _RECOVER_KEYS if (raw := getattr(fields, key)) is not None}
        if not given:
            return None
        key, raw = given.popitem()
        if rule.metric is None or rule.op is None or rule.value is None:
            says, remedy = "A second limit belongs to one comparison.", "metric, op and value instead of all or any"
        elif len(given) > 0 or key != recover_key(rule.op):
            right = recover_key(rule.op)
            says = f"`{key}` is not what ends `{rule.metric} {rule.op} {rule.value}`."
            remedy = f"{right}: ... alone" if right else f"remove it: {rule.op} compares for equality"
        else:
            try:
                limit, value = value_of(rule.metric, raw), value_of(rule.metric, rule.value)
            except ValueError as why:
                self._report((*place, key), *said(why))
                return None
            if not isinstance(limit, str) and not isinstance(value, str):
                return limit
            says = "max_data_age differs from source to source, so that nothing is surely beyond it."
            remedy = f"value: 26h, {key}: 20h; or leave `{key}` out"
        self._report((*place, key), says, remedy)
        return None

    def _override(self, place: Place, pattern: Pattern, rule: RuleFields, fields: OverrideFields) -> Override | None:
        changes: dict[str, Any] = {}
        for key, needs in _OVERRIDES.items():
            if getattr(fields, key) is not None and not needs <= KEYS[pattern]:
                self._report(
                    (*place, key), f"A rule of pattern {pattern.value} does not read `{key}`.", "remove it", key=True
                )
                return None
        if fields.value is not None:
            metric = {Pattern.STATUS: "status", Pattern.RATE: rule.metric or "failed"}.get(pattern, rule.metric)
            if metric is None:
                self._report(
                    (*place, "value"),
                    "Which of the conditions? A rule of several conditions has no one value.",
                    "write a rule of its own for these sources",
                )
                return None
            value = self._value(place, metric, rule.op or "==" if metric == "status" else rule.op or ">", fields.value)
            if value is None:
                return None
            changes["value"] = value
        recovers = self._recovers(place, rule, fields)
        if recovers is not None:
            changes["recover_limit"] = recovers
        changes |= {name: kind(given) for name, given, kind in _plain_changes(fields) if given is not None}
        if not changes:
            self._report(place, "This override changes nothing.", "remove it, or add value: ...")
            return None
        return Override(fields.select.domain(), changes)

    def _report(self, place: Place, message: str, remedy: str = "", *, key: bool = False) -> None:
        self._found.add(self._doc, place, message if message.endswith((".", "?")) else message + ".", remedy, key=key)


def _plain_changes(fields: OverrideFields) -> tuple[tuple[str, Any, Callable[[Any], Any]], ...]:
    return (
        ("severity", fields.severity, lambda word: Severity[word.upper()]),
        ("for_", fields.for_, int),
        ("over_s", fields.over, int),
        ("min_bad", fields.min_bad, int),
        ("intervals", fields.intervals, int),
        ("sensitivity", fields.sensitivity, float),
        ("budget_s", fields.budget, float),
        ("metrics", fields.metrics, tuple),
        ("shadow", fields.shadow, bool),
        ("confirm", fields.confirm, bool),
    )


_EXAMPLE = {"metric": "metric: response_ms", "op": 'op: ">"', "value": "value: 5s", "within": "within: 6h"}
