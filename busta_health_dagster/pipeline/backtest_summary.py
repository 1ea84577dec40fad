"""What a backtest adds up to: alerts, messages, noise and time per rule, and what another threshold would have cost."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.alert import Event
from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.domain.units import duration_text, iso
from busta_health_dagster.engines.inhibition import SOURCE_DOWN
from busta_health_dagster.engines.maintenance import merged
from busta_health_dagster.engines.rules import rules_for
from busta_health_dagster.engines.rules.limits import limit_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.alert_book import Changes
    from busta_health_dagster.pipeline.backtest import Trial

BLIP_S = 600
"""An alert that resolves itself so soon has told people about nothing they could have mended."""
_WEEK_S = 7 * 86400
_FACTORS = (0.5, 0.75, 1.5, 2.0)

Stretch = tuple[str, int, int]
"""(source, opened, resolved or the end of history)."""


@dataclass(slots=True)
class Tally:
    """Counts of one run. `stretches` are the open stretches of each rule's alerts; `told` are messages per rule,
    `told_of` per source, `told_by` per both. A message about several alerts counts for the worst of them.
    """

    until: int
    stretches: dict[str, list[Stretch]] = field(default_factory=lambda: defaultdict(list))
    alerts: Counter[str] = field(default_factory=Counter)
    blips: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    told_of: Counter[str] = field(default_factory=Counter)
    told_by: Counter[tuple[str, str]] = field(default_factory=Counter)
    shadow: set[str] = field(default_factory=set)
    _open: dict[str, int] = field(default_factory=dict)

    def take(self, changes: Changes) -> None:
        """Take in one pass."""
        for note in changes.notifications:
            source, _, rest = note.fingerprints[0].partition("/")
            rule = rest.partition("/")[0]
            self.told[rule] += 1
            self.told_of[source] += 1
            self.told_by[rule, source] += 1
        for record in changes.records:
            alert = record.alert
            if alert.shadow:
                self.shadow.add(alert.rule)
            for t in record.transitions:
                if t.event in {Event.OPENED, Event.REOPENED}:
                    self.alerts[alert.rule] += t.event is Event.OPENED
                    self._open[alert.fingerprint] = t.at
                elif t.event is Event.RESOLVED and alert.fingerprint in self._open:
                    opened = self._open.pop(alert.fingerprint)
                    self.blips[alert.rule] += t.at - opened <= BLIP_S
                    self.stretches[alert.rule].append((alert.source, opened, t.at))

    def close(self) -> Tally:
        """The end of the history: what is open has lasted until now."""
        for name, opened in self._open.items():
            source, _, rest = name.partition("/")
            self.stretches[rest.partition("/")[0]].append((source, opened, self.until))
        self._open.clear()
        return self

    def under_alert_s(self, rules: Iterable[str]) -> int:
        """Time with an open alert of any of these rules, as a union per source, summed over the sources."""
        by_source: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for rule in rules:
            for source, begin, end in self.stretches[rule]:
                by_source[source].append((begin, end))
        return sum(end - begin for some in by_source.values() for begin, end in merged(some))


@dataclass(frozen=True, slots=True)
class RuleCost:
    """What one rule cost. `per_source_week` are messages per source and week; `blips` resolved themselves in 10 min."""

    rule: str
    shadow: bool
    alerts: int
    notifications: int
    per_source_week: float
    blips: int
    under_alert_s: int

    def as_json(self) -> dict[str, Any]:
        share = round(100 * self.blips / self.alerts, 1) if self.alerts else None
        return {
            "rule": self.rule, "shadow": self.shadow, "alerts": self.alerts, "notifications": self.notifications,
            "per_source_week": round(self.per_source_week, 3), "self_resolved": self.blips,
            "self_resolved_percent": share, "under_alert_s": self.under_alert_s,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variant:
    """A rule with one figure changed, and what that would have cost. `later_s` is the median over the alerts kept."""

    rule: str
    what: str
    label: str
    present: bool
    notifications: int
    kept: int
    real: int
    later_s: float | None

    def as_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule, "what": self.what, "value": self.label, "present": self.present,
            "notifications": self.notifications, "real_kept": self.kept, "real": self.real, "later_s": self.later_s,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Summary:
    """All of `busta backtest --summary`."""

    since: int
    until: int
    sources: int
    looks: int
    rules: tuple[RuleCost, ...]
    total: RuleCost
    noisiest: tuple[tuple[str, int, float], ...]
    variants: tuple[Variant, ...]
    best: str

    def as_json(self) -> dict[str, Any]:
        return {
            "since": iso(self.since), "until": iso(self.until), "sources": self.sources, "looks": self.looks,
            "rules": [r.as_json() for r in self.rules], "total": self.total.as_json(),
            "by_source": [
                {"source": s, "notifications": n, "per_week": round(rate, 3)} for s, n, rate in self.noisiest
            ],
            "thresholds": [v.as_json() for v in self.variants], "best_trade": self.best or None,
        }  # fmt: skip


def run_tally(trial: Trial, advance: Callable[[int, int | None], None], take: Callable[[Changes], None]) -> Tally:
    """Run it once and count; `take` also sees every pass."""
    tally = Tally(trial.until)
    for changes in trial.run(advance):
        tally.take(changes)
        take(changes)
    return tally.close()


def summarise(
    trial: Trial, tally: Tally, advance: Callable[[int, int | None], None] = lambda _done, _total: None
) -> Summary:
    """The figures of a run, and of the same history under other thresholds (one replay for each)."""
    weeks = max(trial.until - trial.since, 1) / _WEEK_S
    sources = len(trial.script.sources)
    names = [r.name for r in trial.script.rules]
    costs = tuple(_cost(tally, [name], name, sources * weeks) for name in names)
    telling = [name for name in names if name not in tally.shadow]
    total = _cost(tally, telling, "all that tell", sources * weeks)
    noisy = tuple((s, n, n / weeks) for s, n in tally.told_of.most_common())
    found = tuple(_variants(trial, tally, advance))
    looks = sum((trial.until - trial.since) // s.interval_s for s in trial.script.sources.values())
    return Summary(trial.since, trial.until, sources, looks, costs, total, noisy, found, _best(found))


def _cost(tally: Tally, rules: Sequence[str], name: str, source_weeks: float) -> RuleCost:
    told = sum(tally.told[r] for r in rules)
    return RuleCost(
        name, name in tally.shadow, sum(tally.alerts[r] for r in rules), told, told / source_weeks,
        sum(tally.blips[r] for r in rules), tally.under_alert_s(rules),
    )  # fmt: skip


def _variants(trial: Trial, tally: Tally, advance: Callable[[int, int | None], None]) -> Iterable[Variant]:
    todo = [
        (rule, what, options) for rule in trial.script.rules if rule.name not in tally.shadow
        for what, options in [alternatives(rule, trial.script.sources)] if options
    ]  # fmt: skip
    runs = sum(len(options) for _, _, options in todo)
    done = 0
    for rule, what, options in todo:
        real = real_stretches(trial, tally.stretches[rule.name])
        row = [_judged(rule.name, what, _present(rule, trial), tally, real, present=True)]
        for label, changed, factor in options:
            other = only(trial, [changed], factor)
            counted = run_tally(other, lambda _n, _t: None, lambda _c: None)
            row.append(_judged(rule.name, what, label, counted, real, present=False))
            done += 1
            advance(done, runs)
        order = {label: i for i, label in enumerate(_order(row[0].label, rule, options))}
        yield from sorted(row, key=lambda v: order[v.label])


def _order(present: str, rule: Rule, options: Sequence[tuple[str, Rule, float]]) -> list[str]:
    """Options come in rising order; the present value stands where it belongs among them."""
    below = [label for label, changed, factor in options if _rank(changed, factor) < _rank(rule, 1.0)]
    return [*below, present, *(label for label, _, _ in options if label not in below)]


def _rank(rule: Rule, factor: float) -> tuple[float, int, int]:
    value = rule.conditions[0].value if rule.conditions else 0.0
    return (value if isinstance(value, float) else factor), rule.for_, rule.intervals


def alternatives(rule: Rule, sources: Mapping[str, Source]) -> tuple[str, list[tuple[str, Rule, float]]]:
    """What of this rule can be turned, and (label, changed rule, factor on the sources' own limit), rising."""
    if not any(rules_for(s, [rule]).evaluators for s in sources.values()):
        return "", []
    match rule.pattern:
        case Pattern.STATUS:
            return "for", [(str(n), replace(rule, for_=n), 1.0) for n in (1, 2, 3, 4) if n != rule.for_]
        case Pattern.NO_DATA:
            some = (2, 3, 4, 6)
            return "intervals", [(str(n), replace(rule, intervals=n), 1.0) for n in some if n != rule.intervals]
        case Pattern.THRESHOLD | Pattern.RATE if len(rule.conditions) == 1:
            condition = rule.conditions[0]
            if isinstance(condition.value, str):
                return condition.metric, [(f"x{f:g}", rule, f) for f in _FACTORS]
            return condition.metric, [(_label(rule, v), _with_value(rule, v), 1.0) for v in _values(rule)]
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


def _label(rule: Rule, value: float) -> str:
    return limit_text(rule.conditions[0].metric, value)


def _present(rule: Rule, trial: Trial) -> str:
    what, _ = alternatives(rule, trial.script.sources)
    if what in {"for", "intervals"}:
        return str(rule.for_ if what == "for" else rule.intervals)
    value = rule.conditions[0].value
    return "x1" if isinstance(value, str) else _label(rule, float(value))


def only(trial: Trial, rules: Sequence[Rule], factor: float = 1.0) -> Trial:
    """These rules, and those that may keep them quiet; `factor` scales the sources' own limit of data age."""
    names = {r.name for r in rules}
    quieting = {SOURCE_DOWN} | {n for i in trial.script.policy.inhibitions for n in i.source.rules}
    also = [r for r in trial.script.rules if r.name in quieting - names]
    sources = None
    if factor != 1.0:
        sources = {
            name: s if s.stale_after_s is None else replace(s, max_data_age_s=int(s.stale_after_s * factor))
            for name, s in trial.script.sources.items()
        }
    return trial.with_rules([*also, *rules], sources)


def real_stretches(trial: Trial, stretches: Iterable[Stretch]) -> list[Stretch]:
    """Alerts that were about something: they overlap an incident with a cause noted, or, where nobody noted any, they
    did not resolve themselves within 10 minutes.
    """
    if not trial.causes:
        return [s for s in stretches if s[2] - s[1] > BLIP_S]
    return [s for s in stretches if any(c[0] == s[0] and c[1] <= s[2] and s[1] <= c[2] for c in trial.causes)]


def _judged(rule: str, what: str, label: str, tally: Tally, real: Sequence[Stretch], *, present: bool) -> Variant:
    later = []
    for source, begin, end in real:
        mine = [b for s, b, e in tally.stretches[rule] if s == source and b <= end and begin <= e]
        if mine:
            later.append(min(mine) - begin)
    middle = None if present or not later else float(median(later))
    return Variant(rule, what, label, present, tally.told[rule], len(later), len(real), middle)


def _best(found: Sequence[Variant]) -> str:
    """The quieter figure that saves the most messages and loses no real alert. One that tells earlier is no trade: it
    has fewer messages because one alert hardly ever ends.
    """
    now = {v.rule: v for v in found if v.present}
    better = [
        v for v in found
        if not v.present and v.real and v.kept == v.real and v.notifications < now[v.rule].notifications
        and (v.later_s or 0) >= 0
    ]  # fmt: skip
    if not better:
        return ""
    top = max(better, key=lambda v: (now[v.rule].notifications - v.notifications, -(v.later_s or 0)))
    saved = now[top.rule].notifications - top.notifications
    later = f"{duration_text(top.later_s)} later" if top.later_s else "not later"
    return f"{top.rule} {top.what} {top.label}: {saved} notifications fewer, no real alert lost, {later}."
