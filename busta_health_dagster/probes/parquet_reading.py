"""Parquet: the footer, the first rows and one column, within the same bounds as every other format.

614 bytes may hold 1.26 GB of text: a dictionary of one long word, named five hundred times. So text stays in its
dictionary while it is read, is weighed, and only then becomes rows.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import IO, TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from busta_health_dagster.probes.bounds import refuse_decoded
from busta_health_dagster.probes.reservoir import Reservoir, drawn, first_cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from busta_health_dagster.probes.ages import Ages

_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8}
_GROUPS = 8
_BATCH = 65_536


def open_parquet(stream: IO[bytes]) -> Any:
    """The file, its text columns kept as dictionaries."""
    import pyarrow.parquet as pq

    about = pq.ParquetFile(stream)
    schema = about.schema
    texts = [schema.column(i).path for i in range(len(schema)) if schema.column(i).physical_type == "BYTE_ARRAY"]
    return pq.ParquetFile(stream, read_dictionary=texts, metadata=about.metadata, buffer_size=1 << 16, pre_buffer=False)


def first_rows(file: Any, wanted: int, cap: int) -> list[Any]:
    """The first rows as dictionaries.

    Raises:
        Failed: `too_large`, they (or the pages they lie in) would take more than `cap` bytes.
    """
    rows = min(wanted, int(file.metadata.num_rows))
    if rows == 0:
        return []
    refuse_decoded(_floor(file, rows), cap)
    batch = next(file.iter_batches(batch_size=wanted))
    refuse_decoded(sum(_decoded(column) for column in batch.columns), cap)
    found: list[Any] = batch.to_pylist()
    return found


def random_rows(file: Any, wanted: int, cap: int, seed: int) -> list[Any]:
    """As many rows of the whole file, drawn at random; of one whose rows would take more than `cap` bytes, the first rows of
    row groups drawn at random. Empty where `first_rows` has them all.
    """
    total = int(file.metadata.num_rows)
    if total <= wanted:
        return []
    reservoir = Reservoir(wanted, seed)
    if sum(file.metadata.row_group(g).total_byte_size for g in range(file.num_row_groups)) <= cap:
        batches = file.iter_batches(batch_size=_BATCH)
    else:
        groups = drawn(range(file.num_row_groups), _GROUPS, seed)
        batches = (next(file.iter_batches(batch_size=2 * wanted, row_groups=[group])) for group in groups)
    for batch in batches:
        refuse_decoded(sum(_decoded(column) for column in batch.columns), cap)
        for row in batch.to_pylist():
            reservoir.add(row, first_cell(row))
    return reservoir.rows


def ends_of(file: Any, column: str, cap: int, ages: Ages) -> Iterator[Any]:
    """What can be the newest or the oldest time in a column, batch by batch: memory stays at one batch. Of times and
    numbers the ends of what counts and of what does not, so that a kick-off next month hides no play of today.

    Raises:
        Failed: `too_large`, one batch takes more than `cap` bytes.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    inside = [] if column in file.schema_arrow.names else column.split(".")[1:]
    for batch in file.iter_batches(batch_size=_BATCH, columns=[column]):
        values = batch.column(0)
        for name in inside:
            values = pc.struct_field(values, name)
        if pa.types.is_dictionary(values.type):
            values = values.dictionary.take(pc.unique(values.indices))  # each word once, however often it stands there
        refuse_decoded(_decoded(values), cap)
        while pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
            values = values.flatten()
        if pa.types.is_decimal(values.type):
            values = values.cast(pa.float64(), safe=False)
        kind = values.type
        if pa.types.is_temporal(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
            yield from _ends(values, ages)
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
            yield from pc.unique(values).to_pylist()


def _ends(values: Any, ages: Ages) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us", values.type.tz), safe=False)
    bounds = [pa.scalar(bound, values.type) for bound in _bounds(values.type, ages)]
    for lower, upper in pairwise([None, *bounds, None]):
        part = values if lower is None else values.filter(pc.greater(values, lower))
        part = part if upper is None else part.filter(pc.less_equal(part, upper))
        yield from (value for value in pc.min_max(part).as_py().values() if value is not None)


def _bounds(kind: Any, ages: Ages) -> list[Any]:
    """Where one kind of time ends and the next begins: too old, counted, in the future; of numbers for every scale."""
    import pyarrow as pa

    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        local = [datetime.fromtimestamp(at, ZoneInfo(ages.zone)) for at in ages.counted]
        if pa.types.is_date(kind):
            return [at.date() for at in local]
        return local if kind.tz else [at.replace(tzinfo=None) for at in local]
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return []
    largest = 2 ** (kind.bit_width - (1 if "u" not in str(kind) else 0)) - 1 if pa.types.is_integer(kind) else 1e18
    cuts = sorted({at * scale for at in ages.counted for scale in (1, 1e3, 1e6, 1e9)} | {1e11, 1e14, 1e17})
    return [int(cut) if pa.types.is_integer(kind) else cut for cut in cuts if cut < largest]


def _floor(file: Any, rows: int) -> int:
    """What reading the first rows takes at least, as the footer tells: the largest page may be a whole column chunk."""
    group, schema = file.metadata.row_group(0), file.schema
    share = min(1.0, rows / max(1, group.num_rows))
    largest = spread = 0
    for i in range(group.num_columns):
        chunk, column = group.column(i), schema.column(i)
        width = _WIDTHS.get(column.physical_type, column.length or 0)
        largest = max(largest, chunk.total_uncompressed_size)
        # A list of one row may hold every value of its chunk.
        values = chunk.num_values if column.max_repetition_level else rows
        spread += max(int(chunk.total_uncompressed_size * share), width * values)
    return max(largest, spread)


def _decoded(values: Any) -> int:
    """Bytes of an array once every dictionary in it is written out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_dictionary(kind):
        words = values.dictionary
        if not (
            pa.types.is_binary(words.type) or pa.types.is_string(words.type) or pa.types.is_large_string(words.type)
        ):
            return int(values.nbytes)
        lengths = pc.binary_length(words).take(values.indices.drop_null())
        return int(values.indices.nbytes) + int(pc.sum(pc.cast(lengths, pa.int64())).as_py() or 0)
    if pa.types.is_struct(kind):
        return sum(_decoded(part) for part in values.flatten())
    if pa.types.is_map(kind):
        return _decoded(values.keys) + _decoded(values.items)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return int(values.nbytes) + _decoded(values.flatten())
    return int(values.nbytes)
