"""The size of a source's board (its items): has it been so large, or so small, on other days?"""

import numpy as np

from busta_health_dagster.engines.anomaly.custom import thresholds
from busta_health_dagster.engines.anomaly.rows import Rows
from busta_health_dagster.engines.baseline.units import Array


def familiar(rows: Rows, at: Array, slots: Array, items: Array) -> Array:
    """(K,) is the size within the range that two earlier days of four weeks have reached? Remembers it, in half octaves.

    A source without items has no board: nothing about it is unfamiliar.
    """
    day = slots // thresholds.DAY_S
    for i, today in zip(at[rows.board_day[at] != day], day[rows.board_day[at] != day], strict=True):
        _range(rows, int(i), int(today))
    has = items > 0
    cell = np.clip(np.rint(2 * np.log2(np.where(has, items, 1.0) + 0.5)) + 2, 0, len(rows.board) - 1).astype(np.int64)
    new = has & (rows.board[cell, 0, at] != day)
    for i, k, today in zip(at[new], cell[new], day[new], strict=True):
        rows.board[k, 1:, i] = rows.board[k, :-1, i].copy()
        rows.board[k, 0, i] = today
    return np.asarray(~has | (cell >= rows.board_low[at]) & (cell <= rows.board_high[at]))


def _range(rows: Rows, row: int, day: int) -> None:
    """Once a day: the smallest and the largest size that two earlier days have reached."""
    days = rows.board[:, :, row]
    recent = np.where((days > day - thresholds.DAYS) & (days < day), days, -1)
    cells = np.arange(len(days))
    low = [k for k in cells if _days(recent[: k + 1]) >= thresholds.BOARD_DAYS]
    high = [k for k in cells if _days(recent[k:]) >= thresholds.BOARD_DAYS]
    rows.board_day[row] = day
    rows.board_low[row], rows.board_high[row] = (low[0], high[-1]) if low and high else (len(days), -1)


def _days(some: Array) -> int:
    return len(set(some[some >= 0].tolist()))
