"""Observations brought into the rules' windows and evaluated, one observation after another; and the asset checks as they are now.

Each source has its own cursor, `evaluated_slot`: a global id cursor would lose rows that commit out of order. A pass
that died after the observation is made up by the next one.

An observation older than three intervals opens nothing: it may continue and end what is open. So neither an import of a month
nor the first pass after a long absence sends anything about the past; what is still bad now shows in the newest observations.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Observation
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.domain.verdict import Score
from busta_health_dagster.engines.near_events import source_near
from busta_health_dagster.engines.rules import (
    check_verdicts,
    decidable_checks,
    failure_check,
    limits_for,
    quality_check,
    to_state,
)
from busta_health_dagster.pipeline.alerting.engine import AlertEngine, CompiledRules, SourceRuleState
from busta_health_dagster.pipeline.app.freshness import newest_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from busta_health_dagster.domain.anomaly import AnomalyVerdict
    from busta_health_dagster.domain.dependencies import Dependencies
    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.domain.verdict import CheckVerdict
    from busta_health_dagster.engines.maintenance import MaintenanceIndex
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

OPENS_WITHIN_INTERVALS = 3
"""An older observation opens no alert."""


@dataclass(slots=True)
class EvaluationBatch:
    """The sources of one pass: their seats, from where each is read, and whose window has changed.

    `cursors` are the slots after which observations are read; `rebuilt` windows have to be filled from the store first.
    """

    rule_states: dict[str, SourceRuleState]
    cursors: dict[str, int] = field(default_factory=dict)
    rebuilt: dict[str, int] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    observations: int = 0

    @property
    def since(self) -> int | None:
        """The oldest slot that is read."""
        starts = [*self.cursors.values(), *self.rebuilt.values()]
        return min(starts) if starts else None


def load_windows(
    uow: UnitOfWork, rules: CompiledRules, states: Mapping[str, SourceState], names: Collection[str] | None
) -> EvaluationBatch:
    """The windows of these sources (None: of all that were ever checked), as they were kept."""
    kept = uow.rule_windows.all(names)
    intake = EvaluationBatch({})
    for name, compiled in rules.compiled.items():
        state = states.get(name)
        if state is None or (names is not None and name not in names):
            continue
        window = compiled.window(kept.get(name))
        if window is None:
            window = compiled.empty_window()
            window.score_awaited_since = state.quality_at or state.slot
            intake.rebuilt[name] = state.slot - window.lookback_s()
            intake.changed.add(name)
        if state.pending:
            oldest = state.slot - max(window.lookback_s(), OPENS_WITHIN_INTERVALS * compiled.source.interval_s)
            intake.cursors[name] = state.evaluated_slot or oldest
        intake.rule_states[name] = SourceRuleState(compiled, window)
    return intake


def evaluate_observations(
    uow: UnitOfWork,
    book: AlertEngine,
    intake: EvaluationBatch,
    states: Mapping[str, SourceState],
    *,
    by_hand: Iterable[Observation] = (),
    anomalies: Mapping[tuple[str, int], AnomalyVerdict] | None = None,
) -> None:
    """Push every observation that no pass has taken in yet, and evaluate each as it is pushed."""
    _rebuild(uow, intake, states, book.planned)
    found = anomalies or {}
    for some in _together(intake, states, book.rules.dependencies):
        since = min(intake.cursors[name] for name in some) + 1
        until = max(states[name].slot for name in some) + 1
        for name, seen in uow.observations.window(some, since, until).items():
            _evaluate_new(book, intake, name, [o for o in seen if o.slot > intake.cursors[name]], found)
            intake.changed.add(name)
    for o in by_hand:
        window = intake.rule_states[o.source].window
        window.push(o)
        if (o.source, o.slot) in found:
            window.set_anomaly(found[o.source, o.slot])
        book.evaluate_rules(o.source)
        intake.changed.add(o.source)
        intake.observations += 1


def evaluate_scores(
    uow: UnitOfWork, book: AlertEngine, intake: EvaluationBatch, states: Mapping[str, SourceState]
) -> None:
    """What the rules make of quality scores that are newer than the last one a window knows."""
    for name, score in newer_scores(uow, intake, states).items():
        source = intake.rule_states[name].source
        if intake.rule_states[name].window.push_score(score):
            every = source.quality.every_s if source.quality is not None else source.interval_s
            book.evaluate_rules(name, may_open=score.at >= book.now - OPENS_WITHIN_INTERVALS * every)
            intake.changed.add(name)


def newer_scores(uow: UnitOfWork, intake: EvaluationBatch, states: Mapping[str, SourceState]) -> dict[str, Score]:
    """Those that no window knows yet, with what makes them uncertain."""
    new = {
        name: (state.quality_at, state.quality)
        for name, taken in intake.rule_states.items()
        if (state := states[name]).quality is not None
        and state.quality_at is not None
        and _is_new(taken.window.score, state.quality, state.quality_at, taken.source)
    }
    if not new:
        return {}
    exact = uow.quality.for_rules(min(at for at, _ in new.values()))
    found = {}
    for name, (at, value) in new.items():
        score = exact.get(name)
        found[name] = score if score is not None and score.at == at else Score(at, value)
    return found


def _is_new(known: Score | None, value: float, at: int, source: Source) -> bool:
    """A score that came with an observation lies in the window under its slot, in the state under the instant of the
    look: once is enough.
    """
    if known is None:
        return True
    observed_slots = known.raw is None and known.score == value and at - known.at < source.interval_s
    return known.at < at and not observed_slots


def close_slots(book: AlertEngine, intake: EvaluationBatch, finished_at: int | None) -> None:
    """Slots of the last finished tick that have nothing of a source: only this makes silence count. Vantage points have until
    the end of a slot to answer, so that theirs is the one before.
    """
    if finished_at is None:
        return
    for name, taken in intake.rule_states.items():
        interval = taken.source.interval_s
        slot = floor_to(finished_at, interval) - (interval if taken.source.vantages else 0)
        if taken.window.close(slot):
            book.evaluate_rules(name, may_open=slot >= book.now - OPENS_WITHIN_INTERVALS * interval)
            intake.changed.add(name)


def save_windows(uow: UnitOfWork, intake: EvaluationBatch, states: Mapping[str, SourceState]) -> None:
    """Windows and cursors as this pass leaves them."""
    uow.rule_windows.put({name: to_state(intake.rule_states[name].window) for name in sorted(intake.changed)})
    uow.states.set_evaluated({name: states[name].scheduled_slot or 0 for name in intake.cursors})


def _rebuild(
    uow: UnitOfWork, intake: EvaluationBatch, states: Mapping[str, SourceState], planned: MaintenanceIndex
) -> None:
    """Fill windows that were lost, or that the rules no longer fit, with what was evaluated before."""
    for names in _by_interval(intake, intake.rebuilt):
        since = min(intake.rebuilt[name] for name in names) + 1
        until = max(states[name].evaluated_slot for name in names) + 1
        if until <= since:
            continue
        for name, observations in uow.observations.columns(since, until, names).items():
            rule_state, done = intake.rule_states[name], states[name].evaluated_slot
            for o in observations:
                if intake.rebuilt[name] < o.slot <= done:
                    rule_state.window.feed(
                        o.slot,
                        o.status,
                        o.response_ms,
                        o.items,
                        o.data_age_s,
                        o.quality,
                        None,
                        o.attempts,
                        suspect=o.suspect,
                        maintenance=planned.covers(rule_state.source, o.slot),
                        lost=o.lost,
                        limited=o.limited,
                        light=o.light,
                        metrics=o.metrics,
                    )
            rule_state.window.fresh = 0


def _evaluate_new(
    book: AlertEngine,
    intake: EvaluationBatch,
    name: str,
    seen: Sequence[Observation],
    anomalies: Mapping[tuple[str, int], AnomalyVerdict],
) -> None:
    taken = intake.rule_states[name]
    source, window, planned = taken.source, taken.window, book.planned
    opens_from = book.now - OPENS_WITHIN_INTERVALS * source.interval_s
    for o in seen:
        if not window.push(o, maintenance=planned.covers(source, o.slot)):
            continue
        if anomalies and (name, o.slot) in anomalies:
            window.set_anomaly(anomalies[name, o.slot])
        book.evaluate_rules(name, may_open=o.slot >= opens_from)
        intake.observations += 1


def _by_interval(intake: EvaluationBatch, names: Iterable[str]) -> list[list[str]]:
    groups: dict[int, list[str]] = defaultdict(list)
    for name in names:
        groups[intake.rule_states[name].source.interval_s].append(name)
    return list(groups.values())


def _together(
    intake: EvaluationBatch, states: Mapping[str, SourceState], dependencies: Dependencies
) -> list[list[str]]:
    """Sources to read in one query: one that is far behind must not make the others' stretch long, and what others depend on
    comes before them.
    """
    groups: dict[tuple[int, int, bool], list[str]] = defaultdict(list)
    for name, cursor in intake.cursors.items():
        interval = intake.rule_states[name].source.interval_s
        groups[dependencies.depth(name), interval, states[name].slot - cursor > 2 * interval].append(name)
    return [groups[key] for key in sorted(groups, key=lambda key: key[0])]


def verdicts_of(
    app: App,
    states: Mapping[str, SourceState],
    rule_states: Mapping[str, SourceRuleState],
    now: int,
    no_scores: Mapping[str, str],
    near: Collection[str],
) -> dict[str, dict[str, CheckVerdict]]:
    """The asset checks of every source as they are now, as far as they can be decided at all. `no_scores`: why the newest
    validation of a source came to no score; `near`: sources with a known event at hand.
    """
    out: dict[str, dict[str, CheckVerdict]] = {}
    for name, taken in rule_states.items():
        usual, state = taken.source, states[name]
        source = source_near(usual) if name in near else usual
        limits = limits_for(source, app.config.rules)
        checks = dict(check_verdicts(source, limits, newest_of(source, state, now)))
        rate = taken.window.rates.get(limits.failure_over_s or 0)
        if rate is not None:
            checks["failure_rate"] = failure_check(source, limits, rate.bad, rate.observed)
        if source.quality is not None:
            checks["quality"] = quality_check(source, limits, taken.window.score, now, no_scores.get(name, ""))
        out[name] = {check: checks[check] for check in decidable_checks(usual, limits_for(usual, app.config.rules))}
    return out
