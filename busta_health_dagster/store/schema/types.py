"""Column types that mean the same on SQLite and Postgres."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer
from sqlalchemy.types import TypeEngine

NAMING = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}

Epoch = BigInteger
"""Whole seconds, UTC. 64 bits, so that 2038 is a year like any other."""

LARGEST_KEY = 2**63 - 1
"""What both databases can be asked for; a larger key is the key of nothing."""


def row_id() -> TypeEngine[int]:
    """A key that counts itself: SQLite does so only for a column declared INTEGER."""
    return BigInteger().with_variant(Integer, "sqlite")
