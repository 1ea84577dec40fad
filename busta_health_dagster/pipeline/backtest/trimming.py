"""A history without the observations that cannot change what these rules say: trying seven limits costs little more than one.

A rule that compares one newest value remembers its last 21 verdicts. Where those are all good another good one changes nothing, so only
what is bad is played, with what follows it. Every slot stays: clocks run as before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.engines.maintenance import MaintenanceIndex
from busta_health_dagster.engines.rules import effective

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.backtest.backtest import BacktestRun
    from busta_health_dagster.store.history import ObservationRow

    Ticks = Sequence[tuple[int, Sequence[tuple[str, ObservationRow]]]]

COLUMNS = {"response_ms": 2, "items": 3, "data_age_s": 4, "quality": 5}
"""The numbers of an observation that a limit can be tried on -> their column."""
_STATES = 21
_LEAST_MORE = 9
_PAST = {">": gt, ">=": ge, "<": lt, "<=": le}


@dataclass(slots=True)
class _Watch:
    """One rule on one source: what is bad, for how many verdicts that still matters (21 states, and what an alert needs to
    recover), and how many of them are left.
    """

    column: int
    bad: Callable[[float], bool]
    follow: int
    left: int = 0

    def needs(self, observation: ObservationRow) -> bool:
        value: Any = observation[self.column]
        if value is None or (self.column == 1 and value == Status.UNKNOWN):
            return False
        if self.bad(value):
            self.left = self.follow
            return True
        self.left -= 1
        return self.left >= 0


def trimmed(run: BacktestRun, ticks: Ticks) -> BacktestRun:
    """The run over what matters of `ticks`; as it is, where one of its rules looks further back than its newest value."""
    if any(_is_long(rule) for rule in run.script.rules):
        return replace(run, ticks=lambda: iter(ticks))
    script = run.script
    planned = MaintenanceIndex(script.windows, script.since, script.until + 1)
    watches = {
        name: None if planned.intervals(source) else [w for r in script.rules if (w := _watch(r, source)) is not None]
        for name, source in script.sources.items()
    }

    def read() -> Iterator[tuple[int, Sequence[tuple[str, ObservationRow]]]]:
        for some in watches.values():
            for watch in some or ():
                watch.left = 0
        for slot, observations in ticks:
            yield slot, [(name, o) for name, o in observations if _matters(watches[name], o)]

    # What is left out was not missing: no silence counts, and no rule here asks about it.
    return replace(run, ticks=read, last=dict.fromkeys(script.sources, 0))


def _matters(watches: Sequence[_Watch] | None, observation: ObservationRow) -> bool:
    """Is it needed by any of them? Each one counts it, also where another has said so."""
    if watches is None:
        return True
    needed = False
    for watch in watches:
        needed = watch.needs(observation) or needed
    return needed


def _is_long(rule: Rule) -> bool:
    if len(rule.conditions) != 1 or rule.over_s or rule.conditions[0].over_s:
        return True
    condition = rule.conditions[0]
    if rule.pattern is Pattern.STATUS:
        return (condition.op, condition.value) != ("==", "down")
    numeric = isinstance(condition.value, int | float) and condition.op in _PAST and condition.metric in COLUMNS
    return rule.pattern is not Pattern.THRESHOLD or not numeric or any("over_s" in o.changes for o in rule.overrides)


def _watch(rule: Rule, source: Source) -> _Watch | None:
    mine = effective(rule, source)
    if mine is None:
        return None
    condition, follow = mine.conditions[0], _STATES + max(_LEAST_MORE, mine.recover_after)
    if mine.pattern is Pattern.STATUS:
        return _Watch(1, lambda status: status == Status.DOWN, follow)
    past, limits = _PAST[condition.op], [float(condition.value)]
    if mine.recover_limit is not None:  # between the two limits what is open stays open
        limits.append(mine.recover_limit)
    nearest = min(limits) if condition.op.startswith(">") else max(limits)
    loose = {gt: ge, lt: le}.get(past, past) if len(limits) > 1 else past
    return _Watch(COLUMNS[condition.metric], lambda value: bool(loose(value, nearest)), follow)
