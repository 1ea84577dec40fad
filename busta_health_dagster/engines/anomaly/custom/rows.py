"""The state of every custom metric, one array per quantity, the last axis is the metric. 2.6 KB each as bytes."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from busta_health_dagster.engines.anomaly.custom import thresholds
from busta_health_dagster.engines.baseline.units import Array

W: Final = len(thresholds.WINDOWS)

# name: (dtype, leading shape, initial value). Sides: 0 below, 1 above the usual levels.
SPEC: Final[dict[str, tuple[str, tuple[int, ...], float]]] = {
    "n": ("i4", (), 0),
    "scale": ("f8", (), 0),
    "integral": ("i1", (), 1),
    "rises_only": ("i1", (), 0),
    "last_poll": ("i8", (), 0),
    "last_value": ("f8", (), np.nan),
    # Levels: the mean of every two hours for four weeks, and their medians over a week and over all of it.
    "bins": ("f4", (thresholds.BINS,), np.nan),
    "bin": ("i8", (), -1),
    "bin_sum": ("f8", (), 0),
    "bin_n": ("i4", (), 0),
    "week": ("f8", (), np.nan),
    "month": ("f8", (), np.nan),
    "adopted": ("f8", (), np.nan),
    "adopted_until": ("i8", (), 0),
    "adopted_board": ("f8", (), np.nan),
    # Departures: the newest, and the largest of each day that lasted so many polls.
    "ring": ("f4", (thresholds.LONGEST,), 0),
    "run": ("i4", (), 0),
    "days": ("f4", (thresholds.DAYS, 2, W), np.nan),
    "top": ("f4", (2, 2, W), 0),
    "today": ("f4", (2, W), 0),
    "held": ("f4", (2, W), 0),
    "day": ("i8", (), -1),
    "days_n": ("i4", (), 0),
    # The departure that stands open.
    "side": ("i1", (), 0),
    "opened": ("i8", (), 0),
    "since": ("i8", (), 0),
    "limit": ("f8", (), 0),
    "debt": ("f8", (), 0),
    "alarms": ("i4", (), 0),
    "depth": ("f8", (), 0),
    "expected": ("f8", (), np.nan),
    "observed": ("f8", (), np.nan),
}
RECORD: Final = np.dtype([(name, "<" + kind, shape) for name, (kind, shape, _) in SPEC.items()])


class CustomRows:
    """The arrays of SPEC by name, each (*leading shape, N)."""

    def __init__(self, n: int) -> None:
        self.size = n
        for name, (kind, shape, initial) in SPEC.items():
            setattr(self, name, np.full((*shape, n), initial, np.dtype(kind)))

    def __getattr__(self, name: str) -> Array:
        raise AttributeError(f"no such field of a custom metric: {name}")  # types the fields for mypy

    def select(self, index: Sequence[int]) -> "CustomRows":
        """The same metrics in another order, some left out; -1 makes a fresh one."""
        out = CustomRows(len(index))
        where = np.asarray(index, dtype=np.int64)
        old = np.nonzero(where >= 0)[0]
        for name in SPEC:
            getattr(out, name)[..., old] = getattr(self, name)[..., where[old]]
        return out

    def pack(self, index: Sequence[int]) -> list[bytes]:
        """One record per metric asked for."""
        where = np.asarray(index, dtype=np.int64)
        table = np.empty(len(where), RECORD)
        for name in SPEC:
            table[name] = np.moveaxis(getattr(self, name)[..., where], -1, 0)
        return [record.tobytes() for record in table]

    def unpack(self, index: Sequence[int], blobs: Sequence[bytes]) -> None:
        """Writes records back, `RECORD.itemsize` bytes each."""
        if not blobs:
            return
        table = np.frombuffer(b"".join(blobs), RECORD)
        where = np.asarray(index, dtype=np.int64)
        for name in SPEC:
            getattr(self, name)[..., where] = np.moveaxis(table[name], 0, -1)
