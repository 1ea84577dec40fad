"""What is normal, for people: the band of a metric on charts and in messages, and the ranges of a source and of a type.

A source that has learned enough needs its own state alone; a young one leans on its type, whose states are then read as
well. Where nothing is known there is no band: never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.anomaly import Basis, Metric
from busta_health_dagster.domain.errors import Refused
from busta_health_dagster.domain.notification import Normal
from busta_health_dagster.domain.units import floor_to, iso
from busta_health_dagster.pipeline.anomaly.anomaly_pass import check_of, load_detector, watched
from busta_health_dagster.pipeline.anomaly.fleet_detector import anomaly_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from busta_health_dagster.domain.anomaly import NormalRange
    from busta_health_dagster.domain.documents.sources import BaselineRow, Range
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.verdict import CheckVerdict
    from busta_health_dagster.pipeline.anomaly.fleet_detector import Detector
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.baselines import Learned

WITH_NORMAL_RANGE = (Metric.RESPONSE, Metric.ITEMS, Metric.QUALITY)
HOUR_S = 3600
AHEAD_HOURS = 24
NO_RULE = "no rule of pattern anomaly watches it; add one to alerts.yaml (`shadow: true` notifies no one)"


@dataclass(frozen=True, slots=True)
class Baseline:
    """One source's ranges: `now` and the coming hours per metric (epoch of the hour, band), without those unknown.

    `check` is what the detector said last; None, with `rule` None, where no one asked for it.
    """

    source: str
    type: str
    at: int
    rule: Rule | None
    learned: Learned | None
    check: CheckVerdict | None
    normal_ranges: Mapping[Metric, tuple[tuple[int, NormalRange], ...]]

    def as_json(self) -> BaselineRow:
        """The shape of `baselines show NAME -o json` and of REST."""
        return {
            "source": self.source,
            "type": self.type,
            "at": iso(self.at),
            "rule": None if self.rule is None else self.rule.name,
            "shadow": None if self.rule is None else self.rule.shadow,
            "learned_until": None if self.learned is None else iso(self.learned.slot),
            "state": "unknown" if self.check is None else self.check.outcome.word,
            "reason": NO_RULE if self.check is None else self.check.reason,
            "metrics": {
                metric.value: {
                    "basis": some[0][1].basis.value,
                    "now": _normal_range_json(some[0][1]),
                    "hours": [{"at": iso(at), **_normal_range_json(normal_range)} for at, normal_range in some[1:]],
                }
                for metric, some in self.normal_ranges.items()
            },
        }


def _normal_range_json(normal_range: NormalRange) -> Range:
    return {"p5": round(normal_range.p5, 3), "p50": round(normal_range.p50, 3), "p95": round(normal_range.p95, 3)}


def normal_range_of(app: App, name: str, metric: Metric, epochs: Iterable[int]) -> list[NormalRange]:
    """The normal range at these instants; empty where none is known, and then none is to be drawn."""
    return normal_ranges_of(app, name, [metric], epochs).get(metric, [])


def normal_ranges_of(
    app: App, name: str, metrics: Sequence[Metric], epochs: Iterable[int]
) -> dict[Metric, list[NormalRange]]:
    """Like `normal_range_of` for several metrics at once; those without a band are left out."""
    rule = anomaly_rule(app.config.sources[name], app.config.rules)
    wanted = list(epochs)
    if rule is None or not wanted:
        return {}
    with app.store.read() as uow:
        return _normal_ranges(app, uow, name, rule, metrics, wanted)


def baselines_of(app: App, names: Sequence[str], *, ahead_hours: int = AHEAD_HOURS) -> list[Baseline]:
    """The ranges of these sources now and over the coming hours."""
    now = app.now()
    hours = [now, *(floor_to(now, HOUR_S) + HOUR_S * k for k in range(1, ahead_hours + 1))]
    found = []
    with app.store.read() as uow:
        learned = uow.baselines.learned()
        for name in names:
            source = app.config.sources[name]
            rule = anomaly_rule(source, app.config.rules, now)
            check = None if rule is None else check_of(app, name, learned.get(name), now)
            normal_ranges = {} if rule is None else _normal_ranges(app, uow, name, rule, WITH_NORMAL_RANGE, hours)
            series = {m: tuple(zip(hours, some, strict=True)) for m, some in normal_ranges.items()}
            found.append(Baseline(name, source.type, now, rule, learned.get(name), check, series))
    return found


def normal_range_lookup(app: App, uow: UnitOfWork, at: int) -> Callable[[str, str], Normal | None]:
    """What is usual of a source's metric at `at`, for messages; asked for one source after the other, each read once."""
    known: dict[str, dict[Metric, list[NormalRange]]] = {}
    metrics = {m.value: m for m in WITH_NORMAL_RANGE}

    def normal(name: str, metric: str) -> Normal | None:
        source = app.config.sources.get(name)
        if metric not in metrics or source is None:
            return None
        rule = anomaly_rule(source, app.config.rules)
        if rule is None:
            return None
        if name not in known:
            known[name] = _normal_ranges(app, uow, name, rule, WITH_NORMAL_RANGE, [at])
        some = known[name].get(metrics[metric])
        return Normal(some[0].p5, some[0].p95) if some else None

    return normal


