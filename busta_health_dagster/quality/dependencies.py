"""Functional dependencies between columns: the flight determines its scheduled departure, the brewery its city."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.quality.rules import is_text

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 50_000
MAX_COLUMNS = 40
PER_COLUMN = 3
_HOLDS = 0.002  # the g3 error a clean table may have and still show a dependency
_CHANCE = 0.10  # what the same columns would have by chance; below, "holding" says nothing


@dataclass(frozen=True, slots=True)
class Dependency:
    """`left` determines `right`. `error`: share of rows that disagree; `chance`: the same after shuffling `right`."""

    left: str
    right: str
    error: float
    chance: float
    groups: int
    rows: int


def dependencies(frame: pd.DataFrame) -> list[Dependency]:
    """The dependencies a table shows, at most three per determined column, the best evidence first.

    Evidence = the error the pair would have if unrelated: it is high only where values repeat and the right side
    varies.
    """
    import numpy as np
    import pandas as pd

    frame = frame.iloc[:MAX_ROWS, :MAX_COLUMNS]
    n = len(frame)
    if n < 30:
        return []
    plain = {str(c): frame[c] if is_text(frame[c]) else frame[c].astype("object").map(_plain) for c in frame}
    codes = {c: pd.factorize(values)[0] for c, values in plain.items()}
    distinct = {c: int(codes[c].max()) + 1 for c in codes}
    shuffle = np.random.default_rng(20260101).permutation(n)
    found: list[Dependency] = []
    for right, determined in codes.items():
        if distinct[right] < 2:
            continue
        best: list[Dependency] = []
        for left, determining in codes.items():
            if left == right or not 2 <= distinct[left] <= n / 2:
                continue
            known = (determining >= 0) & (determined >= 0)
            if known.sum() < n / 2 or _error(determining[known], determined[known]) > _HOLDS:
                continue
            shuffled = determined[shuffle]
            both = (determining >= 0) & (shuffled >= 0)
            chance = _error(determining[both], shuffled[both])
            if chance >= _CHANCE:
                error = _error(determining[known], determined[known])
                best.append(Dependency(left, right, error, chance, distinct[left], int(known.sum())))
        found += sorted(best, key=lambda d: (-d.chance, d.groups, d.left))[:PER_COLUMN]
    return found


def _error(left: object, right: object) -> float:
    """g3: the smallest share of rows to remove for left -> right to hold."""
    import numpy as np

    a, b = np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)
    if len(a) == 0:
        return 0.0
    width = int(b.max()) + 1
    pairs, counts = np.unique(a * width + b, return_counts=True)
    owners = pairs // width
    starts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
    return 1.0 - float(np.maximum.reduceat(counts, starts).sum()) / len(a)


def _plain(value: object) -> object:
    return repr(value) if isinstance(value, list | dict | set) else value
