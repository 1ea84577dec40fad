"""Evenly spaced stretches of neighbouring rows, of a table that is read once and in chunks: neighbours stay together, and the
stretches lie over the whole of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from busta_health_dagster.quality.rules import is_text

if TYPE_CHECKING:
    import pandas as pd

STRETCH = 1_000
FEWEST = 128
"""So many at least, where a table is as long."""


@dataclass(slots=True)
class Stretches:
    """Everything that came, while it is within its limits; beyond them every `step`-th stretch: when there is too much, every second
    one goes, and the step doubles.
    """

    most_rows: int
    most_bytes: float
    rows: int = 0
    step: int = 1
    kept: list[pd.DataFrame] = field(default_factory=list)
    _without_rows: pd.DataFrame | None = None
    _seen: int = 0
    _kept_rows: int = 0
    _kept_bytes: int = 0

    @property
    def length(self) -> int:
        """Rows of a stretch."""
        return max(1, min(STRETCH, self.most_rows // FEWEST))

    def take(self, chunk: pd.DataFrame) -> None:
        self.rows += len(chunk)
        if not len(chunk):
            self._without_rows = chunk
        for start in range(0, len(chunk), self.length):
            if self._seen % self.step == 0:
                self._keep(chunk.iloc[start : start + self.length])
            self._seen += 1

    def _keep(self, stretch: pd.DataFrame) -> None:
        self.kept.append(stretch if self.step == 1 else _own(stretch))
        self._kept_rows += len(stretch)
        self._kept_bytes += _bytes(stretch)
        while len(self.kept) > 1 and (self._kept_rows > self.most_rows or self._kept_bytes > self.most_bytes):
            self._halve()
            self._kept_rows = sum(map(len, self.kept))
            self._kept_bytes = sum(map(_bytes, self.kept))

    def _halve(self) -> None:
        every, self.kept = self.kept[::-1], []
        while every:  # one after the other, so that a chunk is let go before all of them are copied
            one = every.pop()
            self.kept.append(one if self.step > 1 else _own(one))
            del one
            if every:
                every.pop()
        self.step *= 2

    def frame(self) -> pd.DataFrame:
        import pandas as pd

        if self.kept:
            return pd.concat(self.kept, ignore_index=True)
        return pd.DataFrame() if self._without_rows is None else self._without_rows  # which still has its columns


def _bytes(stretch: pd.DataFrame) -> int:
    return int(stretch.memory_usage(deep=True).sum())


def _own(stretch: pd.DataFrame) -> pd.DataFrame:
    """A copy with memory of its own. A slice of text keeps its whole chunk, and so does what Arrow calls a copy of one."""
    import pandas as pd

    columns = {
        name: pd.array(values.tolist(), dtype="str") if is_text(values) else values.array.copy()
        for name, values in stretch.items()
    }
    return pd.DataFrame(columns)
