"""Rows out of CSV, JSON, JSON lines and Parquet, streamed where the format allows, with a cap on decoded bytes and on
memory.
"""

from __future__ import annotations

import csv
import io
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.extras import installed, remedy, require
from busta_health_dagster.probes.ages import cell
from busta_health_dagster.probes.bounds import parsed_bytes, refuse_memory
from busta_health_dagster.probes.csv_lines import CsvLines
from busta_health_dagster.probes.impostors import PEEK, Format, not_data
from busta_health_dagster.probes.json_text import DECODER, parse_json
from busta_health_dagster.probes.parquet_reading import ends_of, first_rows, open_parquet, random_rows
from busta_health_dagster.probes.port import Failed, Finding, ProbeLimits
from busta_health_dagster.probes.records import records
from busta_health_dagster.probes.reservoir import Reservoir, first_cell
from busta_health_dagster.probes.unpacking import CORRUPT, Capped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.probes.ages import Ages

_UNREADABLE: tuple[type[Exception], ...] = (csv.Error, *CORRUPT)


class Rows(NamedTuple):
    """`head` are the first rows, `sample` as many of all of them, drawn at random; `document` is a JSON file's whole,
    `columns` the cells of those that were asked for, of all rows.
    """

    head: list[Any]
    total: int
    facts: dict[str, Any]
    document: Any = None
    findings: tuple[Finding, ...] = ()
    columns: Mapping[str, Sequence[Any]] = MappingProxyType({})
    sample: Sequence[Any] = ()


def prepare(kind: Format | None) -> None:
    """Import what reading this format needs, before any observation begins: a tick is a process of its own, and the second that
    importing pyarrow takes there is neither this source's nor that of its neighbours.
    """
    if kind == "parquet":
        require("file", "Reading Parquet")
        import pyarrow as pa
        import pyarrow.compute
        import pyarrow.parquet

        pa.array([0], pa.timestamp("ns")).to_pylist()  # pyarrow looks for pandas at the first timestamp it hands out


def read_rows(
    stream: IO[bytes],
    kind: Format,
    *,
    column: str | None,
    items: str,
    cap: int,
    limits: ProbeLimits,
    delimiter: str,
    encoding: str,
    ages: Ages | None = None,
    keep: Sequence[str] = (),
    seed: int = 0,
) -> Rows:
    """Read it all (Parquet: its footer, its head and one column). `ages` takes the values of `column`: a list of them all would outweigh
    the file.

    Raises:
        Failed: `payload` or `too_large`.
    """
    try:
        if kind == "parquet":
            return _parquet(stream, column, cap, limits, ages, keep, seed)
        capped = io.BufferedReader(Capped(stream, cap), 1 << 18)
        if (impostor := not_data(capped.peek(PEEK), kind)) is not None:
            raise Failed("payload", impostor)
        if kind == "csv":
            return _csv(io.TextIOWrapper(capped, encoding, newline=""), column, limits, delimiter, ages, keep, seed)
        if kind == "jsonl":
            return _json_lines(io.TextIOWrapper(capped, encoding), column, limits, ages, keep, seed)
        return _json(capped.read(), column, items, limits, encoding, ages, keep)
    except UnicodeDecodeError as error:
        raise Failed("payload", f"not {encoding} text (byte {error.start} of a block); set encoding") from error
    except _UNREADABLE as error:
        raise Failed("payload", f"cannot be read as {kind}: {str(error)[:160]}") from error


def _csv(
    text: IO[str],
    column: str | None,
    limits: ProbeLimits,
    delimiter: str,
    ages: Ages | None,
    keep: Sequence[str],
    seed: int,
) -> Rows:
    lines = CsvLines(text)
    reader = csv.reader(lines, delimiter=delimiter)
    header = next(reader, None)
    if header is None:
        raise Failed("payload", "the file is empty: not even a header")
    lines.closed(reader.line_num, delimiter)
    header[0] = header[0].removeprefix("\ufeff")
    header = [name.strip() for name in header]
    at = _position(header, column)
    kept = {name: (_required(header, name), list[str]()) for name in keep}
    head: list[Any] = []
    sample = Reservoir(limits.sample_rows, seed)
    total = ragged = 0
    for row in reader:
        lines.closed(reader.line_num, delimiter)
        if not row:
            continue
        total += 1
        if len(row) != len(header):
            ragged += 1
        sample.add(row, row[0])
        if len(head) < limits.sample_rows:
            head.append(_record(header, row))
        if at is not None and ages is not None and at < len(row) and row[at]:
            ages.take(row[at])
        for position, cells in kept.values():
            if position < len(row) and row[position]:
                cells.append(row[position])
    facts: dict[str, Any] = {"columns": header[:50]}
    if ragged:
        facts["ragged_rows"] = ragged
    columns = {name: cells for name, (_, cells) in kept.items()}
    return Rows(head, total, facts, columns=columns, sample=[_record(header, row) for row in sample.rows])


