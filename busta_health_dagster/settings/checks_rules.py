"""Checks of the rules: can each one fire, and does its window hold enough to say so?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.custom_metric import BUILT_IN
from busta_health_dagster.domain.rule import Pattern, recover_key
from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.wording.lists import listed
from busta_health_dagster.wording.measures import limit_text
from busta_health_dagster.wording.suggestions import near

if TYPE_CHECKING:
    from collections.abc import Callable

    from busta_health_dagster.domain.rule import Condition, Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.settings.check_context import CheckContext

_BOUNDS: dict[str, tuple[float, float | None]] = {
    "response_ms": (0, None),
    "items": (0, None),
    "data_age_s": (0, None),
    "quality": (0, 100),
    "failed": (0, 100),
    "attempts": (1, 6),
    "size_bytes": (0, None),
}


def unknown_metrics(review: CheckContext) -> None:
    """A metric that no source has, built in or its own: a slip where it resembles one, else a rule that never fires."""
    known = [*BUILT_IN, *sorted({name for source in review.sources.values() for name in source.metric_names})]
    for rule_place, rule, pairs in review.effective_rules:
        for index, name in enumerate(c.metric for c in rule.conditions):
            if name in BUILT_IN:
                continue
            place = (
                (*rule_place, "metric") if len(rule.conditions) == 1 else (*rule_place, rule.combine, index, "metric")
            )
            if name not in known:
                guess = near(name, known)
                says = f"No source has a metric {name!r}" + (f"; did you mean {guess!r}?" if guess else ".")
                remedy = (
                    f"metric: {guess}" if guess else f"in sources.yaml, metrics: {{{name}: ...}}; or {listed(known)}"
                )
                review.found.add(review.docs["alerts.yaml"], place, says, remedy)
            elif not any(name in source.metric_names for _, group in pairs for source in group):
                says = f"Can never fire: none of its sources has the metric {name!r}."
                review.warn("alerts.yaml", place, says, "select sources that have it")


def impossible_limits(review: CheckContext) -> None:
    """A limit outside what its metric can ever be."""
    for place, rule, _ in review.effective_rules:
        for c in rule.conditions:
            low, high = _BOUNDS.get(c.metric, (float("-inf"), None))
            if isinstance(c.value, str):
                continue
            never = (c.op in {"<", "<="} and (c.value < low or (c.value == low and c.op == "<"))) or (
                high is not None and c.op in {">", ">="} and (c.value > high or (c.value == high and c.op == ">"))
            )
            always = (
                (c.op == ">" and c.value < low)
                or (c.op == ">=" and c.value <= low)
                or (high is not None and c.op == "<=" and c.value >= high)
            )
            if never or always:
                verdict = "can never be true" if never else "is always true"
                says = f"{c.metric} {c.op} {c.value:g} {verdict}: {c.metric} is {_range(low, high)}."
                review.warn("alerts.yaml", place, says, "correct op or value, or remove the rule")


def recovery_limits(review: CheckContext) -> None:
    """A second limit that is not beyond the first: it would end an alert while it is bad."""
    for place, _, pairs in review.effective_rules:
        for rule, group in pairs:
            limit = rule.recover_limit
            if limit is None:
                continue
            first = rule.conditions[0]
            key, value = recover_key(first.op), float(first.value)
            if limit >= value if key == "recover_below" else limit <= value:
                side = key.removeprefix("recover_")
                says = (
                    f"For {listed(source.name for source in group)} it recovers {side} {limit_text(limit, first.metric)}, which is not "
                    f"{side} its limit of {limit_text(value, first.metric)}."
                )
                remedy = f"{key}: a number {side} the value, in the rule or in the override that changes the value"
                review.found.add(review.docs["alerts.yaml"], (*place, key), says, remedy)
                break


def _range(low: float, high: float | None) -> str:
    return f"{low:g} or more" if high is None else f"between {low:g} and {high:g}"


def contradictions(review: CheckContext) -> None:
    """`all:` of conditions on one metric that exclude each other."""
    for index, rule in enumerate(review.rules):
        if rule.combine != "all" or len(rule.conditions) < 2:
            continue
        by_metric: dict[tuple[str, int | None], list[Condition]] = {}
        for c in rule.conditions:
            if not isinstance(c.value, str):
                by_metric.setdefault((c.metric, c.over_s), []).append(c)
        for (metric, _), conditions in by_metric.items():
            floor = max((float(c.value) for c in conditions if c.op in {">", ">="}), default=float("-inf"))
            ceiling = min((float(c.value) for c in conditions if c.op in {"<", "<="}), default=float("inf"))
            if floor >= ceiling and not (floor == ceiling and all(c.op in {">=", "<="} for c in conditions)):
                says = f"{metric} cannot be above {floor:g} and below {ceiling:g} at once: this rule can never fire."
                review.warn("alerts.yaml", ("rules", index, "all"), says, "any: [...], if either is meant")


def beyond_the_timeout(review: CheckContext) -> None:
    """A response limit that the timeout always cuts off first."""

    def over(rule: Rule, source: Source) -> bool:
        return len(rule.conditions) == 1 and any(
            c.metric == "response_ms"
            and c.op in {">", ">="}
            and not isinstance(c.value, str)
            and c.value >= source.timeout_s * 1000
            for c in rule.conditions
        )

    _warn_where(
        review,
        over,
        ("value",),
        lambda _, source: (
            f"can never fire: a check ends at its timeout of {config_duration(source.timeout_s)}, then down, not slow"
        ),
        "a value below the timeout, or a longer timeout",
    )


def short_windows(review: CheckContext) -> None:
    """A window that holds too few observations to say anything."""

    def over_of(rule: Rule) -> int | None:
        windows = [w for w in (rule.over_s, *(c.over_s for c in rule.conditions)) if w is not None]
        return min(windows, default=None)

    def empty(rule: Rule, source: Source) -> bool:
        over = over_of(rule)
        return over is not None and over < source.interval_s

    def few(rule: Rule, source: Source) -> bool:
        return (
            rule.pattern is Pattern.RATE
            and rule.over_s is not None
            and rule.over_s >= source.interval_s
            and rule.over_s // source.interval_s < rule.min_bad
        )

    _warn_where(
        review,
        empty,
        ("over",),
        lambda rule, source: (
            f"its window of {config_duration(over_of(rule) or 0)} is shorter "
            f"than the interval of {config_duration(source.interval_s)}"
        ),
        "a window of several intervals, in an override for these sources",
    )
    _warn_where(
        review,
        few,
        ("min_bad",),
        lambda rule, source: (
            f"can never fire: {config_duration(rule.over_s or 0)} hold {(rule.over_s or 0) // source.interval_s} "
            f"checks, and it needs {rule.min_bad} failed"
        ),
        "overrides: [{select: ..., over: 24h}], or a smaller min_bad",
    )


def without_a_limit(review: CheckContext) -> None:
    """`max_data_age` where no source says one, `quality` where nothing is scored: unknown for ever, and silent."""
    for place, rule, pairs in review.effective_rules:
        metrics = {c.metric for c in rule.conditions}
        if not pairs or len(rule.conditions) != 1:
            continue
        if rule.conditions[0].value == "max_data_age" and all(group[0].stale_after_s is None for _, group in pairs):
            says = "Can never fire: none of its sources says max_data_age or cadence."
            review.warn("alerts.yaml", place, says, "in sources.yaml, max_data_age: 26h for the type or the source")
        if metrics == {"quality"} and all(group[0].quality is None for _, group in pairs):
            says = "Can never fire: the quality of none of its sources is scored."
            review.warn("alerts.yaml", place, says, "in sources.yaml, quality: {suite: ...} for the type or the source")


def unwatched_sources(review: CheckContext) -> None:
    """Sources that no rule checks, or only rules in shadow mode."""
    if not review.rules:
        return
    watched = {
        s.name for _, _, pairs in review.effective_rules for own, group in pairs if not own.shadow for s in group
    }
    left = [name for name in review.sources if name not in watched]
    if left:
        review.warn(
            "alerts.yaml",
            ("rules",),
            f"No rule checks {listed(left)}: whatever happens there, no one is notified.",
            "a rule whose select matches them",
        )


def _warn_where(
    review: CheckContext,
    holds: Callable[[Rule, Source], bool],
    inside: tuple[str, ...],
    why: Callable[[Rule, Source], str],
    remedy: str,
) -> None:
    """One warning per rule, naming the sources for which `holds`, with the reason of the first of them."""
    for place, _, pairs in review.effective_rules:
        hit = [(own, group) for own, group in pairs if holds(own, group[0])]
        if hit:
            names = listed(source.name for _, group in hit for source in group)
            recipients = "" if len(hit) == len(pairs) else f"For {names}: "
            own, group = hit[0]
            reason = why(own, group[0])
            says = recipients + (reason if recipients else reason[0].upper() + reason[1:])
            review.warn("alerts.yaml", (*place, *inside), f"{says}.", remedy)
