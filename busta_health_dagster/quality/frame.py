"""From a payload or a file to a bounded table. Nothing here guesses types: CSV stays text, so that "12.0 oz" differs
from 12.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.quality import ColumnShape, SchemaSnapshot
from busta_health_dagster.extras import require
from busta_health_dagster.quality.flattening import expand, kind_of, named, rows_of
from busta_health_dagster.quality.stretches import Stretches
from busta_health_dagster.quality.suite import PLAIN, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    import pyarrow as pa

MAX_ROWS = 1_000_000
MAX_BYTES = 256_000_000
TYPED_ROWS = (
    2_000  # checking every value for its type cost more than all checks together: 3.9 of 4.7 CPU s at a million rows
)
_CHUNK = 50_000
_EXACT = 2**53  # a float holds every whole number up to here
_ORDINALS = {2: "second", 4: "fourth", 8: "eighth"}
_NESTED = frozenset({".json", ".jsonl", ".ndjson"})


@dataclass(frozen=True, slots=True)
class Table:
    """A bounded table. `truncated`: there was more than `frame` holds; `total_rows` is how much, where it is known, and `drawn` which
    of it, where it is not the beginning.
    """

    frame: pd.DataFrame
    truncated: bool = False
    total_rows: int | None = None
    drawn: str = ""


def rows_to_frame(payload: Any, layout: Layout = PLAIN) -> pd.DataFrame:
    """JSON rows, or a document that holds them, as a table. Nested objects become dotted columns.

    Raises:
        BadInput: not a list of objects; the message says what it is instead.
    """
    import pandas as pd

    if isinstance(payload, pd.DataFrame):
        if twice := list(dict.fromkeys(payload.columns[payload.columns.duplicated()])):
            raise BadInput(f"the table has the column {twice[0]!r} twice: a check could not say which one it means")
        return named(payload, layout)
    rows = rows_of(payload, layout)
    flat: list[dict[str, Any]] = []
    for index, row in enumerate(rows):
        if not hasattr(row, "keys"):
            raise BadInput(f"the payload is not a table: row {index} is {kind_of(row)}, not an object with columns")
        flat.extend(expand(dict(row), list(layout.unnest), layout.pivot))
    names: dict[str, None] = {}
    for flat_row in flat:
        names.update(dict.fromkeys(flat_row))
    # Column by column: a frame built from rows would turn 1 and True into one another.
    frame = pd.DataFrame({name: _series([r.get(name) for r in flat]) for name in names}, index=range(len(flat)))
    return named(frame, layout)


def _series(values: list[Any]) -> pd.Series:
    import pandas as pd

    kinds = {type(v) for v in values if v is not None}
    if kinds == {int} and None not in values and all(abs(v) < 2**63 for v in values):
        return pd.Series(values, dtype="int64")
    if kinds <= {int, float}:
        # As floats, whole numbers beside a null would read "7.0", and two long ids would be one. (GX compares no two
        # columns of pandas' own Int64: "boolean value of NA is ambiguous".)
        whole = kinds == {int} or any(isinstance(v, int) and abs(v) > _EXACT for v in values)
        return pd.Series([math.nan if v is None else v for v in values], dtype="object" if whole else "float64")
    if kinds == {str}:
        return pd.Series(values, dtype="str")
    if kinds == {bool} and None not in values:
        return pd.Series(values, dtype="bool")
    return pd.Series(
        [json.dumps(v, sort_keys=True, default=str) if isinstance(v, list) else v for v in values], dtype="object"
    )


def read_table(
    path: Path | str,
    layout: Layout = PLAIN,
    *,
    max_rows: int = MAX_ROWS,
    max_bytes: int = MAX_BYTES,
) -> Table:
    """CSV, TSV, JSON, JSON lines or Parquet, bounded in rows and bytes.

    `layout` is a suite's, as for rows that a probe delivers. A CSV file has no lists to unnest.

    Raises:
        BadInput: missing, unreadable, of another kind, or (JSON) too large to be read in part.
        MissingExtra: pandas is not installed.
    """
    require("quality", "Reading a table")
    file = Path(path)
    if not file.is_file():
        raise BadInput(f"there is no data file {file}")
    suffix = file.suffix.lower()
    readers = {
        ".csv": _csv,
        ".tsv": _csv,
        ".txt": _csv,
        ".json": _json,
        ".jsonl": _jsonl,
        ".ndjson": _jsonl,
        ".parquet": _parquet,
        ".pq": _parquet,
    }
    if suffix not in readers:
        raise BadInput(
            f"{file}: cannot read {suffix or 'a file without an ending'}; give .csv, .tsv, .json, .jsonl or .parquet"
        )
    try:
        table = readers[suffix](file, _Shape(layout, max_rows, max_bytes))
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read as {suffix[1:]}: {error}") from error
    return replace(table, frame=named(table.frame, layout)) if suffix not in _NESTED else table


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a file becomes a table, and how much of it is read."""

    layout: Layout
    max_rows: int
    max_bytes: int

    def frame(self, rows: Any) -> pd.DataFrame:
        return rows_to_frame(rows, self.layout)


