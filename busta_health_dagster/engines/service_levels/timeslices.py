"""Uptime and service levels: observations -> timeslices -> counts -> a result. Integers and Fractions throughout.

A timeslice lasts max(5 min, the source's interval) and belongs to the window in which it starts. Slots that were
expected and never came are unknown. 30-day numbers of many sources come from counted rollups (`filled`), single
sources from observations (`slices`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.domain.uptime_and_budget import Degraded, QualitySla, SlaResult, Slice, SliceCounts
from busta_health_dagster.engines.maintenance import Interval, merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SHORTEST_SLICE_S = 300


def slice_length(interval_s: int) -> int:
    return max(SHORTEST_SLICE_S, interval_s)


def grid(since: int, until: int, step_s: int) -> range:
    """The starts of slices (or slots) in [since, until): multiples of the step."""
    return range(-(-since // step_s) * step_s, until, step_s)


@dataclass(frozen=True, slots=True)
class Slices:
    """The verdicts of consecutive slices from `first` on, one byte each (a Slice code)."""

    first: int
    step_s: int
    verdicts: bytes

    def counts(self) -> SliceCounts:
        n = self.verdicts.count
        return SliceCounts(n(Slice.UP), n(Slice.DEGRADED), n(Slice.DOWN), n(Slice.UNKNOWN), n(Slice.EXCLUDED))

    def tail(self, slices: int) -> Slices:
        """The newest `slices` of them."""
        cut = max(len(self.verdicts) - slices, 0)
        return Slices(self.first + cut * self.step_s, self.step_s, self.verdicts[cut:])


def slices(
    seen: Iterable[tuple[int, Status]], *, since: int, until: int, interval_s: int, maintenance: Sequence[Interval] = ()
) -> Slices:
    """Scheduled observations as (slot, status) -> the verdict of every slice of [since, until).

    Several observations in one slice: down if at least half of those with a verdict are down, degraded if at least
    half are down or degraded. A slice is excluded when all its slots lie in maintenance; otherwise the slots outside
    decide.
    """
    step = slice_length(interval_s)
    starts = grid(since, until, step)
    planned = merged(maintenance)
    if interval_s >= SHORTEST_SLICE_S:
        return Slices(starts.start, step, _one_slot_each(seen, starts, planned))
    return Slices(starts.start, step, _several_slots_each(seen, starts, interval_s, until, planned))


def slice_counts(
    seen: Iterable[tuple[int, Status]], *, since: int, until: int, interval_s: int, maintenance: Sequence[Interval] = ()
) -> SliceCounts:
    """`slices(...).counts()`, at the cost of what was seen: the years before it are counted without a slice of their own."""
    observed = list(seen)
    step, planned = slice_length(interval_s), merged(maintenance)
    first = min((slot for slot, _ in observed), default=until)
    cut = max(floor_to(min(first, until), step), since)
    after = slices(observed, since=cut, until=until, interval_s=interval_s, maintenance=planned).counts()
    before = len(grid(since, cut, step))
    excluded = _planned_slices(since, cut, interval_s, planned)
    return after + SliceCounts(unknown=before - excluded, excluded=excluded)


def _planned_slices(since: int, until: int, interval_s: int, planned: Sequence[Interval]) -> int:
    """How many slices of [since, until) have all their slots in maintenance. `until` is the start of a slice."""
    step = slice_length(interval_s)
    slots = merged((begin + -begin % interval_s, end + -end % interval_s) for begin, end in planned)
    return sum(len(grid(max(begin - interval_s + 1, since), min(end - step + 1, until), step)) for begin, end in slots)


def _one_slot_each(seen: Iterable[tuple[int, Status]], starts: range, planned: Sequence[Interval]) -> bytes:
    verdicts = bytearray(len(starts))
    for slot, status in seen:
        at = (slot - starts.start) // starts.step
        if 0 <= at < len(verdicts):
            verdicts[at] = int(status)  # Status and Slice share the codes 0 to 3
    for begin, end in planned:
        low, high = (max(-(-(edge - starts.start) // starts.step), 0) for edge in (begin, end))
        high = min(high, len(verdicts))
        if low < high:
            verdicts[low:high] = bytes([Slice.EXCLUDED]) * (high - low)
    return bytes(verdicts)


def _several_slots_each(
    seen: Iterable[tuple[int, Status]], starts: range, interval_s: int, until: int, planned: Sequence[Interval]
) -> bytes:
    begins = [begin for begin, _ in planned]
    tallies = [[0, 0, 0, 0] for _ in starts]
    for slot, status in seen:
        at = (slot - starts.start) // starts.step
        if 0 <= at < len(tallies) and slot < until and not _inside(slot, begins, planned):
            tallies[at][status] += 1
    verdicts = bytearray(len(starts))
    for at, (_, up, degraded, down) in enumerate(tallies):
        evaluated = up + degraded + down
        if not evaluated:
            whole = grid(starts[at], min(starts[at] + starts.step, until), interval_s)
            if whole and all(_inside(slot, begins, planned) for slot in whole):
                verdicts[at] = Slice.EXCLUDED
        elif 2 * down >= evaluated:
            verdicts[at] = Slice.DOWN
        else:
            verdicts[at] = Slice.DEGRADED if 2 * (down + degraded) >= evaluated else Slice.UP
    return bytes(verdicts)


def _inside(slot: int, begins: list[int], planned: Sequence[Interval]) -> bool:
    at = bisect_right(begins, slot) - 1
    return at >= 0 and slot < planned[at][1]


def filled(
    seen: SliceCounts, *, since: int, until: int, interval_s: int, maintenance: Sequence[Interval] = ()
) -> SliceCounts:
    """Counts of what was seen outside maintenance, completed: planned slices are excluded, the missing ones unknown.

    For rollups. Exact where a slice holds one slot (intervals of 5 min and more); for shorter ones the rollup must
    count slices.
    """
    step = slice_length(interval_s)
    excluded = sum(len(grid(max(begin, since), min(end, until), step)) for begin, end in merged(maintenance))
    evaluated = seen.up + seen.degraded + seen.down
    missing = len(grid(since, until, step)) - excluded - evaluated
    return SliceCounts(seen.up, seen.degraded, seen.down, max(missing, 0), excluded)


def result(
    counts: SliceCounts,
    *,
    source: str,
    window: str,
    target: Fraction,
    degraded: Degraded = "good",
    interval_s: int = 300,
    recent: Mapping[str, SliceCounts] | None = None,
    burn_tier: str | None = None,
    quality: QualitySla | None = None,
) -> SlaResult:
    """Counts -> the result. `recent` are counts of shorter stretches (label -> counts) whose burn rates stand beside
    the window's.
    """
    stretches = {window: counts, **(recent or {})}
    return SlaResult(
        source=source,
        window=window,
        target=target,
        good=counts.good(degraded),
        bad=counts.bad(degraded),
        excluded=counts.excluded,
        unknown=counts.unknown,
        slice_s=slice_length(interval_s),
        burn={label: burn_rate(some, target, degraded) for label, some in stretches.items()},
        burn_tier=burn_tier,
        quality=quality,
    )


def burn_rate(counts: SliceCounts, target: Fraction, degraded: Degraded = "good") -> Fraction | None:
    """Bad share / (1 - target): 1 spends exactly the budget. None without a verdict or without a budget."""
    evaluated = counts.up + counts.degraded + counts.down
    return counts.bad(degraded) / evaluated / (1 - target) if evaluated and target < 1 else None


def quality(
    scores: Iterable[tuple[int, float | None]],
    *,
    since: int,
    until: int,
    step_s: int,
    threshold: float,
    target: Fraction,
    max_age_s: int,
    maintenance: Sequence[Interval] = (),
) -> QualitySla:
    """Scores as (epoch, 0-100 or None for NO_DATA) -> the quality level of [since, until).

    A slice is good when the newest score at its start is at or above the threshold, bad when below; without a score
    that is young enough it has no verdict (a source that delivers nothing already costs availability). Scores from
    before `since` count for the first slices, not for the mean.
    """
    known = sorted((at, score) for at, score in scores if score is not None)
    planned = merged(maintenance)
    ends = [end for _, end in planned]

    def excluded(begin: int, end: int) -> int:
        """Slices that begin in [begin, end) and in maintenance."""
        if not planned:
            return 0
        first, last = bisect_right(ends, begin), bisect_left(planned, (end, end))
        return sum(len(grid(max(a, begin), min(b, end), step_s)) for a, b in planned[first:last])

    counted = dict.fromkeys(Slice, 0)
    # From score to score, not from slice to slice: with one an hour, a month of 100 sources has a tenth as many.
    for (at, score), after in zip(known, [*(at for at, _ in known[1:]), until], strict=False):
        begin, end = max(at, since), min(after, at + max_age_s + 1, until)
        if begin < end:
            counted[Slice.UP if score >= threshold else Slice.DOWN] += len(grid(begin, end, step_s)) - excluded(
                begin, end
            )
    counted[Slice.EXCLUDED] = excluded(since, until)
    counted[Slice.UNKNOWN] = len(grid(since, until, step_s)) - sum(counted.values())
    within = [score for at, score in known if since <= at < until]
    return QualitySla(
        threshold,
        target,
        counted[Slice.UP],
        counted[Slice.DOWN],
        counted[Slice.UNKNOWN],
        counted[Slice.EXCLUDED],
        _mean(within),
        len(within),
    )


def _mean(scores: Sequence[float]) -> Fraction | None:
    """Exact: the denominators of floats are powers of two, so the largest is common to all."""
    if not scores:
        return None
    ratios = [score.as_integer_ratio() for score in scores]
    common = max(denominator for _, denominator in ratios)
    return Fraction(sum(numerator * (common // denominator) for numerator, denominator in ratios), common * len(ratios))
