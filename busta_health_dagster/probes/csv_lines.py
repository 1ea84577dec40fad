"""The lines that the rows of a CSV file are made of: no row beyond memory, no quote that swallows the rest."""

from __future__ import annotations

import csv
from typing import IO

from busta_health_dagster.probes.port import Failed

_ROW_CHARS = 8 * 2**20
"""Of one row of a CSV file, over all its lines: a row is a list of texts before anybody can check it."""


class CsvLines:
    """The lines of a CSV file, with those that the row at hand is made of: at most so many characters."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._row: list[str] = []
        self._taken = 0

    def __iter__(self) -> CsvLines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(_ROW_CHARS + 1)
        if not line:
            raise StopIteration
        self._taken += len(line)
        if self._taken > _ROW_CHARS:
            raise Failed("payload", f"a row has more than {_ROW_CHARS:,} characters; is a quote never closed?")
        self._row.append(line)
        return line

    def closed(self, at: int, delimiter: str) -> None:
        """A row is complete. One of several lines must have its quotes in order: a quote that is never closed swallows all
        rows to the next one, or to the end.

        Raises:
            Failed: `payload`.
        """
        row, self._row, self._taken = self._row, [], 0
        if len(row) < 2 and row[0].count('"') % 2 == 0:
            return
        try:
            list(csv.reader(row, delimiter=delimiter, strict=True))
        except csv.Error as error:
            if len(row) > 1 or "unexpected end" in str(error):
                first = at - len(row) + 1
                text = f"a quote that is opened in line {first} is not closed: it swallows {len(row) - 1} more lines"
                raise Failed("payload", text) from error