def _bounded(chunks: Iterator[pd.DataFrame], max_rows: int, max_bytes: int) -> Table:
    """All rows, or stretches all over the file: what was cut off at its end would be what is new."""
    stretches = Stretches(max_rows, max_bytes)
    for chunk in chunks:
        stretches.take(chunk)
    if stretches.step == 1:
        return Table(stretches.frame())
    drawn = f"every {_ORDINALS.get(stretches.step, f'{stretches.step}th')} stretch of {stretches.length:,} rows, all over the file"
    return Table(stretches.frame(), truncated=True, total_rows=stretches.rows, drawn=drawn)


def _csv(file: Path, shape: _Shape) -> Table:
    import pandas as pd

    if file.stat().st_size == 0:
        return Table(pd.DataFrame())
    separator = "\t" if file.suffix.lower() == ".tsv" else ","
    with pd.read_csv(
        file, sep=separator, dtype=str, keep_default_na=False, na_values=[""], chunksize=_CHUNK, encoding="utf-8-sig"
    ) as chunks:
        return _bounded(chunks, shape.max_rows, shape.max_bytes)


def _json(file: Path, shape: _Shape) -> Table:
    size = file.stat().st_size
    if size > shape.max_bytes:
        raise BadInput(
            f"{file} has {size:,} bytes; JSON is read whole, so {shape.max_bytes:,} is the limit. "
            "Give JSON lines (.jsonl) instead."
        )
    try:
        rows = rows_of(json.loads(file.read_text(encoding="utf-8-sig")), shape.layout)
        frame = shape.frame(rows[: shape.max_rows])
    except BadInput as error:
        raise BadInput(f"{file}: {error}") from error
    total = len(rows)
    return Table(frame, truncated=total > shape.max_rows, total_rows=None if shape.layout.unnest else total)


def _jsonl(file: Path, shape: _Shape) -> Table:
    rows: list[Any] = []
    size = 0
    with file.open(encoding="utf-8-sig") as lines:
        for line in lines:
            if len(rows) >= shape.max_rows or size >= shape.max_bytes:
                return Table(shape.frame(rows), truncated=True)
            size += len(line)
            if line.strip():
                rows.append(json.loads(line))
    return Table(shape.frame(rows), total_rows=None if shape.layout.unnest else len(rows))


def _parquet(file: Path, shape: _Shape) -> Table:
    require("file", "Reading Parquet")
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as source:
        total = source.metadata.num_rows
        batches = (frame_of_batch(b) for b in source.iter_batches(batch_size=_CHUNK))
        return replace(_bounded(batches, shape.max_rows, shape.max_bytes), total_rows=total)


def frame_of_batch(batch: pa.RecordBatch) -> pd.DataFrame:
    """As pyarrow makes it, but for whole numbers beside nulls, which it makes floats."""
    from pyarrow.types import is_integer

    frame: pd.DataFrame = batch.to_pandas()
    for place, column in enumerate(batch.columns):
        if column.null_count and is_integer(column.type):
            frame.isetitem(place, _series(column.to_pylist()).array)
    return frame


def snapshot(table: Table | pd.DataFrame) -> SchemaSnapshot:
    """The table's columns, types and null rates, for drift. Text columns are typed by what the text says."""
    frame, truncated = (table.frame, table.truncated) if isinstance(table, Table) else (table, False)
    columns = tuple(
        ColumnShape(str(c), type_word(frame[c]), float(frame[c].isna().mean()) if len(frame) else 0.0) for c in frame
    )
    return SchemaSnapshot(columns, len(frame), truncated)


def type_word(values: pd.Series) -> str:
    """null, boolean, integer, number, timestamp, text or mixed, by the first non-null values; text is what it says."""
    import pandas as pd

    from busta_health_dagster.quality.rules import numbers, timestamps

    known = values.dropna().iloc[:TYPED_ROWS]
    if known.empty:
        return "null"
    if pd.api.types.is_bool_dtype(known.dtype):
        return "boolean"
    if pd.api.types.is_datetime64_any_dtype(known.dtype):
        return "timestamp"
    kinds = set() if known.dtype != object else {type(v) for v in known}
    if kinds == {bool}:
        return "boolean"
    found = numbers(known)
    share = float(found.notna().mean())
    if share == 1:
        return "integer" if bool((found == found.round()).all()) else "number"
    if share == 0 and timestamps(known.iloc[:100]).notna().all():
        return "timestamp"
    return "mixed" if len(kinds) > 1 else "text"
