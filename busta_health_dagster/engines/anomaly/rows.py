"""The hot state: one array per quantity, the last axis is the source. Packed to bytes per source, bit for bit.

A series (source x metric) takes about 3.6 KB. What is (3, N) in memory is kept so to make one numpy call serve all
series of a tick; the record on disk is one source's columns side by side.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from busta_health_dagster.engines.anomaly import thresholds
from busta_health_dagster.engines.baseline.profile import SEEN, P
from busta_health_dagster.engines.baseline.units import Array, M

MAGIC: Final = b"BHr3"
DAY_BINS: Final = 288
COLUMNS: Final = thresholds.FINE_COLUMNS + thresholds.COARSE_COLUMNS
AGE_DAYS: Final = 21
BOARDS: Final = 48

# name: (dtype, leading shape, initial value)
SPEC: Final[dict[str, tuple[str, tuple[int, ...], float]]] = {
    # Filter, per metric.
    "n": ("i4", (M,), 0),
    "last_poll": ("i8", (M,), 0),
    "a": ("f8", (M,), 0),
    "p": ("f8", (M,), 0),
    "level": ("f8", (M,), 0),
    "offset": ("f8", (M,), 0),
    "phi": ("f8", (M,), 0),
    "ar": ("f8", (M,), 0),
    "white": ("f8", (M,), 0),
    "young_sum": ("f8", (M,), 0),
    "young_n": ("f8", (M,), 0),
    "unrest": ("f8", (M,), 1),
    "restless": ("f8", (M,), 0),
    # Step test.
    "w": ("i4", (M,), 0),
    "drift": ("f4", (COLUMNS, M), 0),
    "info": ("f4", (COLUMNS, M), 0),
    "bias": ("f4", (COLUMNS, M), 0),
    "ring": ("f4", (thresholds.NEW_NORMAL_MEAN, M), 0),
    "zring": ("f4", (36, M), 0),
    "incident": ("i1", (M,), 0),
    "incident_n": ("i4", (M,), 0),
    "hold": ("i1", (M,), 0),
    "gross": ("i1", (M,), 0),
    "old_level": ("f8", (M,), 0),
    "old_until": ("i8", (M,), 0),
    # Profile and noise.
    "coef": ("f4", (P, M), 0),
    "doubt": ("f4", (SEEN, M), 0),
    "own_phi": ("f4", (M,), 0),
    "own_share": ("f4", (M,), 0),
    "own_variance": ("f4", (M,), 0),
    "fit_days": ("f4", (M,), 0),
    "clock": ("i8", (), 0),
    "tail": ("f8", (2, M), 0),
    "tail_n": ("f8", (M,), 0),
    "scatter": ("f8", (), 0),
    "scatter_n": ("f8", (), 0),
    # History of the day, written to the cold state when full.
    "day_start": ("i8", (), -1),
    "flushes": ("i4", (), 0),
    "phase": ("u1", (), 0),
    "day": ("f4", (DAY_BINS, M), np.nan),
    "day_kind": ("i1", (DAY_BINS,), -1),
    "day_position": ("u1", (DAY_BINS,), 0),
    # Shape and rules.
    "spike_k": ("f8", (), 0),
    "spike_n": ("f8", (), 0),
    "spike_pool": ("f8", (), 0.003),
    "zero_k": ("f8", (), 0),
    "zero_n": ("f8", (), 0),
    "downs": ("i2", (), 0),
    "polls": ("i4", (), 0),
    "down_k": ("f8", (), 0),
    "down_n": ("f8", (), 0),
    "age_days": ("f4", (AGE_DAYS,), np.nan),
    "age_today": ("f4", (), np.nan),
    "age_day": ("i8", (), -1),
    "last_items": ("f8", (), np.nan),
    "last_quality": ("f8", (), np.nan),
    "run": ("i4", (), 0),
    "run_max": ("f8", (), 0),
    "repeats": ("f8", (), 0),
    "changes": ("f8", (), 0),
    # An empty board: the last full one, the usual one, polls without anything, and the longest such run so far.
    "full": ("f8", (), np.nan),
    "typical": ("f8", (), np.nan),
    "empty_run": ("i4", (), 0),
    "empty_max": ("f8", (), 0),
    "empty_last": ("i4", (), 0),
    "empty_ended": ("i8", (), 0),
    "board": ("i4", (BOARDS, 3), -9999),
    "board_day": ("i4", (), -1),
    "board_low": ("i1", (), 0),
    "board_high": ("i1", (), 0),
    # How long and how far each metric's own model was wrong: hourly means, the largest six hours of each day.
    "hour": ("i8", (), -1),
    "hour_sum": ("f8", (M,), 0),
    "hour_n": ("i4", (M,), 0),
    "hours": ("f4", (6, M), 0),
    "astray": ("f4", (AGE_DAYS, M), 0),
    "astray_today": ("f4", (M,), 0),
    # Noise budget: what unconfirmed alarms have cost beyond it; what the open incident would cost.
    "credit": ("f8", (), 1),
    "owed": ("f8", (), 0),
    "debt": ("f8", (), 0),
    "fact_debt": ("f8", (), -4),
    "debt_at": ("i8", (), 0),
    "stricter_since": ("i8", (), 0),
    "confirmed": ("i1", (), 0),
    "alarms": ("i4", (), 0),
    "fact_alarms": ("i4", (), 0),
    # Slot, interval, the terms that stand open.
    "last_slot": ("i8", (), 0),
    "interval_s": ("i8", (), 0),
    "opened": ("i8", (thresholds.TERMS,), 0),
    "since": ("i8", (thresholds.TERMS,), 0),
    "open_n": ("i4", (thresholds.TERMS,), 0),
    "jump": ("i1", (thresholds.TERMS,), 0),
    "score": ("f8", (thresholds.TERMS,), 0),
    "expected": ("f8", (thresholds.TERMS,), np.nan),
    "observed": ("f8", (thresholds.TERMS,), np.nan),
    "incident_at": ("i8", (), 0),
    "kinds": ("i4", (), 0),
    "notified_at": ("i8", (), 0),
    "firing_n": ("i4", (thresholds.TERMS,), 0),
    "moved": ("f8", (M,), 0),
}

RECORD: Final = np.dtype([(name, "<" + kind, shape) for name, (kind, shape, _) in SPEC.items()])
HOT_BYTES: Final = RECORD.itemsize + len(MAGIC)


class StateUnreadable(ValueError):
    """The bytes are not a detector row of this version."""


class Rows:
    """The arrays of SPEC by name, each (*leading shape, N)."""

    def __init__(self, n: int) -> None:
        self.size = n
        for name, (kind, shape, initial) in SPEC.items():
            setattr(self, name, np.full((*shape, n), initial, np.dtype(kind)))

    def __getattr__(self, name: str) -> Array:
        raise AttributeError(
            f"no such row field: {name}"
        )  # reached only for names outside SPEC; types the fields for mypy

    def select(self, index: Sequence[int]) -> "Rows":
        """The same sources in another order, some left out; -1 makes a fresh row."""
        out = Rows(len(index))
        where = np.asarray(index, dtype=np.int64)
        old = np.nonzero(where >= 0)[0]
        for name in SPEC:
            getattr(out, name)[..., old] = getattr(self, name)[..., where[old]]
        return out

    def pack(self, rows: Sequence[int]) -> list[bytes]:
        """One record per row asked for, `RECORD.itemsize` bytes and 4 of magic each."""
        where = np.asarray(rows, dtype=np.int64)
        table = np.empty(len(where), RECORD)
        for name in SPEC:
            table[name] = np.moveaxis(getattr(self, name)[..., where], -1, 0)
        return [MAGIC + record.tobytes() for record in table]

    def unpack(self, rows: Sequence[int], blobs: Sequence[bytes]) -> None:
        """Writes records back; raises StateUnreadable for bytes of another version."""
        if not blobs:
            return
        size = RECORD.itemsize + len(MAGIC)
        for blob in blobs:
            if len(blob) != size or blob[: len(MAGIC)] != MAGIC:
                raise StateUnreadable(
                    f"a detector row of this version has {size} bytes, this one {len(blob)}; delete it to start again"
                )
        table = np.frombuffer(b"".join(blob[len(MAGIC) :] for blob in blobs), RECORD)
        where = np.asarray(rows, dtype=np.int64)
        for name in SPEC:
            getattr(self, name)[..., where] = np.moveaxis(table[name], 0, -1)

    def blank(self, row: int) -> None:
        """Forgets one source."""
        for name, (_, _, initial) in SPEC.items():
            getattr(self, name)[..., row] = initial


def scatter(array: Array, at: Array, value: Any, mask: Array) -> None:
    """array[at[m, i], m, i] = value[m, i] where mask (all (M, N)): writes into a ring whose position differs per
    series.
    """
    m, i = np.nonzero(mask)
    array[at[m, i], m, i] = value[m, i] if isinstance(value, np.ndarray) else value