def type_weeks(app: App, type_name: str) -> dict[Metric, tuple[NormalRange, ...]]:
    """168 bands per metric, Monday 00:00 UTC first, of what the sources of a type have in common.

    Raises:
        Refused: no source of the type has learned enough yet, or no one watches it.
    """
    from busta_health_dagster.engines.anomaly import ranges

    now = app.now()
    rules = watched(app, [s.name for s in app.config.sources.values() if s.type == type_name])
    with app.store.read() as uow:
        detector = load_detector(app, uow, rules, now, now + 1, _stored(uow, rules))
    found: dict[Metric, tuple[NormalRange, ...]] = {}
    for metric in WITH_NORMAL_RANGE:
        for bank in detector.banks:
            week = ranges.type_week(bank, type_name, metric)
            if week is not None:
                found.setdefault(metric, week)
    if not found:
        raise Refused(
            f"No source of type {type_name} has learned its range yet; that takes half a day of observations. "
            "See: busta baselines show"
        )
    return found


def _normal_ranges(
    app: App, uow: UnitOfWork, name: str, rule: Rule, metrics: Sequence[Metric], epochs: Sequence[int]
) -> dict[Metric, list[NormalRange]]:
    if not _stored(uow, [name]):
        return {}
    alone = load_detector(app, uow, {name: rule}, min(epochs), max(epochs) + 1, [name])
    found = {metric: _source_normal_ranges(alone, name, metric, epochs) for metric in metrics}
    if all(some[0].basis is Basis.OWN for some in found.values()):
        return found
    kind = app.config.sources[name].type
    mates = watched(app, _stored(uow, [s.name for s in app.config.sources.values() if s.type == kind]))
    together = load_detector(app, uow, mates, min(epochs), max(epochs) + 1, list(mates))
    for metric, some in list(found.items()):
        if some[0].basis is not Basis.OWN:
            found[metric] = _source_normal_ranges(together, name, metric, epochs)
    return {metric: some for metric, some in found.items() if some[0].basis is not Basis.NONE}


def _source_normal_ranges(detector: Detector, name: str, metric: Metric, epochs: Sequence[int]) -> list[NormalRange]:
    from busta_health_dagster.engines.anomaly import ranges

    bank = detector.bank_of(name)
    assert bank is not None, "made for this source"
    return ranges.source_normal_ranges(bank, name, metric, epochs, [detector.calendar.at(at, name) for at in epochs])


def _stored(uow: UnitOfWork, names: Collection[str]) -> list[str]:
    """Those that the store knows: a source is new until its first tick."""
    known = uow.sources.among(names)
    return [name for name in names if name in known]
