"""Anomaly scores of any `timestamp,value` file: the same rows, each with how strange it is. Needs no configuration."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

HEADER = ("timestamp", "value", "anomaly_score")
_UNIX = {10: 1, 13: 1000}  # digits of seconds and milliseconds since 2001: how many make a second
_BLANK = frozenset({"", "nan", "na", "null", "none"})


@dataclass(frozen=True, slots=True)
class Scores:
    """The texts of the file as they stood there, and a finite score per row: 1 is where a source would open an
    incident.
    """

    timestamps: tuple[str, ...]
    values: tuple[str, ...]
    scores: tuple[float, ...]

    remarks: tuple[str, ...] = ()
    """Why the scores say less than they seem to."""

    def write(self, stream: TextIO) -> None:
        """As CSV: timestamp, value, anomaly_score."""
        out = csv.writer(stream, lineterminator="\n")
        out.writerow(HEADER)
        for row in zip(self.timestamps, self.values, self.scores, strict=True):
            out.writerow((row[0], row[1], f"{row[2]:.6f}"))


def score_file(path: Path, metric: str = "value") -> Scores:
    """Read a CSV with columns `timestamp` and `value` (or another `metric`), in any case and order, and score every
    row. A timestamp is ISO 8601 (without a zone: UTC) or Unix time in seconds or milliseconds.

    A row's score never depends on later rows. A value that is missing (empty, NaN) scores 0; duplicates are kept.

    Raises:
        BadInput: the file cannot be read, lacks a column, or a line holds no timestamp or number, or is earlier than
            the one before.
    """
    stamps: list[str] = []
    values: list[str] = []
    at: list[float] = []
    numbers: list[float] = []
    lines: list[int] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            metric = metric.strip().lower()
            reader.fieldnames = _header(path, reader.fieldnames, metric)
            for row in reader:
                line = reader.line_num
                stamp, value = row["timestamp"], row[metric]
                if stamp is None or value is None or None in row:
                    raise BadInput(f"{path}, line {line}: the row has not as many fields as the header. Fix that line.")
                instant = _instant(path, line, stamp)
                if at and instant < at[-1]:
                    raise BadInput(
                        f"{path}, line {line}: {stamp} is earlier than {stamps[-1]} in line {lines[-1]}. "
                        "Sort the file by time; scores are causal."
                    )
                stamps.append(stamp)
                values.append(value)
                at.append(instant)
                numbers.append(_number(path, line, value))
                lines.append(line)
    except OSError as why:
        raise BadInput(f"{path} cannot be read: {why.strerror or why}. Name a CSV with timestamp,value.") from why
    except UnicodeDecodeError as why:
        raise BadInput(f"{path} is not UTF-8 text ({why.reason} at byte {why.start}). Save it as UTF-8.") from why
    except csv.Error as why:
        raise BadInput(f"{path} is not a CSV ({why}). Write one row per line: timestamp,value.") from why
    if not stamps:
        raise BadInput(f"{path} has a header and no rows. There is nothing to score.")
    from busta_health_dagster.engines.anomaly.series import score_series

    scores = score_series([int(x // 1) for x in at], numbers)
    remarks = tuple(_remarks(path, metric, at, numbers))
    return Scores(tuple(stamps), tuple(values), tuple(float(x) for x in scores), remarks)


def _remarks(path: Path, metric: str, at: list[float], numbers: list[float]) -> Iterator[str]:
    from busta_health_dagster.engines.anomaly.behaviour import YOUNG_FITS

    days = (at[-1] - at[0]) / 86_400
    if days < YOUNG_FITS:
        yield (
            f"{path} has {plural(round(days), 'day')} of history, and what is normal is learned from {YOUNG_FITS}: hardly a score is "
            "above 0. Give a longer recording."
        )
    known = {value for value in numbers if value == value}  # noqa: PLR0124  NaN differs from itself
    if len(known) == 1:
        (value,) = known
        yield (
            f"{path}: every {metric} is {value:g}, so that nothing in it can be strange. Score another column with --metric."
        )
    if not known:
        yield f"{path}: no row has a {metric}, so that there is nothing to score. Score another column with --metric."


def _header(path: Path, given: Iterable[str] | None, metric: str) -> list[str]:
    names = [name.strip().lower() for name in given or ()]
    wanted = (HEADER[0], metric)
    missing = [name for name in wanted if name not in names]
    if missing:
        others = ", ".join(name for name in names if name != HEADER[0])
        remedy = f" Name one of its columns with --metric: {others}." if others and HEADER[0] in names else ""
        raise BadInput(
            f"{path}: the header lacks {' and '.join(missing)}. The first line must be: timestamp,{metric}.{remedy}"
        )
    twice = [name for name in wanted if names.count(name) > 1]
    if twice:
        raise BadInput(f"{path}: the header has {' and '.join(twice)} twice. Keep the column that is meant.")
    return names


def _instant(path: Path, line: int, text: str) -> float:
    text = text.strip()
    # Unix time must not reach the ISO parser: it would read 13 digits as a date of another century.
    if text.isdecimal() and len(text) in _UNIX:
        return int(text) / _UNIX[len(text)]
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        says = f"{path}, line {line}: {text!r} is no timestamp. Write ISO 8601, such as 2026-11-23T10:05:00Z, or Unix time."
        raise BadInput(says) from None
    return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()


def _number(path: Path, line: int, text: str) -> float:
    if text.strip().lower() in _BLANK:
        return float("nan")
    try:
        return float(text)
    except ValueError:
        raise BadInput(f"{path}, line {line}: {text!r} is no number. Leave a missing value empty.") from None
