"""Who may come in: tokens and sessions, by their hashes."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table, Text

from busta_health_dagster.store.schema import metadata
from busta_health_dagster.store.schema.types import Epoch, row_id

api_token = Table(
    "api_token",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True, comment="SHA-256, hex"),
    Column("created_at", Epoch, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("last_used_at", Epoch),
    Column("revoked_at", Epoch),
    sqlite_autoincrement=True,
)

session = Table(
    "session",
    metadata,
    Column("digest", Text, primary_key=True, comment="SHA-256 of the cookie, hex"),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("csrf", Text, nullable=False),
    Column("expires_at", Epoch, nullable=False),
    Column("token_id", ForeignKey("api_token.id", ondelete="CASCADE"), nullable=False),
)
