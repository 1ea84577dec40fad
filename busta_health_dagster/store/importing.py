"""Importing observations: the lines of the file win at their slots, everything else stays. Twice is once."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.units import floor_to, iso
from busta_health_dagster.store.catalogue import ImportedSource, read_catalogue
from busta_health_dagster.store.observation_csv import Rejected, Row, read_observations
from busta_health_dagster.store.slot_merge import merge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from busta_health_dagster.store.database import Store

_BATCH = 5_000
_DEFAULT_INTERVAL_S = 300


@dataclass(slots=True)
class ImportReport:
    """What an import did. `slots` are the first and last slot per source, `rejected` the lines not used, and why.

    `folded` lines shared their slot with others and count together with them.
    """

    stored: int = 0
    replaced: int = 0
    unchanged: int = 0
    folded: int = 0
    slots: dict[str, tuple[int, int]] = field(default_factory=dict)
    intervals: dict[str, int] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)


def import_observations(
    store: Store,
    path: Path,
    now: int,
    progress: Callable[[int], None] | None = None,
    *,
    not_after: Mapping[str, int] | None = None,
) -> ImportReport:
    """Read a file or folder (surfaces.md) into the store; `progress` is called with the number of lines read.

    A source that the configuration does not name is taken as it comes: its type from `sources.json`, its interval from
    the data. Maintenance marks are the caller's business (`rollups.recompute`). `not_after` refuses later lines of a
    source: one that is being watched would not be checked again before that time has come.

    Raises:
        BadInput: nothing there to read.
        StoreError: what is stored until then stays; importing again goes on.
    """
    report, lines = ImportReport(), 0
    known = read_catalogue(path).sources
    shared = _prepare(store, path, now, known, report)
    batches: dict[str, dict[int, Row]] = defaultdict(dict)
    together: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in read_observations(path):
        lines += 1
        if progress is not None and lines % _BATCH == 0:
            progress(lines)
        if isinstance(row, Rejected):
            report.rejected.append(row)
            continue
        if not_after is not None and row.at > not_after.get(row.source, row.at):
            report.rejected.append(
                Rejected(row.file, row.line, f"{iso(row.at)} has not come yet, and {row.source} is watched")
            )
            continue
        slot = floor_to(row.at, report.intervals[row.source])
        if slot in shared[row.source]:
            together[row.source, slot].append(row)
            continue
        batches[row.source][slot] = row
        if len(batches[row.source]) >= _BATCH:
            _store(store, row.source, batches.pop(row.source), report)
    for (name, slot), rows in together.items():
        batches[name][slot], again = merge(rows)
        report.folded += len(rows) - len(again) if len(rows) - len(again) > 1 else 0
        report.rejected += again
    for name, batch in batches.items():
        _store(store, name, batch, report)
    if progress is not None:
        progress(lines)
    return report


def infer_interval(instants: Sequence[int]) -> int:
    """The usual distance between observations, in whole minutes; 5 minutes where one or none tells nothing."""
    ordered = sorted(set(instants))
    gaps = [later - earlier for earlier, later in pairwise(ordered)]
    return max(int(median(gaps) / 60 + 0.5) * 60, 60) if gaps else _DEFAULT_INTERVAL_S


def _prepare(
    store: Store, path: Path, now: int, known: Mapping[str, ImportedSource], report: ImportReport
) -> dict[str, AbstractSet[int]]:
    """A first reading finds the sources, their intervals, and -> which slots several lines share.

    It checks every line: the beginning of a file that is not in order says nothing about the interval.
    """
    instants: dict[str, array[int]] = defaultdict(lambda: array("q"))
    for row in read_observations(path):
        if isinstance(row, Row):
            instants[row.source].append(row.at)
    shared: dict[str, AbstractSet[int]] = {}
    with store.write() as uow:
        for name, found in instants.items():
            kind = known.get(name, ImportedSource()).type
            interval_s = uow.sources.ensure(name, kind, infer_interval(found), now).interval_s
            report.intervals[name] = interval_s
            lines = Counter(at - at % interval_s for at in found)
            shared[name] = {slot for slot, n in lines.items() if n > 1}
    return shared


def _store(store: Store, name: str, rows: dict[int, Row], report: ImportReport) -> None:
    new = {slot: _observation(name, slot, row) for slot, row in rows.items()}
    first, last = min(new), max(new)
    with store.write() as uow:
        there = {o.slot: o for o in uow.observations.window([name], first, last + 1)[name] if o.slot in new}
        same = {slot for slot, old in there.items() if _facts(old) == _facts(new[slot])}
        changed = there.keys() - same
        uow.observations.delete(name, first, last + 1, slots=changed)
        uow.observations.add(o for slot, o in new.items() if slot not in same)
    report.unchanged += len(same)
    report.replaced += len(changed)
    report.stored += len(new) - len(there)
    before = report.slots.get(name, (first, last))
    report.slots[name] = (min(before[0], first), max(before[1], last))


def _observation(name: str, slot: int, row: Row) -> Observation:
    return Observation(
        name,
        slot,
        row.at,
        row.status,
        "ok" if row.status is Status.UP else "imported",
        response_ms=row.response_ms,
        items=row.items,
        data_age_s=row.data_age_s,
        quality=row.quality,
        metrics=row.metrics,
    )


def _facts(o: Observation) -> tuple[object, ...]:
    """What a line of CSV can say, as exactly as the store keeps it."""
    response = None if o.response_ms is None else round(o.response_ms * 10)
    age = None if o.data_age_s is None else round(o.data_age_s)
    return o.status, response, o.items, age, None if o.quality is None else round(o.quality * 100)
