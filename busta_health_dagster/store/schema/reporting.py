"""Finished reports: what they said when they were written."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, Table, Text

from busta_health_dagster.store.schema import metadata
from busta_health_dagster.store.schema.types import Epoch

report = Table(
    "report",
    metadata,
    Column("name", Text, primary_key=True),
    Column("period", Text, primary_key=True, comment="2026-W47"),
    Column("since", Epoch, nullable=False),
    Column("until", Epoch, nullable=False),
    Column("written_at", Epoch, nullable=False),
    Column("sent_at", Epoch, comment="when it was first put into the outbox; null: kept, told to nobody"),
    Column("headline", Text, nullable=False),
    Column("data", LargeBinary, nullable=False, comment="JSON, zlib: the figures"),
)
