"""What the detector makes of one source, for people: its word, its noise budget, and every metric with what it can tell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.rule import Pattern, Rule
from busta_health_dagster.engines.anomaly.behaviour import ALWAYS_ZERO, YOUNG_FITS, Use
from busta_health_dagster.pipeline.anomaly.anomaly_pass import LEARN_S, check_of, load_detector
from busta_health_dagster.pipeline.anomaly.fleet_detector import Detector, anomaly_rule
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.documents.sources import AnomalyExplanation, MetricBehaviour
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.anomaly.behaviour import Behaviour
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store.history import ObservationRow

_DAY_S = 86_400
TRIED = Rule(name="anomaly", pattern=Pattern.ANOMALY)
"""What a source that no rule watches would be evaluated by."""


def explain_source(app: App, name: str) -> AnomalyExplanation:
    """From what was learned; of a source that no one watches, from the last four weeks in the store."""
    source = app.config.sources[name]
    rule = anomaly_rule(source, app.config.rules)
    now = app.now()
    with app.store.read() as uow:
        learned = uow.baselines.learned([name]).get(name)
        if rule is not None and learned is not None:
            detector = load_detector(app, uow, {name: rule}, now, now + 1, [name])
            check = check_of(app, name, learned, now)
            found = _explanation(detector, source, rule, check.outcome.word, check.reason)
            if all(metric["use"] != Use.LEARNING.value for metric in found["metrics"]):
                return found
            return _without_zeros(found, uow.observations.columns(now - YOUNG_FITS * _DAY_S, now + 1, [name])[name])
        rows = uow.observations.columns(now - LEARN_S, now + 1, [name])[name]
    if not rows:
        raise BadInput(
            f"The store holds no observation of {name} in the last {duration_text(LEARN_S)}. Let the monitor run, or "
            "use a recording: busta baselines suggest NAME --observations DIR_OR_CSV"
        )
    said = "no rule of pattern anomaly watches it" if rule is None else "not learned by the monitor yet"
    return explain_rows(source, rule, rows, reason=f"{said}; this is what its stored history says")


def explain_rows(
    source: Source, rule: Rule | None, rows: Sequence[ObservationRow], *, reason: str
) -> AnomalyExplanation:
    """From these observations alone, oldest first."""
    used = replace(rule if rule is not None else TRIED, overrides=())
    detector = Detector([source], {source.name: used}, keep_cold=True)
    for row in rows:
        detector.step(row.slot, [(source.name, row)], lambda _: False)
    return _without_zeros(_explanation(detector, source, used if rule is None else rule, "unknown", reason), rows)


def _without_zeros(found: AnomalyExplanation, rows: Sequence[ObservationRow]) -> AnomalyExplanation:
    """A metric that is always 0 would be learning for ever."""
    for metric in found["metrics"]:
        if {getattr(row, metric["metric"], None) for row in rows} - {None} == {0}:
            metric |= {"use": Use.LEFT_OUT.value, "why": ALWAYS_ZERO}
    return found


def _explanation(detector: Detector, source: Source, rule: Rule, state: str, reason: str) -> AnomalyExplanation:
    from busta_health_dagster.engines.anomaly.behaviour import behaviours

    bank = detector.bank_of(source.name)
    assert bank is not None
    return {
        "source": source.name,
        "state": state,
        "reason": reason,
        "budget": f"1 per {duration_text(rule.budget_s)}",
        "stricter": bank.stricter(bank.row(source.name)) or None,
        "metrics": [_row(one) for one in behaviours(bank, source.name)],
    }


def _row(one: Behaviour) -> MetricBehaviour:
    return {
        "metric": one.metric,
        "use": one.use.value,
        "usual": None if one.usual is None else round(one.usual, 3),
        "smallest_fall": None if one.fall is None else round(one.fall, 3),
        "smallest_rise": None if one.rise is None else round(one.rise, 3),
        "why": one.why,
    }
