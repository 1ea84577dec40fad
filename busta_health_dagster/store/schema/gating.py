"""The gate: what people opened and closed by hand, and the jobs behind it."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, Text

from busta_health_dagster.store.schema import metadata
from busta_health_dagster.store.schema.types import Epoch, row_id

gate_override = Table(
    "gate_override",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("source_id", ForeignKey("source.id"), nullable=False),
    Column("usable", Boolean, nullable=False),
    Column("since", Epoch, nullable=False),
    Column("until", Epoch, nullable=False, comment="moved forward when it is ended early"),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Index(None, "source_id", "until"),
    sqlite_autoincrement=True,
)

gated_job = Table(
    "gated_job",
    metadata,
    Column("location", Text, primary_key=True),
    Column("sensor", Text, primary_key=True),
    Column("job", Text, primary_key=True),
    Column("sources", Text, nullable=False, comment="JSON list of names"),
    Column("next_at", Epoch),
    Column("evaluated_at", Epoch, nullable=False),
    Column("held_since", Epoch),
    Column("reason", Text, nullable=False),
)
