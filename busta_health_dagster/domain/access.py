"""Who may do what. Roles are few on purpose: viewer reads, operator acts, admin manages tokens, push only beats."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """A role of a token, a session or a proxied person."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    PUSH = "push"


class Right(StrEnum):
    """What a request asks for."""

    READ = "read"
    ACT = "act"
    HEARTBEAT = "beat"
    MANAGE = "manage"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.READ}),
    Role.OPERATOR: frozenset({Right.READ, Right.ACT, Right.HEARTBEAT}),
    Role.ADMIN: frozenset(Right),
    Role.PUSH: frozenset({Right.HEARTBEAT}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `via` is `token`, `session`, `proxy` or `loopback`; `csrf` belongs to a session."""

    name: str
    role: Role
    via: str
    csrf: str | None = None

    def may(self, right: Right) -> bool:
        return right in RIGHTS[self.role]


@dataclass(frozen=True, slots=True)
class Token:
    """An API token as the store keeps it: its SHA-256 and never itself. Instants are epoch seconds."""

    id: int
    name: str
    role: Role
    digest: str
    created_at: int
    created_by: str
    last_used_at: int | None = None
    revoked_at: int | None = None


@dataclass(frozen=True, slots=True)
class WebSession:
    """A person's login. The cookie's value is known to the browser only; the store keeps its SHA-256."""

    digest: str
    name: str
    role: Role
    csrf: str
    expires_at: int
    token_id: int


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which thing, when, and why they said they did."""

    at: int
    actor: str
    action: str
    subject: str
    detail: str = ""
