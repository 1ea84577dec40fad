"""Thresholds for a noise budget: the most watchful value per type or source that stays within it, and what it misses."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from busta_health_dagster.domain.rule import Override, Pattern
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.engines.maintenance import merged
from busta_health_dagster.engines.rules import effective
from busta_health_dagster.engines.rules.limits import limit_text
from busta_health_dagster.pipeline.backtest.noise_summary import BLIP_S, summarize_noise
from busta_health_dagster.pipeline.backtest.trimming import COLUMNS, PlayedHistory, trimmed
from busta_health_dagster.pipeline.backtest.variants import only, real_stretches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.backtest.backtest import BacktestRun
    from busta_health_dagster.pipeline.backtest.noise_summary import NoiseSummary, Stretch

By = Literal["type", "source"]
_WEEK_S = 7 * 86400
_SHARES = (0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0002)
"""Candidates are the values that so many of the observations lie beyond."""
_DIALS = (-2.0, -1.0, 0.0, 1.0, 2.0, 4.0)
_FAR = 3.0
"""A limit that costs so many times the budget ends the search: the more watchful ones are not tried."""
_FLEET = "all"


@dataclass(frozen=True, slots=True)
class Choice:
    """One value for one group: its price in messages per source and week, and which incidents it saw."""

    value: float
    per_source_week: float
    caught: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What to set. `proposed` None: no candidate stays within the budget. `known` are the incidents of the group."""

    rule: str
    what: str
    by: str
    group: str
    present: Choice
    proposed: Choice | None
    known: int
    tried: tuple[Choice, ...]

    @property
    def changes(self) -> bool:
        return self.proposed is not None and self.proposed.value != self.present.value

    def text(self, value: float) -> str:
        """The value as it is written in alerts.yaml."""
        return f"{value:g}" if self.what == "sensitivity" else limit_text(value, self.what).replace(" ", "")

    @property
    def is_override(self) -> bool:
        """For some sources; else it is the rule's own number."""
        return self.group != _FLEET

    def override(self) -> str:
        """The line for alerts.yaml."""
        assert self.proposed is not None
        if not self.is_override:
            return f"{self.what}: {self.text(self.proposed.value)}"
        key = "types" if self.by == "type" else "names"
        return f"{{select: {{{key}: [{self.group}]}}, value: {self.text(self.proposed.value)}}}"

    def as_json(self) -> dict[str, Any]:
        def out(c: Choice | None) -> dict[str, Any] | None:
            if c is None:
                return None
            return {
                "value": c.value,
                "written": self.text(c.value),
                "per_source_week": round(c.per_source_week, 3),
                "caught": c.caught,
                "missed": self.known - c.caught,
            }

        return {
            "rule": self.rule,
            "metric": self.what,
            self.by: self.group,
            "present": out(self.present),
            "proposed": out(self.proposed),
            "incidents": self.known,
            "tried": [out(c) for c in self.tried],
            "override": self.override() if self.changes else None,
        }


