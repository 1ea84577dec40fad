"""A history without the observations that cannot change what these rules say: trying seven limits costs little more than one.

A rule that compares one newest value remembers its last 21 verdicts. Where those are all good another good one changes nothing, so only
what is bad is played, with what follows it; and of that only where so many are bad in a row as the rule asks for. Every slot stays:
clocks run as before.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import compress
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.engines.alerting.transition import GRACE_S
from busta_health_dagster.engines.maintenance import MaintenanceIndex
from busta_health_dagster.engines.rules import effective

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.backtest.backtest import BacktestRun
    from busta_health_dagster.store.history import ObservationRow

    Ticks = Sequence[tuple[int, Sequence[tuple[str, ObservationRow]]]]

COLUMNS = {"response_ms": 2, "items": 3, "data_age_s": 4, "quality": 5}
"""The numbers of an observation that a limit can be tried on -> their column."""
_STATUS = 1
_STATES = 21
_LEAST_MORE = 9
_PAST = {">": gt, ">=": ge, "<": lt, "<=": le}


@dataclass(frozen=True, slots=True)
class _Watch:
    """One rule on one source: what is bad, what holds an open alert open, for how many verdicts that still matters (21 states, and
    what an alert needs to recover), and how many bad ones in a row open an alert.
    """

    column: int
    bad: Callable[[float], bool]
    holds: Callable[[float], bool]
    follow: int
    least: int = 1

    def episodes(self, verdicts: Verdicts) -> Iterator[tuple[array[int], bool]]:
        """What one alert can be about: the places of bad verdicts that are near each other, and of what follows them; and whether
        enough of them are bad in a row to open it. What only holds an alert open counts from then on.
        """
        values = verdicts.values
        first, last, run, opens = -1, 0, 0, False
        for n in [n for n, value in enumerate(values) if self.holds(value)]:
            if first >= 0 and n - last > self.follow:
                yield verdicts.places[first : last + self.follow + 1], opens
                first = -1
            if self.bad(values[n]):
                run = run + 1 if first >= 0 and last == n - 1 and run else 1
                first, opens = (n, run >= self.least) if first < 0 else (first, opens or run >= self.least)
                last = n
            elif first >= 0:
                run, last = 0, n if opens else last
        if first >= 0:
            yield verdicts.places[first : last + self.follow + 1], opens


class Verdicts(NamedTuple):
    """The known values of one source and column, and their places in the history."""

    places: array[int]
    values: array[float]


@dataclass(frozen=True, slots=True)
class PlayedHistory:
    """The ticks of a history, and where in them each source's values are. Places count all observations, in the order of the
    ticks; `places` are all those of a source.
    """

    ticks: Ticks
    places: Mapping[str, array[int]]
    verdicts: Mapping[str, Mapping[int, Verdicts]]

    @classmethod
    def of(cls, ticks: Ticks) -> Self:
        every: dict[str, array[int]] = defaultdict(lambda: array("q"))
        verdicts: dict[str, dict[int, Verdicts]] = defaultdict(
            lambda: {column: Verdicts(array("q"), array("d")) for column in (_STATUS, *COLUMNS.values())}
        )
        place = 0
        for _, observations in ticks:
            for name, observation in observations:
                every[name].append(place)
                for column, (places, values) in verdicts[name].items():
                    if (value := _verdict(observation, column)) is not None:
                        places.append(place)
                        values.append(value)
                place += 1
        return cls(ticks, every, verdicts)


def trimmed(run: BacktestRun, history: PlayedHistory) -> BacktestRun:
    """The run over what matters of its history; as it is, where one of its rules looks further back than its newest value."""
    if any(_is_long(rule) for rule in run.script.rules):
        return replace(run, ticks=lambda: iter(history.ticks))
    script = run.script
    planned = MaintenanceIndex(script.windows, script.since, script.until + 1)
    needed = bytearray(sum(len(observations) for _, observations in history.ticks))
    for name, verdicts in history.verdicts.items():
        source = script.sources[name]
        if planned.intervals(source):  # what is planned moves the verdicts that count
            _mark(needed, history.places[name])
            continue
        idle = []
        for watch in (w for rule in script.rules if (w := _watch(rule, source)) is not None):
            for places, opens in watch.episodes(verdicts[watch.column]):
                if opens:
                    _mark(needed, places)
                else:
                    idle.append(places)
        # What opens nothing is left out as a whole. Half of it, played because of another rule, could look like what does.
        while touched := [places for places in idle if any(needed[place] for place in places)]:
            for places in touched:
                _mark(needed, places)
            idle = [places for places in idle if not needed[places[0]]]

    def read() -> Iterator[tuple[int, Sequence[tuple[str, ObservationRow]]]]:
        place = 0
        for slot, observations in history.ticks:
            yield slot, list(compress(observations, needed[place : place + len(observations)]))
            place += len(observations)

    # What is left out was not missing: no silence counts, and no rule here asks about it.
    return replace(run, ticks=read, last=dict.fromkeys(script.sources, 0))


def _mark(needed: bytearray, places: Iterable[int]) -> None:
    for place in places:
        needed[place] = 1


def _verdict(observation: ObservationRow, column: int) -> float | None:
    """The value that the rules see; None where they see none."""
    value: Any = observation[column]
    hidden = observation.suspect if column == COLUMNS["response_ms"] else column == _STATUS and value == Status.UNKNOWN
    return None if hidden else value


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
    # What waits to be confirmed keeps others quiet already; and within its grace period an alert is not forgotten.
    alone = not mine.confirm and follow * source.interval_s >= GRACE_S
    least = mine.for_ if alone else 1
    if mine.pattern is Pattern.STATUS:
        return _Watch(_STATUS, _is_down, _is_down, follow, least)
    past, limit, release = _PAST[condition.op], float(condition.value), mine.recover_limit

    def bad(value: float) -> bool:
        return bool(past(value, limit))

    def holds(value: float) -> bool:  # between its two limits what is open stays open
        return bad(value) or (release is not None and bool(loose(value, release)))

    loose = {gt: ge, lt: le}.get(past, past)
    return _Watch(COLUMNS[condition.metric], bad, bad if release is None else holds, follow, least)


def _is_down(status: float) -> bool:
    return status == Status.DOWN
