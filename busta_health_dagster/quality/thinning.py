"""A large CSV or Parquet file as evenly spaced stretches of its rows, in file order, read once and in bounded memory.

A draft needs how values stand beside each other, and in which order they came: neighbours stay together, and the
stretches lie over the whole file. What only all rows can say is asked of all rows: how many there are, whether a key is
unique, and how many rows stand in the file twice.
"""

from __future__ import annotations

import array
import csv
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from busta_health_dagster.extras import installed
from busta_health_dagster.quality.frame import read_table
from busta_health_dagster.quality.stretches import STRETCH, Stretches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd

MOST_STRETCHES = 128
SMALL_BYTES = 8_000_000
"""Below, a file is read whole."""
_CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class Whole:
    """All rows of a file, of which a draft sees stretches."""

    path: Path
    rows: int
    copies: float
    """Share of the rows that stand in the file more than once."""

    def is_unique(self, columns: Sequence[str]) -> bool:
        """Do no two rows share the values of these columns? Reads these columns once."""
        import numpy as np
        import pandas as pd

        wanted = list(columns)
        parts = [
            pd.util.hash_pandas_object(chunk[wanted], index=False).to_numpy()
            for chunk in _chunks(self.path, wanted, None)
        ]
        every = np.concatenate(parts) if parts else np.empty(0, dtype="uint64")
        return len(np.unique(every)) == len(every)


@dataclass(frozen=True, slots=True)
class Thinned:
    """`frame` is all of a small file (`whole` None), or the stretches of a large one."""

    frame: pd.DataFrame
    whole: Whole | None = None


def read_thinned(path: Path, advance: Callable[[int, int | None], None] = lambda _done, _total: None) -> Thinned:
    """The rows a draft is made of. `advance` is called with bytes read and all bytes.

    Raises:
        BadInput: missing, unreadable, or of a kind that is not read.
    """
    streamed = {".csv", ".tsv", ".txt", ".parquet", ".pq"}
    if not path.is_file() or path.suffix.lower() not in streamed or path.stat().st_size < SMALL_BYTES:
        return Thinned(read_table(path).frame)
    try:
        return _read(path, advance)
    except (OSError, ValueError):  # a file that cannot be streamed: what is wrong with it, its reader says best
        return Thinned(read_table(path).frame)


def _read(path: Path, advance: Callable[[int, int | None], None]) -> Thinned:
    import numpy as np
    import pandas as pd

    stretches = Stretches(MOST_STRETCHES * STRETCH, math.inf)
    hashes = array.array("Q")
    by_line = path.suffix.lower() in {".csv", ".tsv", ".txt"}
    for chunk in _chunks(path, None, advance):
        stretches.take(chunk)
        if not by_line:
            hashes.frombytes(pd.util.hash_pandas_object(chunk, index=False).to_numpy().tobytes())
    if by_line:
        hashes = _lines(path)
    every = np.frombuffer(hashes, dtype="uint64") if hashes else np.empty(0, dtype="uint64")
    _, counts = np.unique(every, return_counts=True)
    copies = float(counts[counts > 1].sum()) / len(every) if len(every) else 0.0
    return Thinned(stretches.frame(), Whole(path, stretches.rows, copies))


def _lines(path: Path) -> array.array[int]:
    """A hash of each line after the first: rows that are equal are equal lines, at a tenth of the cost of their cells."""
    with path.open("rb") as lines:
        next(lines, None)
        return array.array("Q", (hash(line.rstrip(b"\r\n")) & 0xFFFFFFFFFFFFFFFF for line in lines))


def _chunks(
    path: Path, columns: list[str] | None, advance: Callable[[int, int | None], None] | None
) -> Iterator[pd.DataFrame]:
    """The file in chunks of text (CSV) or of its own types (Parquet); only these columns, when given."""
    size = path.stat().st_size
    report = advance or (lambda _done, _total: None)
    if path.suffix.lower() in {".parquet", ".pq"}:
        yield from _of_parquet(path, columns, report)
        return
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open("rb") as file:
        reader = _by_arrow if installed("file") else _by_pandas
        for chunk in reader(path, file, separator, columns):
            report(min(file.tell(), size), size)
            yield chunk


def _by_arrow(path: Path, file: Any, separator: str, columns: list[str] | None) -> Iterator[pd.DataFrame]:
    """A tenth of the CPU of pandas. Everything is text, and only an empty field is null, as `read_table` has it."""
    import pyarrow as pa
    import pyarrow.csv as pc

    with path.open(encoding="utf-8-sig", newline="") as text:
        header = next(csv.reader(text, delimiter=separator), [])
    if len(set(header)) < len(header) or not all(header):
        yield from _by_pandas(path, file, separator, columns)
        return
    stream = pc.open_csv(
        file,
        read_options=pc.ReadOptions(block_size=1 << 20),
        parse_options=pc.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=pc.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            include_columns=columns or header,
        ),
    )
    for batch in stream:
        yield batch.to_pandas().astype("str")


def _by_pandas(path: Path, file: Any, separator: str, columns: list[str] | None) -> Iterator[pd.DataFrame]:
    import pandas as pd

    del path
    options: Any = {"dtype": str, "keep_default_na": False, "na_values": [""], "encoding": "utf-8-sig"}
    with pd.read_csv(file, sep=separator, usecols=columns, chunksize=_CHUNK, **options) as chunks:
        yield from chunks


def _of_parquet(
    path: Path, columns: list[str] | None, report: Callable[[int, int | None], None]
) -> Iterator[pd.DataFrame]:
    import pyarrow.parquet as pq

    from busta_health_dagster.quality.frame import frame_of_batch

    size, done = path.stat().st_size, 0
    with pq.ParquetFile(path) as source:
        total = max(1, source.metadata.num_rows)
        for batch in source.iter_batches(batch_size=_CHUNK, columns=columns):
            done += batch.num_rows
            report(size * done // total, size)
            yield frame_of_batch(batch)
