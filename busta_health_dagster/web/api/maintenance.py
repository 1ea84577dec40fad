"""Maintenance over REST. A window carries an ETag: no change of one person overwrites that of another."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import AwareDatetime

from busta_health_dagster.domain import maintenance as nouns
from busta_health_dagster.domain.documents.service import (
    MaintenanceOccurrence,
    WindowAdded,
    WindowEnded,
    WindowRow,
    WindowSuggestion,
)
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.units import parse_seconds, to_epoch
from busta_health_dagster.pipeline.maintenance import actions
from busta_health_dagster.web.api.models import Page, WindowIn
from busta_health_dagster.web.api.parameters import Cursor, Limit, Names, Since, app_of, monitor_of, who
from busta_health_dagster.web.api.problems import RESPONSES, page, problem

router = APIRouter(responses=RESPONSES)
WindowId = Annotated[int, Path(ge=1, description="Id of a stored window.")]
IfMatch = Annotated[
    str | None, Header(max_length=40, description='The window\'s ETag, so that no change is overwritten: "3".')
]
SHOWN_DAYS = 14
LONGEST_DAYS = 800
"""How much may be previewed at once: a window of every hour has 19,200 occurrences in it."""


@router.get("/maintenance", summary="Every window of the file and of the store")
def windows(request: Request, limit: Limit = 200, cursor: Cursor = None) -> Page[WindowRow]:
    return page(monitor_of(request).windows(), limit, cursor)


@router.get("/maintenance/occurrences", include_in_schema=False, deprecated=True)  # its name in 0.1
@router.get(
    "/maintenance/preview", summary="Every time a window is on; the shape of `busta maintenance preview -o json`"
)
def preview(
    request: Request,
    since: Annotated[AwareDatetime | None, Query(description="From when, ISO 8601 with zone; else now.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Until when, likewise; else 14 days after.")] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Page[MaintenanceOccurrence]:
    try:
        begin = app_of(request).now() if since is None else to_epoch(since)
        end = begin + SHOWN_DAYS * 86400 if until is None else to_epoch(until)
    except (ValueError, OverflowError) as error:
        raise BadInput("since and until are instants with their zone: 2026-11-23T08:25:00Z") from error
    if end - begin > LONGEST_DAYS * 86400:
        raise BadInput(f"At most {LONGEST_DAYS} days at once; ask for less.")
    return page(monitor_of(request).occurrences(begin, end), limit, cursor)


@router.get(
    "/maintenance/suggestions",
    summary="Windows that recurring outages suggest; the shape of `busta maintenance suggest -o json`",
)
def suggestions(
    request: Request, source: Names = None, since: Since = "30d", limit: Limit = 200, cursor: Cursor = None
) -> Page[WindowSuggestion]:
    return page(monitor_of(request).suggest_windows(source, since_s=int(parse_seconds(since))), limit, cursor)


@router.post("/maintenance", status_code=201, summary="Plan work: alerts are held, watching goes on")
def add_window(request: Request, response: Response, body: WindowIn) -> WindowAdded:
    made = monitor_of(request).add_window(
        body.name,
        body.select.selector,
        duration_s=body.duration_s,
        start=body.start,
        zone=body.zone,
        rrule=body.rrule,
        exdates=body.exdates,
        reason=body.reason,
    )
    response.headers["etag"] = f'"{made["version"]}"'
    return made


@router.get("/maintenance/{window}", summary="One stored window, with its ETag")
def window(request: Request, response: Response, window: WindowId) -> WindowRow:
    return _tagged(response, actions.find(app_of(request), window))


@router.put("/maintenance/{window}", response_model=WindowRow, summary="Change a stored window; If-Match with its ETag")
def change_window(
    request: Request, response: Response, window: WindowId, body: WindowIn, if_match: IfMatch = None
) -> Any:
    version = _version(request, window, if_match)
    if isinstance(version, Response):
        return version
    asked = _asked(request, body)
    done = actions.change(app_of(request), window, asked, actor=who(request).name, version=version)
    return _tagged(response, done)


@router.delete("/maintenance/{window}", status_code=204, summary="Remove a stored window as if it had never been")
def remove_window(request: Request, window: WindowId, if_match: IfMatch = None) -> Response:
    version = _version(request, window, if_match)
    if isinstance(version, Response):
        return version
    actions.remove(app_of(request), window, actor=who(request).name, version=version)
    return Response(status_code=204)


@router.post("/maintenance/{window}/end", summary="Stop a stored window now, by its id or name")
def end_window(request: Request, window: Annotated[str, Path(max_length=100)]) -> WindowEnded:
    return monitor_of(request).end_window(window)


def _asked(request: Request, body: WindowIn) -> nouns.Window:
    return monitor_of(request).window(
        body.name, body.select.selector, body.start, body.zone, body.duration_s, body.rrule, body.exdates, body.reason
    )


def _version(request: Request, window: int, if_match: str | None) -> int | Response:
    """The version that the caller has seen, or the answer to one who has seen none, or an old one."""
    if if_match is None:
        return problem(
            428, "If-Match is missing", "Read the window first and send its ETag, so that no change is lost."
        )
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isascii() or not text.isdecimal():
        raise BadInput('If-Match is the window\'s ETag, for instance "3".')
    if actions.find(app_of(request), window).version != int(text):
        return problem(412, "Someone else was first", "The window has changed since you read it; read it again.")
    return int(text)


def _tagged(response: Response, planned: actions.PlannedMaintenance) -> WindowRow:
    response.headers["etag"] = f'"{planned.version}"'
    return planned.as_json()
