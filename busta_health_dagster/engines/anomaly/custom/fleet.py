"""The custom metrics of a fleet: which source has which, their state, and one call per tick."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from busta_health_dagster.engines.anomaly import budget
from busta_health_dagster.engines.anomaly.custom import envelope, thresholds
from busta_health_dagster.engines.anomaly.custom.rows import RECORD, CustomRows
from busta_health_dagster.engines.baseline.units import Array

Key = tuple[str, str]
"""(source, metric)."""


@dataclass(frozen=True, slots=True)
class Departure:
    """What became of one metric at this poll: `opened`, `beyond` (one that stands open has doubled), `cleared` or
    `new normal`. `sureness` is how many times over its limit it is, `strict` what the noise budget asks of the metric.
    """

    source: str
    metric: str
    change: str
    sureness: float
    since: int
    expected: float
    observed: float
    strict: float = 1.0


class CustomMetrics:
    """Rows follow (source, metric); a metric begins with its first value."""

    def __init__(self) -> None:
        self.rows = CustomRows(0)
        self.keys: list[Key] = []
        self._index: dict[Key, int] = {}
        self._of: dict[str, list[str]] = {}
        self._dropped: dict[str, set[str]] = {}

    def of(self, source: str) -> Sequence[str]:
        """The metrics of one source, in the order in which they came."""
        return self._of.get(source, ())

    def keep(self, sources: Iterable[str]) -> None:
        """Forgets the metrics of every other source."""
        wanted = set(sources)
        self._arrange([key for key in self.keys if key[0] in wanted])

    def forget(self, source: str) -> None:
        """Forgets the metrics of one source."""
        self._arrange([key for key in self.keys if key[0] != source])

    def step(
        self,
        values: Mapping[str, Mapping[str, float]],
        slot_of: Callable[[str], int],
        interval_of: Callable[[str], int],
        chosen: Callable[[str, str], bool],
        confirmed: Callable[[str], bool],
        familiar: Mapping[str, bool],
        board: Mapping[str, float],
    ) -> list[Departure]:
        """Takes in the values of this tick, source -> metric -> value; what is no finite number counts as missing.

        At most 16 metrics of a source are followed, the first that came; one without a value for a day gives its place to a
        new one. One that is not `chosen` learns and is not evaluated. `confirmed`: the open incident of a source is known
        to be real. `familiar`: its board has the size of other days; `board`: the logarithm of that size, NaN where there
        is none.
        """
        self._make_room(
            [source for source, some in values.items() if any((source, metric) not in self._index for metric in some)],
            slot_of,
        )
        new = [
            (source, metric)
            for source, some in values.items()
            for metric in some
            if (source, metric) not in self._index and metric not in self._dropped.get(source, ())
        ]
        if new:
            self._add(new)
        index = self._index
        keys = [
            (source, metric)
            for source, some in values.items()
            for metric, value in some.items()
            if (source, metric) in index and np.isfinite(value)
        ]
        if not keys:
            return []
        at = np.array([index[key] for key in keys], dtype=np.int64)
        slot = {source: slot_of(source) for source in values}
        slots = np.array([slot[source] for source, _ in keys], dtype=np.int64)
        # A likelihood in nats goes with the square of a departure.
        debts = 2.0 ** (budget.doublings(self.rows.debt[at]) / 2)
        factor = np.where([chosen(source, metric) for source, metric in keys], debts, np.inf)
        real = {source: confirmed(source) for source in values}
        known = np.array([real[source] for source, _ in keys], dtype=bool)
        x = np.array([values[source][metric] for source, metric in keys], dtype=np.float64)
        usual = np.array([familiar[source] for source, _ in keys], dtype=bool)
        size = np.array([board[source] for source, _ in keys], dtype=np.float64)
        found = envelope.step(self.rows, at, slots, x, strict=factor, confirmed=known, familiar=usual, board=size)
        intervals = {source: interval_of(source) for source in values}
        return self._said(found, {int(a): int(s) for a, s in zip(at, slots, strict=True)}, intervals)

    def charge(self, source: str, metric: str) -> None:
        """People are told of this metric."""
        self.rows.alarms[self._index[source, metric]] += 1

    def spend(self, source: str, owes: Callable[[Array], Array]) -> None:
        """The incident of a source has ended; `owes` says what the alarms of its metrics cost each of them."""
        at = np.array([self._index[source, metric] for metric in self.of(source)], dtype=np.int64)
        self.rows.debt[at] += owes(self.rows.alarms[at].astype(np.float64))
        self.rows.alarms[at] = 0

    def pay(self, share_of: Callable[[str], float]) -> None:
        """What is left of the debts of each source."""
        for row in np.nonzero(self.rows.debt > 0)[0]:
            self.rows.debt[row] *= share_of(self.keys[row][0])

    def doublings(self, source: str) -> float:
        """By how many doublings the most indebted metric of a source must be surer."""
        debts = [float(self.rows.debt[self._index[source, metric]]) for metric in self.of(source)]
        return float(budget.doublings(np.array(debts)).max()) if debts else 0.0

    def _strict(self, row: int) -> float:
        return float(2.0 ** budget.doublings(self.rows.debt[row]))

    def _said(
        self, found: envelope.Departures, slots: Mapping[int, int], intervals: Mapping[str, int]
    ) -> list[Departure]:
        out = []
        rows = self.rows
        for change, where in (
            ("cleared", found.cleared),
            ("new normal", found.new_normal),
            ("opened", found.opens != 0),
            ("beyond", found.beyond),
        ):
            for i in np.nonzero(where)[0]:
                row = int(found.at[i])
                source, metric = self.keys[row]
                if change == "opened":
                    rows.since[row] = slots[row] - (int(found.polls[i]) - 1) * intervals[source]
                sure = (
                    float(found.size[i] / found.limit[i])
                    if change == "opened"
                    else float(rows.depth[row] / max(rows.limit[row], 1e-9))
                )
                observed = float(rows.last_value[row]) if change != "opened" else float(found.observed[i])
                out.append(
                    Departure(
                        source,
                        metric,
                        change,
                        sure,
                        int(rows.since[row]),
                        float(rows.expected[row]),
                        observed,
                        self._strict(row),
                    )
                )
        return out

    def standing(self, source: str) -> list[Departure]:
        """The metrics of one source whose departure stands open."""
        rows, out = self.rows, []
        for metric in self.of(source):
            i = self._index[source, metric]
            if rows.side[i]:
                sure = float(rows.depth[i] / max(rows.limit[i], 1e-9))
                out.append(
                    Departure(
                        source,
                        metric,
                        "opened",
                        sure,
                        int(rows.since[i]),
                        float(rows.expected[i]),
                        float(rows.observed[i]),
                        self._strict(i),
                    )
                )
        return out

    def row(self, source: str, metric: str) -> int:
        """Where a metric is in the rows; KeyError for one that never came."""
        return self._index[source, metric]

    def pack(self, sources: Collection[str]) -> dict[str, bytes]:
        """The metrics of each source: the length of each name, the name, its record. All at once: forty arrays are cut for each
        call, which was a third of a millisecond per source and tick.
        """
        keys = [(source, metric) for source in sources for metric in self.of(source)]
        packed = dict.fromkeys(sources, b"")
        for (source, metric), record in zip(keys, self.rows.pack([self._index[key] for key in keys]), strict=True):
            packed[source] += bytes([len(metric)]) + metric.encode() + record
        return packed

    def unpack(self, blobs: Mapping[str, bytes]) -> None:
        """Restores the metrics of these sources from `pack`; raises ValueError for bytes of another version."""
        keys: list[Key] = []
        records: list[bytes] = []
        for source, blob in blobs.items():
            at = 0
            while at < len(blob):
                end = at + 1 + blob[at]
                keys.append((source, blob[at + 1 : end].decode("ascii")))
                records.append(blob[end : end + RECORD.itemsize])
                at = end + RECORD.itemsize
            if at != len(blob):
                raise ValueError("the custom metrics end within a record")
        self._arrange([key for key in self.keys if key[0] not in blobs] + keys)
        self.rows.unpack([self._index[key] for key in keys], records)

    def _make_room(self, sources: Iterable[str], slot_of: Callable[[str], int]) -> None:
        """Of sources that follow all they can, the metrics go that had no value for a day: renamed, as a rule."""
        gone = {
            (source, metric)
            for source in sources
            if len(self.of(source)) >= thresholds.MOST
            for metric in self.of(source)
            if slot_of(source) - self.rows.last_poll[self._index[source, metric]] > thresholds.GONE_S
            and not self.rows.side[self._index[source, metric]]
        }
        if gone:
            self._arrange([key for key in self.keys if key not in gone])
            for source, _ in gone:
                self._dropped.pop(source, None)

    def _add(self, new: Iterable[Key]) -> None:
        keys = list(self.keys)
        count = {source: len(self.of(source)) for source, _ in new}
        for source, metric in new:
            if count[source] >= thresholds.MOST or not metric.isascii() or len(metric) > 255:
                self._dropped.setdefault(source, set()).add(metric)
                continue
            count[source] += 1
            keys.append((source, metric))
        first = len(self.keys)
        self._arrange(keys)
        for row in range(first, len(keys)):
            self.rows.rises_only[row] = keys[row][1].endswith(thresholds.AGE)

    def _arrange(self, keys: list[Key]) -> None:
        self.rows = self.rows.select([self._index.get(key, -1) for key in keys])
        self.keys = keys
        self._index = {key: i for i, key in enumerate(keys)}
        self._of = {}
        for source, metric in keys:
            self._of.setdefault(source, []).append(metric)
