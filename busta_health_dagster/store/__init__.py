"""The truth: what we saw, the alerts, the notifications. One schema on SQLite and Postgres.

`Store(url)` opens nothing; `with store.write() as uow:` is one transaction, `with store.read() as uow:` one snapshot.
A unit of work has one repository per concept (`uow.observations`, `uow.rollups`, `uow.alerts` ...).
"""

from busta_health_dagster.store.database import Store
from busta_health_dagster.store.unit import UnitOfWork
from busta_health_dagster.store.versions import SchemaStatus

__all__ = ["SchemaStatus", "Store", "UnitOfWork"]
