"""What validations found: scores, the checks behind them, rows that failed, and the shape that was learned."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, LargeBinary, Table, Text

from busta_health_dagster.store.schema import metadata
from busta_health_dagster.store.schema.types import Epoch, row_id

quality_result = Table(
    "quality_result",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("source_id", ForeignKey("source.id"), nullable=False),
    Column("at", Epoch, nullable=False, comment="when it was scored"),
    Column("data_at", Epoch, nullable=False, comment="when what it judged was taken"),
    Column("suite", Text, nullable=False),
    Column("score", Float(53), comment="null: no data"),
    Column("raw", Float(53)),
    Column("half_width", Float(53)),
    Column("coverage", Float(53), nullable=False),
    Column("provisional", Boolean, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("total_rows", BigInteger),
    Column("reason", Text, nullable=False),
    Column("dimensions", Text, nullable=False, comment="JSON: dimension -> 0-100"),
    Index(None, "source_id", "id"),
    Index(None, "at"),
    sqlite_autoincrement=True,
)

# Apart, because the checks are ten times the size of the score and are kept for a shorter time.
quality_checks = Table(
    "quality_checks",
    metadata,
    Column("result_id", ForeignKey("quality_result.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("at", Epoch, nullable=False),
    Column("detail", LargeBinary, nullable=False, comment="JSON, zlib: checks, caps, notes"),
    Index(None, "at"),
)

failing_row = Table(
    "failing_row",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("source_id", ForeignKey("source.id"), nullable=False),
    Column("at", Epoch, nullable=False),
    Column("check", Text, nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("of", BigInteger, nullable=False),
    Column("keys", Text, nullable=False, comment="JSON"),
    Column("shown", Text, nullable=False, comment="JSON: values, masked"),
    Index(None, "source_id"),
    Index(None, "at"),
)

schema_snapshot = Table(
    "schema_snapshot",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True, autoincrement=False),
    Column("shape", Text, nullable=False, comment="JSON: columns, rows, truncated"),
    Column("learned_at", Epoch, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("drifting_since", Epoch),
)

# A row per source, so that a validation writes one: 30 days of 30 checks are some 2 KB.
check_history = Table(
    "check_history",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True, autoincrement=False),
    Column("at", Epoch, nullable=False),
    Column("checks", LargeBinary, nullable=False, comment="JSON, zlib: a row of days for each check"),
    Index(None, "at"),
)
