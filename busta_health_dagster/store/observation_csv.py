"""Observations as CSV, both shapes of surfaces.md, streamed in and out. Pure: no store.

One file: `timestamp,source,status[,response_ms,items,data_age_s,quality]`. A folder of `<source>.csv`:
`timestamp,up[,response_ms,items,quality,freshness_s]`, where a blank `up` is no observation. Further columns of numbers are
custom metrics.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from busta_health_dagster.domain.custom_metric import BUILT_IN, MOST
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.units import LATEST, iso
from busta_health_dagster.wording.suggestions import near

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import TextIO

COLUMNS = ("timestamp", "source", "status", "response_ms", "items", "data_age_s", "quality")
_PER_SOURCE = ("timestamp", "up", "response_ms", "items", "quality", "freshness_s")
_STATUS = {s.word: s for s in Status}
_UP = {"1": Status.UP, "1.0": Status.UP, "0": Status.DOWN, "0.0": Status.DOWN}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `at` is epoch seconds, UTC; absent measurements are None."""

    source: str
    at: int
    status: Status
    response_ms: float | None = None
    items: int | None = None
    data_age_s: float | None = None
    quality: float | None = None
    file: str = ""
    line: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that is not used, and why."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {self.reason}"


def read_observations(path: Path) -> Iterator[Row | Rejected]:
    """Every line of a file, or of every `*.csv` of a folder (by name), as it comes; nothing is kept in memory.

    A line that cannot be used is handed out as Rejected and the reading goes on; so is a file whose header makes all
    its lines unusable.

    Raises:
        BadInput: no such file or folder, a folder without CSV files, or no permission.
    """
    for file in _files(path):
        try:
            # surrogateescape: one bad byte costs its line, not the file
            with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
                yield from _read_file(file, lines)
        except OSError as error:
            raise BadInput(f"{file} cannot be read: {error.strerror}. Check its permissions.") from error