def _record(header: list[str], row: list[str]) -> dict[str, str | None]:
    return {name: (cell or None) for name, cell in zip(header, row, strict=False)}


def ragged_rows(rows: Rows) -> list[Finding]:
    ragged = rows.facts.get("ragged_rows")
    text = f"{ragged} of {rows.total} rows have another number of cells than the header"
    return [Finding("warning", "payload", text)] if ragged else []


def _position(header: list[str], column: str | None) -> int | None:
    if column is None:
        return None
    if column not in header:
        raise Failed("payload", f"there is no column {column}; there are {', '.join(header[:20])}")
    return header.index(column)


def _required(header: list[str], column: str) -> int:
    position = _position(header, column)
    assert position is not None, "a column that was named"
    return position


def _json_lines(
    text: IO[str], column: str | None, limits: ProbeLimits, ages: Ages | None, keep: Sequence[str], seed: int
) -> Rows:
    head: list[Any] = []
    sample = Reservoir(limits.sample_rows, seed)
    columns: dict[str, list[Any]] = {name: [] for name in keep}
    total = kept = 0
    for number, line in enumerate(text, 1):
        if not line.strip():
            continue
        size = parsed_bytes(line.encode())
        refuse_memory(kept + size, limits.memory_bytes)
        try:
            row = DECODER.decode(line)
        except (ValueError, RecursionError) as error:
            raise Failed("payload", f"line {number} is not JSON") from error
        total += 1
        kept += size - sum(weight for _, weight in sample.add((row, size), first_cell(row)))
        if len(head) < limits.sample_rows:
            head.append(row)
        if column is not None and ages is not None:
            ages.take(cell(row, column))
        for name, cells in columns.items():
            cells.append(cell(row, name))
    return Rows(head, total, {}, columns=columns, sample=[row for row, _ in sample.rows])


def _json(
    body: bytes,
    column: str | None,
    items: str,
    limits: ProbeLimits,
    encoding: str,
    ages: Ages | None,
    keep: Sequence[str],
) -> Rows:
    refuse_memory(parsed_bytes(body), limits.memory_bytes)
    document, problem = parse_json(body, encoding)
    if problem:
        raise Failed("payload", problem)
    findings: list[Finding] = []
    facts: dict[str, Any] = {}
    if items != "rows":
        found = records(items, document)
        rows, findings = found.rows, found.findings
    else:
        place, rows = _only_list(document)
        facts = {"rows_at": place} if place != "$" else {}
    if column is not None and ages is not None:
        for row in rows:
            ages.take(cell(row, column))
    columns = {name: [cell(row, name) for row in rows] for name in keep}
    return Rows(rows, len(rows), facts, document, tuple(findings), columns, rows)


def _only_list(document: Any) -> tuple[str, list[Any]]:
    """Where the rows are when no one says: the document itself, or the one list of records that an object carries."""
    if isinstance(document, list):
        return "$", document
    members = document.items() if isinstance(document, dict) else ()
    lists = [(name, rows) for name, rows in members if isinstance(rows, list) and rows and isinstance(rows[0], dict)]
    if len(lists) != 1:
        return "$", [document]
    name, rows = lists[0]
    return f"$[{name!r}]", rows


def _parquet(
    stream: IO[bytes],
    column: str | None,
    cap: int,
    limits: ProbeLimits,
    ages: Ages | None,
    keep: Sequence[str],
    seed: int,
) -> Rows:
    if not installed("file"):
        text = f"reading Parquet needs the extra [file], which is not installed: {remedy('file')}"
        raise Failed("dependency", text, status=Status.UNKNOWN)
    import pyarrow as pa

    try:
        file = open_parquet(stream)
        names = list(file.schema_arrow.names)
        if column not in names:
            _position(names, column and column.partition(".")[0])  # a part of a structure
        head = first_rows(file, limits.sample_rows, cap)
        sample = random_rows(file, limits.sample_rows, cap, seed) or head
        if column is not None and ages is not None:
            for end in ends_of(file, column, cap, ages):
                ages.take(end)
        columns: dict[str, list[Any]] = {}
        for name in keep:
            _position(names, name)
            batches = file.iter_batches(columns=[name])
            columns[name] = [value for batch in batches for value in batch.column(0).to_pylist()]
        return Rows(head, int(file.metadata.num_rows), {"columns": names[:50]}, columns=columns, sample=sample)
    except pa.ArrowException as error:
        raise Failed("payload", f"cannot be read as Parquet: {str(error).splitlines()[0][:160]}") from error