def suggest(
    run: BacktestRun,
    noise: NoiseSummary,
    budget: float,
    by: By,
    advance: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> list[Suggestion]:
    """Every rule with one numeric limit, per group; and the dial of the anomaly rule for the fleet.

    `budget` is in messages per source and week, for each rule by itself. Incidents are the joined alerts of all rules
    that did not resolve themselves within 10 minutes, or those with a cause noted. What sends most now comes first.
    """
    groups = {name: (s.type if by == "type" else name) for name, s in run.script.sources.items()}
    incidents = _incidents(run, noise)
    numeric = [r for r in run.script.rules if _turnable(r) and r.name not in noise.shadow]
    dials = [r for r in run.script.rules if r.pattern is Pattern.ANOMALY and r.name not in noise.shadow]
    runs = len(_SHARES) * bool(numeric) + len(dials) * (len(_DIALS) - 1)
    out: list[Suggestion] = []
    history = PlayedHistory.of(list(run.ticks()) if numeric else [])
    candidates = {rule.name: _candidates(history, rule, groups) for rule in numeric}
    choices: dict[tuple[str, str], list[Choice]] = defaultdict(list)
    for rank in range(len(_SHARES) if numeric else 0):
        values = {
            rule.name: {
                g: some[rank]
                for g, some in candidates[rule.name].items()
                if rank < len(some) and not _is_far(choices[rule.name, g], budget)
            }
            for rule in numeric
        }
        changed = [_per_group(rule, values[rule.name], by) for rule in numeric if values[rule.name]]
        if changed:
            counted = summarize_noise(trimmed(only(run, changed), history), lambda _n, _t: None, lambda _c: None)
            for rule in numeric:
                for group, value in values[rule.name].items():
                    choices[rule.name, group].append(_choice(run, counted, rule, value, group, groups, incidents))
        advance(rank + 1, runs)
    for rule in numeric:
        for group in sorted(candidates[rule.name]):
            present = _present(rule, group, groups, run.script.sources)
            if present is not None:
                now, metric = _choice(run, noise, rule, present, group, groups, incidents), rule.conditions[0].metric
                tried = choices[rule.name, group]
                out.append(_suggestion(rule, metric, by, group, now, tried, budget, incidents, groups))
    done = len(_SHARES) * bool(numeric)
    fleet = dict.fromkeys(groups, _FLEET)
    for rule in dials:
        now = _choice(run, noise, rule, rule.sensitivity, _FLEET, fleet, incidents)
        tried = []
        for dial in (d for d in _DIALS if d != rule.sensitivity):
            counted = summarize_noise(
                only(run, [replace(rule, sensitivity=dial)]), lambda _n, _t: None, lambda _c: None
            )
            tried.append(_choice(run, counted, rule, dial, _FLEET, fleet, incidents))
            done += 1
            advance(done, runs)
        out.append(_suggestion(rule, "sensitivity", by, _FLEET, now, tried, budget, incidents, fleet))
    return sorted(out, key=lambda one: -one.present.per_source_week)


def _turnable(rule: Rule) -> bool:
    if rule.pattern is not Pattern.THRESHOLD or len(rule.conditions) != 1:
        return False
    condition = rule.conditions[0]
    return isinstance(condition.value, float) and condition.metric in COLUMNS and condition.op in {">", ">=", "<", "<="}


def _is_far(tried: Sequence[Choice], budget: float) -> bool:
    return bool(tried) and tried[-1].per_source_week > _FAR * budget


def _candidates(history: PlayedHistory, rule: Rule, groups: Mapping[str, str]) -> dict[str, list[float]]:
    """Values of each group's own data, from the quietest to the most watchful, with two digits that people would write."""
    condition = rule.conditions[0]
    column, high = COLUMNS[condition.metric], condition.op.startswith(">")
    values: dict[str, list[float]] = defaultdict(list)
    for name, verdicts in history.verdicts.items():
        values[groups[name]] += verdicts[column].values
    out = {}
    for group, some in values.items():
        if not some:
            continue
        some.sort(reverse=high)
        picked = [_written(some[min(int(len(some) * share), len(some) - 1)], condition.metric) for share in _SHARES]
        out[group] = list(dict.fromkeys(reversed(picked)))
    return out


def _written(value: float, metric: str) -> float:
    return round(value, 1) if metric == "quality" else float(f"{value:.2g}")


def _per_group(rule: Rule, values: Mapping[str, float], by: By) -> Rule:
    """All groups tried in one replay: each with its own value."""
    mine = tuple(
        Override(Selector(types=(g,)) if by == "type" else Selector(names=(g,)), {"value": v})
        for g, v in values.items()
    )
    return replace(rule, overrides=rule.overrides + mine)


def _present(rule: Rule, group: str, groups: Mapping[str, str], sources: Mapping[str, Source]) -> float | None:
    """The value that most sources of the group have now; None where the rule selects none of them."""
    values: Counter[float] = Counter()
    for name, of in groups.items():
        mine = effective(rule, sources[name]) if of == group else None
        if mine is not None:
            values[float(mine.conditions[0].value)] += 1
    return values.most_common(1)[0][0] if values else None


def _incidents(run: BacktestRun, noise: NoiseSummary) -> list[Stretch]:
    by_source: dict[str, list[tuple[int, int]]] = defaultdict(list)
    every = [s for some in noise.stretches.values() for s in some]
    for source, begin, end in run.causes or real_stretches(run, every):
        by_source[source].append((begin, end))
    return [(source, a, b) for source, some in by_source.items() for a, b in merged(some) if b - a > BLIP_S]


def _choice(
    run: BacktestRun,
    noise: NoiseSummary,
    rule: Rule,
    value: float,
    group: str,
    groups: Mapping[str, str],
    incidents: Sequence[Stretch],
) -> Choice:
    members = {name for name, of in groups.items() if of == group}
    weeks = (run.until - run.since) / _WEEK_S
    notified = sum(n for (name, source), n in noise.notified_by.items() if name == rule.name and source in members)
    mine = [s for s in noise.stretches[rule.name] if s[0] in members]
    caught = sum(
        any(s[0] == i[0] and s[1] <= i[2] and i[1] <= s[2] for s in mine) for i in incidents if i[0] in members
    )
    return Choice(value, notified / (len(members) * weeks), caught)


def _suggestion(
    rule: Rule,
    what: str,
    by: By,
    group: str,
    now: Choice,
    tried: Sequence[Choice],
    budget: float,
    incidents: Sequence[Stretch],
    groups: Mapping[str, str],
) -> Suggestion:
    """The choice that catches most within the budget; of equals the quietest, and of those the one already set."""
    within = [c for c in (now, *tried) if c.per_source_week <= budget]
    best = min(within, key=lambda c: (-c.caught, c.per_source_week, c is not now), default=None)
    known = sum(groups[i[0]] == group for i in incidents)
    return Suggestion(rule.name, what, by, group, now, best, known, tuple(tried))
