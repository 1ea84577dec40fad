"""What the detector has learned: per source its hot state of every poll, and its history of three weeks apart."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, LargeBinary, Table, Text

from busta_health_dagster.store.schema import metadata
from busta_health_dagster.store.schema.types import Epoch

baseline = Table(
    "baseline",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True, autoincrement=False),
    Column("slot", Epoch, nullable=False, comment="the newest slot that the detector has seen"),
    Column("quality_at", Epoch, nullable=False, comment="instant of the newest quality score that it has seen"),
    Column("written_at", Epoch, nullable=False),
    Column("verdict", Text, comment="JSON: what it said of that slot"),
    Column("hot", LargeBinary, nullable=False, comment="11 KB, rewritten with every poll"),
)

# Apart, because SQLite writes a whole row again: 85 KB that change once a day beside 11 KB that change every poll.
baseline_history = Table(
    "baseline_history",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True, autoincrement=False),
    Column("written_at", Epoch, nullable=False),
    Column("cold", LargeBinary, nullable=False, comment="three weeks of clean polls, at most 85 KB"),
)
