"""The tables, as SQLAlchemy Core sees them. The migrations build them; a test compares the two."""

from sqlalchemy import MetaData

from busta_health_dagster.store.schema.types import NAMING

metadata = MetaData(naming_convention=NAMING)
