"""Tokens and sessions as the store keeps them: by their hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from busta_health_dagster.domain.access import AuditEntry, Role, Token, WebSession
from busta_health_dagster.store.schema.access import api_token, session

if TYPE_CHECKING:
    from busta_health_dagster.store.unit import UnitOfWork

_T = api_token.c
_S = session.c


class Access:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def tokens(self) -> list[Token]:
        """Revoked ones too, by id."""
        rows = self._uow.connection.execute(select(api_token).order_by(_T.id))
        return [
            Token(r.id, r.name, Role(r.role), r.digest, r.created_at, r.created_by, r.last_used_at, r.revoked_at)
            for r in rows
        ]

    def add_token(self, *, name: str, role: Role, digest: str, by: str, at: int) -> int:
        row = {"name": name, "role": role.value, "digest": digest, "created_at": at, "created_by": by}
        return int(self._uow.connection.execute(self._uow.insert(api_token).values(row).returning(_T.id)).scalar_one())

    def revoke_token(self, name: str, *, at: int) -> bool:
        """End it and every session opened with it; False: no token of that name is in use."""
        wish = update(api_token).where(_T.name == name, _T.revoked_at.is_(None)).values(revoked_at=at)
        ids = self._uow.connection.execute(wish.returning(_T.id)).scalars().all()
        self._uow.connection.execute(delete(session).where(_S.token_id.in_(ids)))
        return bool(ids)

    def used(self, token_id: int, at: int) -> None:
        self._uow.connection.execute(update(api_token).where(_T.id == token_id).values(last_used_at=at))

    def add_session(self, opened: WebSession) -> None:
        row = {"digest": opened.digest, "name": opened.name, "role": opened.role.value, "csrf": opened.csrf}
        self._uow.connection.execute(
            session.insert().values(**row, expires_at=opened.expires_at, token_id=opened.token_id)
        )

    def session(self, digest: str, *, now: int) -> WebSession | None:
        """None: unknown, expired, or its token was revoked."""
        r = self._uow.connection.execute(select(session).where(_S.digest == digest, _S.expires_at > now)).first()
        return None if r is None else WebSession(r.digest, r.name, Role(r.role), r.csrf, r.expires_at, r.token_id)

    def remove_session(self, digest: str) -> None:
        self._uow.connection.execute(delete(session).where(_S.digest == digest))

    def audit(self, entry: AuditEntry) -> None:
        """The same log as `uow.audit`."""
        self._uow.audit.append(entry)
