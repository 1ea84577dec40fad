"""Tokens and sessions: made, checked, revoked, and every one of these written into the audit log.

A token is 256 random bits behind a prefix that secret scanners recognise. The store keeps its SHA-256: a slow hash
would add
nothing to 256 bits, and would cost every request of a script 100 ms.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from busta_health_dagster.domain.access import AuditEntry, Principal, Role, WebSession
from busta_health_dagster.domain.errors import BadInput, Refused, UnknownName
from busta_health_dagster.domain.given_text import given_name
from busta_health_dagster.domain.units import iso

if TYPE_CHECKING:
    from busta_health_dagster.domain.access import Token
    from busta_health_dagster.domain.documents.service import TokenRow
    from busta_health_dagster.pipeline.app.app import App

PREFIX = "busta_"
SESSION_S = 12 * 3600
USED_EVERY_S = 300
"""How exactly `last_used_at` is kept: a write per request would cost more than it tells."""


def digest(secret: str) -> str:
    """SHA-256 in hex, as it lies in the store."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create_token(app: App, *, name: str, role: Role, by: str) -> str:
    """A new token; this is the only time anybody sees it.

    Raises:
        BadInput: a token of that name is in use, or it is no name.
    """
    given_name(name, "The token's name")
    secret = PREFIX + secrets.token_urlsafe(32)
    with app.store.write() as uow:
        if any(t.name == name and t.revoked_at is None for t in uow.access.tokens()):
            raise BadInput(
                f"A token named {name!r} is in use. Revoke it first (busta tokens revoke {name}), or choose another name."
            )
        uow.access.add_token(name=name, role=role, digest=digest(secret), by=by, at=app.now())
        uow.access.audit(AuditEntry(app.now(), by, "token.create", name, f"role {role}"))
    return secret


def list_tokens(app: App) -> list[Token]:
    with app.store.read() as uow:
        return uow.access.tokens()


def ever_guarded(app: App) -> bool:
    """Has a token ever existed? From then on the web server asks for one, also when all of them are revoked."""
    return bool(list_tokens(app))


def revoke_token(app: App, *, name: str, by: str, force: bool = False) -> None:
    """End a token, and every session that was opened with it.

    Raises:
        UnknownName: no token of that name is in use.
        Refused: it is the last admin token, and `force` is False.
    """
    with app.store.write() as uow:
        in_use = {t.name: t.role for t in uow.access.tokens() if t.revoked_at is None}
        if name not in in_use:
            raise UnknownName(f"No token named {name!r} is in use. Names: busta tokens list")
        admins = {one for one, role in in_use.items() if role is Role.ADMIN}
        if admins == {name} and not force:
            raise Refused(
                f"{name!r} is the last admin token. Without one no one can manage tokens over the web; make another first "
                "(busta tokens create --role admin --name NAME), or revoke it all the same with --force (force=true)."
            )
        uow.access.revoke_token(name, at=app.now())
        uow.access.audit(AuditEntry(app.now(), by, "token.revoke", name))


def principal_of_token(app: App, secret: str) -> Principal | None:
    """Who a bearer token is; None for an unknown or revoked one. The comparison takes the same time for every input."""
    wanted, found = digest(secret), None
    with app.store.read() as uow:
        for token in uow.access.tokens():
            if token.revoked_at is None and hmac.compare_digest(token.digest, wanted):
                found = token
    if found is None:
        return None
    if app.now() - (found.last_used_at or 0) > USED_EVERY_S:
        with app.store.write() as uow:
            uow.access.used(found.id, app.now())
    return Principal(found.name, found.role, "token")


def open_session(app: App, secret: str) -> tuple[str, WebSession] | None:
    """Turn a token typed into the login form into a session; None when it is not one. Returns the cookie's value,
    once.
    """
    wanted = digest(secret)
    with app.store.write() as uow:
        token = next(
            (t for t in uow.access.tokens() if t.revoked_at is None and hmac.compare_digest(t.digest, wanted)), None
        )
        if token is None or token.role is Role.PUSH:
            uow.access.audit(AuditEntry(app.now(), "unknown", "login.refused", "", ""))
            return None
        cookie = secrets.token_urlsafe(32)
        session = WebSession(
            digest=digest(cookie),
            name=token.name,
            role=token.role,
            csrf=secrets.token_urlsafe(24),
            expires_at=app.now() + SESSION_S,
            token_id=token.id,
        )
        uow.access.add_session(session)
        uow.access.audit(AuditEntry(app.now(), token.name, "login", ""))
    return cookie, session


def principal_of_session(app: App, cookie: str) -> Principal | None:
    """Who a cookie is; None when it has expired, or its token was revoked."""
    with app.store.read() as uow:
        session = uow.access.session(digest(cookie), now=app.now())
    return Principal(session.name, session.role, "session", csrf=session.csrf) if session else None


def close_session(app: App, cookie: str, *, by: str) -> None:
    """End a session: its cookie opens nothing any more, wherever it was copied to."""
    with app.store.write() as uow:
        uow.access.remove_session(digest(cookie))
        uow.access.audit(AuditEntry(app.now(), by, "logout", ""))


def write_down_refusal(app: App, actor: str, subject: str, detail: str) -> None:
    """Someone was turned away at the web door."""
    with app.store.write() as uow:
        uow.access.audit(AuditEntry(app.now(), actor, "refused", subject, detail))


def token_row(token: Token) -> TokenRow:
    """A token as it may be shown: never its digest."""
    return {
        "name": token.name,
        "role": token.role.value,
        "created_at": iso(token.created_at),
        "created_by": token.created_by,
        "last_used_at": iso(token.last_used_at),
        "revoked_at": iso(token.revoked_at),
    }
