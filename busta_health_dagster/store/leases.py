"""One alert pass at a time: a lease with an owner and an end, so that a dead owner blocks no one for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from busta_health_dagster.store.schema.alerting import pass_lease

if TYPE_CHECKING:
    from busta_health_dagster.store.unit import UnitOfWork

_T = pass_lease.c


class Leases:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def acquire(self, name: str, owner: str, for_s: float, now: float) -> bool:
        """Take the lease if it is free, expired or already the owner's; -> whether it is the owner's now."""
        wish = self._uow.insert(pass_lease).values(name=name, owner=owner, until=now + for_s)
        taken = wish.on_conflict_do_update(
            index_elements=["name"],
            set_={"owner": wish.excluded.owner, "until": wish.excluded.until},
            where=(_T.until <= now) | (_T.owner == owner),
        ).returning(_T.name)
        return self._uow.connection.execute(taken).first() is not None

    def renew(self, name: str, owner: str, for_s: float, now: float) -> bool:
        """False: it was lost to someone else meanwhile, stop working."""
        mine = (_T.name == name) & (_T.owner == owner)
        return self._uow.connection.execute(update(pass_lease).where(mine).values(until=now + for_s)).rowcount == 1

    def release(self, name: str, owner: str) -> bool:
        """False: it was not the owner's any more."""
        mine = (_T.name == name) & (_T.owner == owner)
        return self._uow.connection.execute(delete(pass_lease).where(mine)).rowcount == 1

    def holder(self, name: str, now: float) -> str | None:
        """Who has it now."""
        asked = select(_T.owner).where(_T.name == name, _T.until > now)
        owner: str | None = self._uow.connection.execute(asked).scalar_one_or_none()
        return owner
