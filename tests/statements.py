"""What a piece of work asks the database: for tests of how much it reads. Counted, never timed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def asked() -> Iterator[list[str]]:
    """Every statement that reaches a database while the block runs, in order."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(" ".join(statement.split()))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def of_every_source(statements: list[str], table: str) -> list[str]:
    """Those that read all rows of a table: nothing in them says of whom."""
    return [s for s in statements if f"FROM {table}" in s and "source_id" in s and "WHERE" not in s]
