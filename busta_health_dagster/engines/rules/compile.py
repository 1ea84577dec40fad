"""Rules compiled per source, and the one loop that evaluates them, live and in the backtest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.rule import Pattern, Rule
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.engines.rules import quota, shares
from busta_health_dagster.engines.rules.absence_evaluators import Anomaly, FlappingSource, NoData, NoScore
from busta_health_dagster.engines.rules.evaluators import Evaluator, newest_or_combined
from busta_health_dagster.engines.rules.external import INSTANCE_PATTERNS
from busta_health_dagster.engines.rules.limits import effective
from busta_health_dagster.engines.rules.metrics import QUALITY_BIT, position
from busta_health_dagster.engines.rules.needs import Needs
from busta_health_dagster.engines.rules.window import SourceWindow
from busta_health_dagster.engines.rules.window_state import restore

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from busta_health_dagster.domain.observation import Observation
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.domain.verdict import Score


@dataclass(frozen=True, slots=True)
class SourceRules:
    """What is evaluated for one source, in the file's order, and what is not, with the reason."""

    source: Source
    evaluators: tuple[Evaluator, ...]
    not_applied: tuple[tuple[str, str], ...]
    needs: Needs = field(default_factory=Needs)

    @property
    def by_name(self) -> dict[str, Rule]:
        return {e.rule.name: e.rule for e in self.evaluators}

    def window(self, state: Mapping[str, Any] | None = None) -> SourceWindow | None:
        """The kept window; None when there is none that fits (then `empty_window` and push what is stored)."""
        return restore(self.source, self.needs, state)

    def empty_window(self) -> SourceWindow:
        return SourceWindow(self.source, self.needs)


def rules_for(source: Source, rules: Iterable[Rule]) -> SourceRules:
    """Compile once per configuration, not per tick."""
    evaluators: list[Evaluator] = []
    left_out: list[tuple[str, str]] = []
    for rule in rules:
        if rule.pattern in INSTANCE_PATTERNS:
            continue
        mine = effective(rule, source)
        if mine is None:
            left_out.append((rule.name, "does not select this source"))
            continue
        made = _compile(mine, source)
        if isinstance(made, str):
            left_out.append((rule.name, made))
        else:
            evaluators.append(made)
    return SourceRules(source, tuple(evaluators), tuple(left_out), Needs.of(e.rule for e in evaluators))


def _compile(rule: Rule, source: Source) -> Evaluator | str:
    absent = next((c.metric for c in rule.conditions if position(c.metric, source) is None), None)
    if absent is not None:
        return f"the source has no metric {absent}"
    match rule.pattern:
        case Pattern.STATUS | Pattern.THRESHOLD:
            return newest_or_combined(rule, source) if rule.conditions else "has no condition"
        case Pattern.RATE:
            return shares.failure_rate(rule, source)
        case Pattern.NO_DATA:
            return NoData(rule, source)
        case Pattern.ANOMALY:
            return Anomaly(rule, source)
        case Pattern.BURN_RATE:
            return shares.burn_rate(rule, source)
        case Pattern.FLAPPING:
            return FlappingSource(rule, source)
        case Pattern.TREND:
            return shares.trend(rule, source)
        case Pattern.QUOTA:
            return quota.credits_end(rule, source)
        case Pattern.NO_SCORE:
            return "the source is not scored" if source.quality is None else NoScore(rule, source)
        case _:
            return f"pattern {rule.pattern} is evaluated per instance, not per source"


def evaluate_rules(
    rules: SourceRules, window: SourceWindow, watched: Container[str] = ()
) -> list[tuple[Rule, Verdict]]:
    """Evaluate what is new, and mark it seen: the verdicts that matter, in the file's order.

    A good or unknown verdict matters only to a rule with an alert that is still watched (`Alert.watched`); `watched`
    holds the names of those rules. Call it once after each `push`, `push_score` or `close`.
    """
    out: list[tuple[Rule, Verdict]] = []
    for evaluator in rules.evaluators:
        outcome = evaluator.outcome(window)
        if outcome is None or (outcome is not Outcome.BAD and evaluator.rule.name not in watched):
            continue
        out.append((evaluator.rule, evaluator.explain(window, outcome)))
    window.fresh = 0
    return out


def survey(rules: SourceRules, window: SourceWindow) -> list[tuple[str, Verdict | None, str]]:
    """Every rule with what it says of the newest values, for `alerts explain SOURCE`: (rule, verdict or None,
    reason).
    """
    kept, window.fresh = window.fresh, window.last_fresh | (QUALITY_BIT if window.score is not None else 0)
    try:
        rows: list[tuple[str, Verdict | None, str]] = []
        for e in rules.evaluators:
            verdict = e.verdict(window)
            rows.append((e.rule.name, verdict, "no new value to evaluate" if verdict is None else verdict.reason))
    finally:
        window.fresh = kept
    return rows + [(name, None, reason) for name, reason in rules.not_applied]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Plain values for `evaluate`: observations (oldest first), with the slots that lay in maintenance, scores,
    the detector's word.
    """

    observations: tuple[Observation, ...] = ()
    scores: tuple[Score, ...] = ()
    maintenance: frozenset[int] = frozenset()
    anomaly: Any = None
    closed: int | None = None  # the newest slot of a finished tick, when it is later than the newest observation


def evaluate(rule: Rule, source: Source, inputs: Inputs) -> Verdict:
    """One rule, one source, once: for tests, previews and explanations.

    What cannot be evaluated is unknown, with the reason.
    """
    rules = rules_for(source, [rule])
    if not rules.evaluators:
        reason = rules.not_applied[0][1] if rules.not_applied else "evaluated per instance"
        return Verdict(Outcome.UNKNOWN, inputs.closed or 0, reason)
    window = rules.empty_window()
    for o in inputs.observations:
        window.push(o, maintenance=o.slot in inputs.maintenance)
    for score in inputs.scores:
        window.push_score(score)
    if inputs.closed is not None:
        window.close(inputs.closed)
    if inputs.anomaly is not None:
        window.set_anomaly(inputs.anomaly)
    verdict = rules.evaluators[0].verdict(window)
    return verdict or Verdict(Outcome.UNKNOWN, window.slot, "no new value to evaluate")
