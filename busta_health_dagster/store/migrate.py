"""Bringing a store's schema up to date. Alembic is imported only here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from busta_health_dagster.store.versions import HEAD

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import Connection

_HERE = Path(__file__).parent


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, made in code: the migrations travel inside the package."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(_HERE / "migrations").replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection, revision: str = HEAD) -> None:
    """Run the migrations inside the connection's transaction: all of them or none."""
    from alembic import command

    command.upgrade(config(connection), revision)
