"""What operators do: check, acknowledge, snooze, resolve, plan. What pipelines push: beats. Every deed carries its doer's name."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request, Response

from busta_health_dagster.domain.access import AuditEntry, Principal, Role
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.maintenance import Window
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.units import iso, parse_seconds
from busta_health_dagster.pipeline import access, alert_actions, alert_view, check, maintenance
from busta_health_dagster.pipeline.history_view import history_row
from busta_health_dagster.web.api.models import Ack, Beat, Page, Snooze, TokenIn, WindowIn
from busta_health_dagster.web.api.problems import RESPONSES, page, problem
from busta_health_dagster.web.api.reading import AlertId, Cursor, Limit, Source, app_of, known

router = APIRouter(responses=RESPONSES)
WindowId = Annotated[int, Path(ge=1, le=2**53, description="Id of a stored window.")]
IfMatch = Annotated[
    str | None, Header(max_length=40, description='The window\'s ETag, so that no change is overwritten: "3".')
]


def who(request: Request) -> Principal:
    return request.scope["state"]["principal"]  # type: ignore[no-any-return]


@router.post("/sources/{name}/check", summary="Look at it now; kept as a manual observation")
def check_source(request: Request, name: Source) -> dict[str, Any]:
    app = app_of(request)
    known(app, name)
    with app.store.write() as uow:
        uow.audit.append(AuditEntry(app.now(), who(request).name, "source.check", f"source {name}"))
    return history_row(check.check_now(app, [name])[0])


@router.post("/heartbeat/{name}", status_code=202, summary="A pipeline says that it ran; silence is the failure")
def heartbeat(request: Request, name: Source, beat: Beat | None = None) -> dict[str, Any]:
    app = app_of(request)
    said = beat or Beat()
    check.record_beat(app, known(app, name), items=said.items, ok=said.ok, message=said.message)
    return {"source": name, "at": iso(app.now())}


def _row(request: Request, alert: int) -> dict[str, Any]:
    return alert_view.row_of(app_of(request), alert).as_json()


@router.post("/alerts/{alert}/ack", summary="Take care of it: the escalation clock stops")
def ack(request: Request, alert: AlertId, body: Ack | None = None) -> dict[str, Any]:
    alert_actions.acknowledge(app_of(request), [alert], actor=who(request).name, note=(body or Ack()).note)
    return _row(request, alert)


@router.post("/alerts/{alert}/unack", summary="Take the acknowledgement back: the clock runs on")
def unack(request: Request, alert: AlertId, body: Ack | None = None) -> dict[str, Any]:
    del body
    alert_actions.unacknowledge(app_of(request), [alert], actor=who(request).name)
    return _row(request, alert)


@router.post("/alerts/{alert}/snooze", summary="Tell nobody more of it for a while")
def snooze(request: Request, alert: AlertId, body: Snooze) -> dict[str, Any]:
    alert_actions.snooze(app_of(request), [alert], actor=who(request).name, for_s=body.seconds, note=body.note)
    return _row(request, alert)


@router.post("/alerts/{alert}/resolve", summary="End it on a person's word; it reopens if the source is still bad")
def resolve(request: Request, alert: AlertId, body: Ack | None = None) -> dict[str, Any]:
    alert_actions.resolve(app_of(request), [alert], actor=who(request).name, note=(body or Ack()).note)
    return _row(request, alert)


def _window(body: WindowIn) -> Window:
    if body.start.tzinfo is not None or any(d.tzinfo is not None for d in body.exdates):
        raise BadInput("start and exdates are local times in `zone`: write 2026-11-29T06:00, without an offset.")
    chosen = body.select
    select = Selector(
        tuple(chosen.names), tuple(chosen.types), chosen.tags, tuple(chosen.tiers), tuple(chosen.owners), tuple(chosen.groups)
    )  # fmt: skip
    return Window(
        name=body.name,
        select=select,
        start=body.start,
        zone=body.zone,
        duration_s=int(parse_seconds(body.duration)),
        rrule=body.rrule,
        exdates=tuple(body.exdates),
        reason=body.reason,
    )


def _version(if_match: str) -> int:
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isascii() or not text.isdecimal():
        raise BadInput('If-Match is the window\'s ETag, for instance "3".')
    return int(text)


def _tagged(response: Response, planned: maintenance.Planned) -> dict[str, Any]:
    response.headers["etag"] = f'"{planned.version}"'
    return planned.as_json()


@router.get("/maintenance", response_model=Page, summary="Every window of the file and of the store")
def windows(request: Request, limit: Limit = 200, cursor: Cursor = None) -> dict[str, Any]:
    return page([planned.as_json() for planned in maintenance.listing(app_of(request))], limit, cursor)


@router.post("/maintenance", status_code=201, summary="Plan work: alerts are held, watching goes on")
def add_window(request: Request, response: Response, body: WindowIn) -> dict[str, Any]:
    app = app_of(request)
    planned, warnings = maintenance.add(app, _window(body), actor=who(request).name)
    assert planned.window.id is not None
    stored = maintenance.find(app, planned.window.id)
    return _tagged(response, stored) | {"warnings": [p.message for p in warnings]}


@router.get("/maintenance/{window}", summary="One stored window, with its ETag")
def window(request: Request, response: Response, window: WindowId) -> dict[str, Any]:
    return _tagged(response, maintenance.find(app_of(request), window))


@router.put("/maintenance/{window}", summary="Change a stored window; If-Match with its ETag")
def change_window(
    request: Request, response: Response, window: WindowId, body: WindowIn, if_match: IfMatch = None
) -> Any:
    app = app_of(request)
    if if_match is None:
        return problem(
            428, "If-Match is missing", "Read the window first and send its ETag, so that no change is lost."
        )
    version = _version(if_match)
    if maintenance.find(app, window).version != version:
        return problem(412, "Somebody else was first", "The window has changed since you read it; read it again.")
    return _tagged(response, maintenance.change(app, window, _window(body), actor=who(request).name, version=version))


@router.delete("/maintenance/{window}", status_code=204, summary="Remove a stored window as if it had never been")
def remove_window(request: Request, window: WindowId, if_match: IfMatch = None) -> Response:
    app = app_of(request)
    if if_match is None:
        return problem(
            428, "If-Match is missing", "Read the window first and send its ETag, so that no change is lost."
        )
    version = _version(if_match)
    if maintenance.find(app, window).version != version:
        return problem(412, "Somebody else was first", "The window has changed since you read it; read it again.")
    maintenance.remove(app, window, actor=who(request).name, version=version)
    return Response(status_code=204)


@router.post("/maintenance/{window}/end", summary="Stop a stored window now, by its id or name")
def end_window(request: Request, window: Annotated[str, Path(max_length=100)]) -> dict[str, Any]:
    app = app_of(request)
    left = maintenance.end(app, window, actor=who(request).name)
    said = "it had not begun, so nothing is left of it" if left is None else f"ended {iso(app.now())}"
    return {"window": window, "said": said}


@router.get("/tokens", response_model=Page, summary="Tokens without their secrets (admin)")
def tokens(request: Request, limit: Limit = 200, cursor: Cursor = None) -> dict[str, Any]:
    return page([access.token_row(token) for token in access.list_tokens(app_of(request))], limit, cursor)


@router.post("/tokens", status_code=201, summary="Make a token; it is shown this once (admin)")
def create_token(request: Request, body: TokenIn) -> dict[str, Any]:
    secret = access.create_token(app_of(request), name=body.name, role=Role(body.role), by=who(request).name)
    return {"token": secret, "name": body.name, "role": body.role}


@router.delete("/tokens/{name}", status_code=204, summary="Revoke a token and its sessions (admin)")
def revoke_token(request: Request, name: Annotated[str, Path(max_length=63)]) -> Response:
    access.revoke_token(app_of(request), name=name, by=who(request).name)
    return Response(status_code=204)
