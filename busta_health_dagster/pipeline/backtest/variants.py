"""The numbers of `busta backtest --summary`: what each rule cost, and what another threshold would have."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.units import iso
from busta_health_dagster.engines.alerting.inhibition import SOURCE_DOWN
from busta_health_dagster.pipeline.backtest.noise_summary import BLIP_S, summarize_noise
from busta_health_dagster.pipeline.backtest.rule_alternatives import alternatives, present_value
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.pipeline.backtest.backtest import BacktestRun
    from busta_health_dagster.pipeline.backtest.noise_summary import NoiseSummary, Stretch

_WEEK_S = 7 * 86400


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
            "rule": self.rule,
            "shadow": self.shadow,
            "alerts": self.alerts,
            "notifications": self.notifications,
            "per_source_week": round(self.per_source_week, 3),
            "self_resolved": self.blips,
            "self_resolved_percent": share,
            "under_alert_s": self.under_alert_s,
        }


@dataclass(frozen=True, slots=True)
class Variant:
    """A rule with one number changed, and what that would have cost. `later_s` is the median over the alerts kept,
    `under_alert_s` the time with an open alert, summed over the sources.
    """

    rule: str
    what: str
    label: str
    present: bool
    notifications: int
    kept: int
    real: int
    later_s: float | None
    under_alert_s: int

    def as_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "what": self.what,
            "value": self.label,
            "present": self.present,
            "notifications": self.notifications,
            "real_kept": self.kept,
            "real": self.real,
            "later_s": self.later_s,
            "under_alert_s": self.under_alert_s,
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """All of `busta backtest --summary`."""

    since: int
    until: int
    sources: int
    observations: int
    rules: tuple[RuleCost, ...]
    total: RuleCost
    noisiest: tuple[tuple[str, int, float], ...]
    variants: tuple[Variant, ...]
    best: str
    digests: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "since": iso(self.since),
            "until": iso(self.until),
            "sources": self.sources,
            "observations": self.observations,
            "rules": [r.as_json() for r in self.rules],
            "total": self.total.as_json(),
            "digests": self.digests,
            "by_source": [
                {"source": s, "notifications": n, "per_week": round(rate, 3)} for s, n, rate in self.noisiest
            ],
            "thresholds": [v.as_json() for v in self.variants],
            "best_trade": self.best or None,
        }


def summarise(
    run: BacktestRun, noise: NoiseSummary, advance: Callable[[int, int | None], None] = lambda _done, _total: None
) -> Summary:
    """The numbers of a run, and of the same history under other thresholds (one replay for each)."""
    weeks = max(run.until - run.since, 1) / _WEEK_S
    sources = len(run.script.sources)
    names = [r.name for r in run.script.rules]
    costs = tuple(_cost(noise, [name], name, sources * weeks) for name in names)
    telling = [name for name in names if name not in noise.shadow]
    total = _cost(noise, telling, "all that tell", sources * weeks)
    noisy = tuple((s, n, n / weeks) for s, n in noise.notified_per_source.most_common())
    found = tuple(_variants(run, noise, advance))
    observations = sum((run.until - run.since) // s.interval_s for s in run.script.sources.values())
    best, digests = best_trade(found), len(noise.digests)
    return Summary(run.since, run.until, sources, observations, costs, total, noisy, found, best, digests)


def _cost(noise: NoiseSummary, rules: Sequence[str], name: str, source_weeks: float) -> RuleCost:
    notified = sum(noise.notified[r] for r in rules)
    return RuleCost(
        name,
        name in noise.shadow,
        sum(noise.alerts[r] for r in rules),
        notified,
        notified / source_weeks,
        sum(noise.blips[r] for r in rules),
        noise.under_alert_s(rules),
    )


def _variants(run: BacktestRun, noise: NoiseSummary, advance: Callable[[int, int | None], None]) -> Iterable[Variant]:
    """The n-th option of every rule is tried in one replay; a rule that keeps others quiet has replays of its own."""
    names = {r.name for r in run.script.rules}
    quieting = _quieting(run) & names
    notified = [r for r in run.script.rules if r.name not in noise.shadow]
    options = {r.name: alternatives(r, run.script.sources)[1] for r in notified}
    together = [r.name for r in notified if r.name not in quieting]
    batches = [[name] for name in options if name in quieting and options[name]] + [together]
    runs = [(batch, n) for batch in batches for n in range(max((len(options[x]) for x in batch), default=0))]
    counted: dict[str, list[NoiseSummary]] = {name: [] for name in options}
    for done, (batch, n) in enumerate(runs, 1):
        some = {name: options[name][n].changed for name in batch if n < len(options[name])}
        result = summarize_noise(only(run, list(some.values())), lambda _n, _t: None, lambda _c: None)
        for name in some:
            counted[name].append(result)
        advance(done, len(runs))
    for rule in notified:
        what, choices = alternatives(rule, run.script.sources)
        if not choices:
            continue
        real = real_stretches(run, noise.stretches[rule.name])
        others = [
            (option.below, _evaluated(rule.name, what, option.label, other, real, present=False))
            for option, other in zip(choices, counted[rule.name], strict=True)
        ]
        yield from (v for below, v in others if below)
        yield _evaluated(rule.name, what, present_value(rule, what), noise, real, present=True)
        yield from (v for below, v in others if not below)


def only(run: BacktestRun, rules: Sequence[Rule]) -> BacktestRun:
    """These rules, and those that may keep them quiet."""
    names = {r.name for r in rules}
    also = [r for r in run.script.rules if r.name in _quieting(run) - names]
    return run.with_rules([*also, *rules])


def _quieting(run: BacktestRun) -> set[str]:
    return {SOURCE_DOWN} | {name for i in run.script.policy.inhibitions for name in i.source.rules}


def real_stretches(run: BacktestRun, stretches: Iterable[Stretch]) -> list[Stretch]:
    """Alerts that were about something: they overlap an incident with a cause noted, or, where no one noted any, they
    did not resolve themselves within 10 minutes.
    """
    if not run.causes:
        return [s for s in stretches if s[2] - s[1] > BLIP_S]
    return [s for s in stretches if any(c[0] == s[0] and c[1] <= s[2] and s[1] <= c[2] for c in run.causes)]


def _evaluated(
    rule: str, what: str, label: str, noise: NoiseSummary, real: Sequence[Stretch], *, present: bool
) -> Variant:
    later = []
    for source, begin, end in real:
        mine = [b for s, b, e in noise.stretches[rule] if s == source and b <= end and begin <= e]
        if mine:
            later.append(min(mine) - begin)
    middle = None if present or not later else float(median(later))
    under = noise.under_alert_s([rule])
    return Variant(rule, what, label, present, noise.notified[rule], len(later), len(real), middle, under)


def best_trade(found: Sequence[Variant]) -> str:
    """The quieter number that saves the most messages and loses no real alert. One that tells earlier, or is longer
    under alert, is no trade: it has fewer messages because one alert hardly ever ends.
    """
    now = {v.rule: v for v in found if v.present}
    better = [
        v
        for v in found
        if not v.present
        and v.real
        and v.kept == v.real
        and v.notifications < now[v.rule].notifications
        and (v.later_s or 0) >= 0
        and v.under_alert_s <= now[v.rule].under_alert_s
    ]
    if not better:
        return ""
    top = max(better, key=lambda v: (now[v.rule].notifications - v.notifications, -(v.later_s or 0)))
    saved = now[top.rule].notifications - top.notifications
    later = f"{duration_text(top.later_s)} later" if top.later_s else "not later"
    return f"{top.rule} {top.what} {top.label}: {saved} notifications fewer, no real alert lost, {later}."
