"""What each vantage point saw of a source in a slot; the verdict that is made of these is an ordinary observation."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, SmallInteger, Table, Text

from busta_health_dagster.store.schema import metadata
from busta_health_dagster.store.schema.types import Epoch

vantage_answer = Table(
    "vantage_answer",
    metadata,
    Column("slot", Epoch, primary_key=True, autoincrement=False),
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("vantage", Text, primary_key=True),
    Column("verdict", SmallInteger, nullable=False),
    Column("response", BigInteger),
    Column("items", BigInteger),
    Column("data_age", BigInteger),
    Column("trace", LargeBinary, nullable=False),
    Column("facts", Text, comment="JSON, until the slot is closed"),
    sqlite_with_rowid=False,
)
