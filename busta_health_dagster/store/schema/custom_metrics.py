"""Custom metrics: their names, and their rollups. The values themselves lie packed in the observation (`packing`)."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, Table, Text

from busta_health_dagster.store.schema import metadata
from busta_health_dagster.store.schema.types import Epoch

metric_name = Table(
    "metric_name",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)

_PER_METRIC = "per metric: count, sum, lowest, highest"

metric_hour = Table(
    "metric_hour",
    metadata,
    Column("hour", Epoch, primary_key=True, autoincrement=False, comment="its start, UTC"),
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("stats", LargeBinary, nullable=False, comment=_PER_METRIC),
    sqlite_with_rowid=False,
)

metric_day = Table(
    "metric_day",
    metadata,
    Column("day", Epoch, primary_key=True, autoincrement=False, comment="its start, UTC"),
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("stats", LargeBinary, nullable=False, comment=_PER_METRIC),
    sqlite_with_rowid=False,
)
