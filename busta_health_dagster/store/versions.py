"""Which schema this program speaks, known without importing Alembic (0.2 CPU s that reading commands need not pay)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012", "0013")
"""Every revision this program knows, oldest first. A test compares them with the migrations."""

HEAD = REVISIONS[-1]

VERSION_TABLE = "busta_alembic_version"
"""Not Alembic's own `alembic_version`: on Postgres Dagster keeps that one, in the same database, for its tables."""

UNFINISHED = "copying"
"""What stands in place of a revision while another store is copied into this one: no monitor may start on half of it."""

State = Literal["missing", "unfinished", "old", "ok", "new"]


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """`current` is the store's revision (None: there is no store), `head` this program's. `url` has its password
    masked.
    """

    state: State
    current: str | None
    head: str
    url: str

    @property
    def sentence(self) -> str:
        """What it means and what to do."""
        match self.state:
            case "missing":
                return (
                    f"There is no store at {self.url} yet: the monitor was never started. "
                    "Start it with: busta up; the store alone: busta db upgrade"
                )
            case "unfinished":
                return (
                    f"The store at {self.url} is a copy that was not finished. Give the same `busta db copy` or "
                    "`busta db restore` again: it goes on where it stopped. To give it up, delete that database."
                )
            case "old":
                return (
                    f"The store at {self.url} has schema {self.current}, this program needs {self.head}. "
                    "Bring it up to date with: busta db upgrade"
                )
            case "new":
                return (
                    f"The store at {self.url} has schema {self.current}, written by a newer busta; this one knows "
                    f"schemas up to {self.head} and leaves it alone. Run the newer version, or point "
                    "BUSTA_DATABASE_URL to another store."
                )
            case "ok":
                return f"The store at {self.url} is up to date (schema {self.current})."


def compare(current: str | None, url: str) -> SchemaStatus:
    state: State = "new"
    if current is None:
        state = "missing"
    elif current == UNFINISHED:
        state = "unfinished"
    elif current in REVISIONS:
        state = "ok" if current == HEAD else "old"
    return SchemaStatus(state, current, HEAD, url)