def write_observations(out: TextIO, ticks: Iterable[tuple[int, Iterable[Observation]]]) -> int:
    """Write the one-file shape; -> how many lines, the header not counted."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    lines = 0
    for slot, observations in ticks:
        for o in observations:
            values = (o.response_ms, o.items, o.data_age_s, o.quality)
            writer.writerow((iso(slot), o.source, o.status.word, *("" if v is None else f"{v:.12g}" for v in values)))
            lines += 1
    return lines


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(path.glob("*.csv"))
        if not found:
            raise BadInput(
                f"{path} holds no CSV file. Expected <source>.csv files with the columns {','.join(_PER_SOURCE)}."
            )
        return found
    if not path.exists():
        raise BadInput(f"{path} does not exist. Name a CSV file, or a folder of <source>.csv files.")
    return [path]


def _read_file(file: Path, lines: TextIO) -> Iterator[Row | Rejected]:
    name, rows = str(file), csv.reader(lines, strict=True)
    header: list[str] = []
    unread = True
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            break
        except csv.Error as error:
            yield Rejected(name, rows.line_num, f"not CSV: {error}")
            continue
        if not header:
            header = [cell.strip().lower() for cell in cells]
            problem = _header_problem(file, header)
            if problem:
                yield Rejected(name, rows.line_num, problem)
                return
            shape = _Shape(file, header)
        elif "".join(cells).strip():
            if unread and (problem := _no_number(file, header, cells)):
                yield Rejected(name, rows.line_num, problem)
                return
            unread = False
            try:
                row = shape.row(cells, rows.line_num)
            except ValueError as why:
                yield Rejected(name, rows.line_num, str(why))
            else:
                if row is not None:
                    yield row
    if not header:
        yield Rejected(name, 1, f"the file is empty; its first line must name the columns: {','.join(COLUMNS)}")


def _header_problem(file: Path, header: list[str]) -> str:
    per_source = "up" in header and "status" not in header
    known, needed = (_PER_SOURCE, _PER_SOURCE[:2]) if per_source else (COLUMNS, COLUMNS[:3])
    shape = f"; the columns are {','.join(needed)} and optionally {','.join(known[len(needed) :])}"
    for column in header:
        if column not in known and (guess := near(column, known, 0.85)) is not None:
            return f"unknown column {column!r}; did you mean {guess}?"
        if column not in known and not _is_metric(column):
            return f"unknown column {_printable(column)!r}{shape}, and custom metrics by a name of their own"
        if header.count(column) > 1:
            return f"column {column!r} twice{shape}"
    custom = [column for column in header if column not in known]
    if len(custom) > MOST:
        return f"{len(custom)} columns of custom metrics, at most {MOST}{shape}"
    missing = [column for column in needed if column not in header]
    if missing:
        return f"no column {missing[0]!r}{shape}"
    if per_source and not _NAME.fullmatch(file.stem):
        return f"the file's name is the source's, and {file.stem!r} is none: a-z, 0-9 and _, beginning with a letter"
    return ""


def _no_number(file: Path, header: list[str], cells: list[str]) -> str:
    """Why the first line shows that a further column holds no numbers: then no line of the file does."""
    for column, cell in zip(header, cells, strict=False):
        if _is_metric(column):
            try:
                _number(column, cell.strip(), signed=True)
            except ValueError as why:
                return f"unknown column {column!r} of {file.name}: a further column is a custom metric, and {why}"
    return ""


@lru_cache(maxsize=256)
def _is_metric(column: str) -> bool:
    """May a column be a custom metric? Not with a name that every source has, in either shape, or almost: that is a slip."""
    taken = {*BUILT_IN, *COLUMNS, *_PER_SOURCE}
    return _NAME.fullmatch(column) is not None and not get_close_matches(column, taken, n=1, cutoff=0.8)


class _Shape:
    """The columns of one file, found once: a year of 100 sources is ten million lines."""

    def __init__(self, file: Path, header: list[str]) -> None:
        self._source, self._file, self._header = file.stem, str(file), header
        self._at = {column: index for index, column in enumerate(header)}
        self._age = "freshness_s" if "freshness_s" in self._at else "data_age_s"
        self._metrics = tuple(column for column in header if _is_metric(column))

    def row(self, cells: list[str], line: int) -> Row | None:
        """One line; None: it says that nothing was observed.

        Raises:
            ValueError: why it cannot be used.
        """
        header, at = self._header, self._at
        if len(cells) != len(header):
            raise ValueError(f"{len(cells)} values for {len(header)} columns")
        values = [cell.strip() for cell in cells]
        if not "".join(values).isprintable():
            column, value = next((c, v) for c, v in zip(header, values, strict=True) if not v.isprintable())
            raise ValueError(f"{column} is not UTF-8 text: {_printable(value)!r}")
        if "up" in at:
            up = values[at["up"]]
            if not up:
                return None
            source, status = self._source, _UP.get(up)
            if status is None:
                raise ValueError(f"up is {up!r}, not 1, 0 or blank (no observation)")
        else:
            source, word = values[at["source"]], values[at["status"]]
            status = _STATUS.get(word.lower())
            if not _NAME.fullmatch(source):
                raise ValueError(
                    f"source {source!r} is not a name: a-z, 0-9 and _, beginning with a letter, 63 at most"
                )
            if status is None:
                raise ValueError(f"status {word!r} is not one of up, degraded, down, unknown")
        items = self._number(values, "items")
        if items is not None and items != int(items):
            raise ValueError(f"items is {values[at['items']]!r}, not a whole number")
        quality = self._number(values, "quality")
        if quality is not None and quality > 100:
            raise ValueError(f"quality is {values[at['quality']]}; it ranges from 0 to 100")
        age = self._number(values, self._age)
        return Row(
            source,
            _epoch(values[at["timestamp"]]),
            status,
            self._number(values, "response_ms"),
            None if items is None else int(items),
            age,
            quality,
            self._file,
            line,
            {
                column: number
                for column in self._metrics
                if (number := _number(column, values[at[column]], signed=True)) is not None
            },
        )

    def _number(self, values: list[str], column: str) -> float | None:
        index = self._at.get(column)
        return None if index is None or not values[index] else _number(column, values[index])


def _epoch(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"timestamp {text!r} is not ISO 8601, for instance 2026-11-16T08:25:00Z") from None
    if at.tzinfo is None:
        raise ValueError(f"timestamp {text!r} has no zone; write 2026-11-16T08:25:00Z or +01:00")
    try:
        epoch = int(at.timestamp())
    except (OverflowError, ValueError):
        epoch = -1
    if epoch < 0:
        raise ValueError(f"timestamp {text!r} lies before 1970")
    if epoch >= LATEST:
        raise ValueError(f"timestamp {text!r} lies after 2199")
    return epoch


def _number(column: str, text: str, *, signed: bool = False) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{column} is {text!r}, not a number") from None
    if not isfinite(number):
        raise ValueError(f"{column} is {text!r}; leave the cell empty where nothing was measured")
    if number < 0 and not signed:
        raise ValueError(f"{column} is {text}; it cannot be negative")
    if abs(number) > 1e15:
        raise ValueError(f"{column} is {text}; that is no measurement")
    return number


def _printable(text: str) -> str:
    return text.encode(errors="replace").decode()[:60]
