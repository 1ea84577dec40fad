"""Who may ask, and who did what, over REST: tokens and the audit log. For admins (auth_middleware.right_asked)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from busta_health_dagster.domain.documents.service import AuditRow, TokenMade, TokenRow
from busta_health_dagster.pipeline.views.audit_log import audit_log
from busta_health_dagster.web.api.models import Page, TokenIn
from busta_health_dagster.web.api.parameters import Cursor, Limit, app_of, monitor_of, of_form
from busta_health_dagster.web.api.problems import RESPONSES, page, part_of, start_of

router = APIRouter(responses=RESPONSES)
_PRINTED = of_form(r"[^\x00-\x1f\x7f]*", "a name: it has a control character")


@router.get("/tokens", summary="Tokens without their secrets (admin)")
def tokens(request: Request, limit: Limit = 200, cursor: Cursor = None) -> Page[TokenRow]:
    return page(monitor_of(request).tokens(), limit, cursor)


@router.post("/tokens", status_code=201, summary="Make a token; it is shown this once (admin)")
def create_token(request: Request, body: TokenIn) -> TokenMade:
    return monitor_of(request).create_token(body.name, body.role)


@router.delete("/tokens/{name}", status_code=204, summary="Revoke a token and its sessions (admin)")
def revoke_token(
    request: Request,
    name: Annotated[str, Path(max_length=63)],
    force: Annotated[bool, Query(description="Also the last admin token.")] = False,
) -> Response:
    monitor_of(request).revoke_token(name, force=force)
    return Response(status_code=204)


@router.get("/audit", summary="Who did what, newest first; the shape of `busta audit list -o json` (admin)")
def audit(
    request: Request,
    actor: Annotated[str, Query(max_length=200, description="Only of this one."), _PRINTED] = "",
    action: Annotated[
        str, Query(max_length=63, description="Only this; `alert` takes `alert.ack`, too."), _PRINTED
    ] = "",
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Page[AuditRow]:
    start = start_of(cursor)
    log = audit_log(app_of(request), actor=actor, action=action, offset=start, limit=limit)
    return part_of(log.as_json(), log.total, start)
