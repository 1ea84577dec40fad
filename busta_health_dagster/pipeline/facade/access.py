"""Who may ask (tokens), and who did what (the audit log)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.pipeline.facade.base import MonitorBase

if TYPE_CHECKING:
    from busta_health_dagster.domain.access import Role
    from busta_health_dagster.domain.documents import service


class Access(MonitorBase):
    """What is asked about tokens and deeds."""

    def tokens(self) -> list[service.TokenRow]:
        from busta_health_dagster.pipeline.app import access

        return [access.token_row(token) for token in access.list_tokens(self.app)]

    def create_token(self, name: str, role: Role) -> service.TokenMade:
        """Make a token; its secret is shown this once."""
        from busta_health_dagster.pipeline.app import access

        secret = access.create_token(self.app, name=name, role=role, by=self.actor)
        return {"token": secret, "name": name, "role": role.value}

    def revoke_token(self, name: str, *, force: bool = False) -> None:
        """End a token and its sessions; the last admin token only with `force`."""
        from busta_health_dagster.pipeline.app import access

        access.revoke_token(self.app, name=name, by=self.actor, force=force)

    def audit(self, *, actor: str = "", action: str = "", limit: int = 100) -> list[service.AuditRow]:
        """The newest entries of the audit log, of one actor or action; `alert` takes `alert.ack`, too."""
        from busta_health_dagster.pipeline.views.audit_log import audit_log

        return audit_log(self.app, actor=actor, action=action, limit=limit).as_json()
