"""What every role may read."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response, StreamingResponse

from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.domain.units import iso, parse_seconds
from busta_health_dagster.pipeline import alert_view, explain, incidents, service_levels
from busta_health_dagster.pipeline.app import App
from busta_health_dagster.pipeline.bands import baselines_of
from busta_health_dagster.pipeline.history_view import history_row, quality_row
from busta_health_dagster.pipeline.status import fleet_health, source_info, source_rows
from busta_health_dagster.web.api.models import Page
from busta_health_dagster.web.api.problems import RESPONSES, page
from busta_health_dagster.web.live import HEADERS, event_stream

router = APIRouter(responses=RESPONSES)

Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many rows.")]
Cursor = Annotated[str | None, Query(max_length=64, description="`next` of the page before.")]
Source = Annotated[str, Path(max_length=63, pattern="^[a-z][a-z0-9_]*$", description="Name of the source.")]
AlertId = Annotated[int, Path(ge=1, le=2**53, description="Id of the alert.")]
Since = Annotated[str, Query(pattern=r"^\d{1,5}(m|h|d)$", description="How far back: 24h, 7d.")]
Window = Annotated[str, Query(max_length=12, description="24h, 7d, 30d, week, month, 2026-W47 or 2026-11.")]
At = Annotated[
    str | None, Query(max_length=40, description="End of the window, ISO 8601 with zone; now when left out.")
]
Sources = Annotated[
    list[Annotated[str, Query(max_length=63)]] | None,
    Query(max_length=1000, description="Only these; may be repeated."),
]


def app_of(request: Request) -> App:
    return request.app.state.busta  # type: ignore[no-any-return]


def known(app: App, name: str) -> str:
    if name not in app.config.sources:
        raise UnknownName(f"No source is called {name!r}. Names: GET /api/v1/sources")
    return name


@router.get("/status", summary="The fleet in one object: counts, and how fresh that knowledge is")
def status(request: Request) -> dict[str, Any]:
    health = fleet_health(app_of(request))
    return {
        "at": iso(health.at), "tick_at": iso(health.tick_at), "next_tick_at": iso(health.next_tick_at),
        "stale": health.stale_monitor, "counts": health.counts, "sources": len(health.rows),
        "open_alerts": sum(row.open_alerts for row in health.rows), "config_problem": health.config_problem,
    }  # fmt: skip


@router.get(
    "/sources", response_model=Page, summary="Every source, worst first; the shape of `busta sources health -o json`"
)
def sources(
    request: Request,
    state: Annotated[str | None, Query(pattern="^(up|degraded|down|unknown|maintenance)$")] = None,
    view: Annotated[
        Literal["health", "config"], Query(description="How they are, or how they are looked at.")
    ] = "health",
    limit: Limit = 200,
    cursor: Cursor = None,
) -> dict[str, Any]:
    health = fleet_health(app_of(request))
    rows = [r for r in health.rows if state is None or r.shown == state]
    if view == "config":
        shown = {r.source for r in rows}
        return page([row for row in source_rows(app_of(request)) if row["source"] in shown], limit, cursor)
    return page([row.as_json() for row in rows], limit, cursor)


@router.get("/sources/{name}", summary="All that is known of one source")
def source(request: Request, name: Source) -> dict[str, Any]:
    app = app_of(request)
    return source_info(app, known(app, name))


@router.get("/sources/{name}/observations", response_model=Page, summary="What was seen of it, newest first")
def observations(
    request: Request, name: Source, since: Since = "24h", limit: Limit = 200, cursor: Cursor = None
) -> dict[str, Any]:
    app = app_of(request)
    now = app.now()
    known(app, name)
    with app.store.read() as uow:
        seen = uow.observations.window([name], now - int(parse_seconds(since)), now + 1, manual=True)[name]
    return page([history_row(o) for o in reversed(seen)], limit, cursor)


@router.get(
    "/sources/{name}/quality",
    response_model=Page,
    summary="Its quality scores with dimensions and checks, newest first",
)
def quality(
    request: Request, name: Source, since: Since = "7d", limit: Limit = 200, cursor: Cursor = None
) -> dict[str, Any]:
    app = app_of(request)
    now = app.now()
    known(app, name)
    with app.store.read() as uow:
        scored = uow.quality.history(name, now - int(parse_seconds(since)), now + 1)
    return page([quality_row(one) for one in reversed(scored)], limit, cursor)


@router.get(
    "/sources/{name}/baseline", summary="Its normal range now and over 24 hours; `busta baselines show NAME -o json`"
)
def baseline(request: Request, name: Source) -> dict[str, Any]:
    app = app_of(request)
    return baselines_of(app, [known(app, name)])[0].as_json()


@router.get("/sources/{name}/explain", summary="Why is there (no) alert? Every rule's verdict with its reason")
def source_explained(request: Request, name: Source) -> dict[str, Any]:
    app = app_of(request)
    return explain.explain_source(app, known(app, name)).as_json()


@router.get("/quality", response_model=Page, summary="The newest quality score of every source that is scored")
def scores(request: Request, limit: Limit = 200, cursor: Cursor = None) -> dict[str, Any]:
    app = app_of(request)
    with app.store.read() as uow:
        there = {s.name for s in uow.sources.all()}
        found = uow.quality.newest([s.name for s in app.config.sources.values() if s.quality and s.name in there])
    return page([quality_row(one) for one in found.values()], limit, cursor)


@router.get("/alerts", response_model=Page, summary="Alerts, worst first; the shape of `busta alerts list -o json`")
def alerts(
    request: Request,
    state: Annotated[
        alert_view.Wanted, Query(description="open, acked, snoozed, resolved or all")
    ] = alert_view.Wanted.OPEN,
    source: Annotated[str | None, Query(max_length=63)] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> dict[str, Any]:
    app = app_of(request)
    found = alert_view.listing(app, state, [known(app, source)] if source else None)
    return page([row.as_json() for row in found.rows], limit, cursor)


@router.get("/alerts/{alert}", summary="One alert as it stands")
def alert(request: Request, alert: AlertId) -> dict[str, Any]:
    return alert_view.row_of(app_of(request), alert).as_json()


@router.get("/alerts/{alert}/explain", summary="Why was I (not) told? The whole chain, each with its reason")
def explained(request: Request, alert: AlertId) -> dict[str, Any]:
    return explain.explain_alert(app_of(request), alert).as_json()


@router.get(
    "/incidents", summary="Incidents of a window with MTTR, MTTA and MTBF; the shape of `busta incidents list -o json`"
)
def incident_list(
    request: Request,
    window: Window = "30d",
    at: At = None,
    source: Sources = None,
    by: Annotated[
        Literal["source", "type", "tier", "rule", "fleet"] | None, Query(description="The same figures for each.")
    ] = None,
) -> dict[str, Any]:
    app = app_of(request)
    return incidents.list_incidents(app, service_levels.ask(app, window, at), source, by).as_json()


@router.get("/sla", response_model=Page, summary="Service levels, worst first; the shape of `busta sla -o json`")
def sla(
    request: Request,
    window: Window = "30d",
    at: At = None,
    source: Sources = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> dict[str, Any]:
    app = app_of(request)
    levels = service_levels.service_levels(app, service_levels.ask(app, window, at), source)
    return page([level.as_json() for level in levels], limit, cursor)


@router.get("/reports", response_model=Page, summary="Finished weekly reports, newest first")
def report_list(request: Request, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
    with app_of(request).store.read() as uow:
        kept = uow.reports.list("weekly", 200)
    rows = [
        {
            "period": one.period, "since": iso(one.since), "until": iso(one.until), "written_at": iso(one.written_at),
            "sent_at": iso(one.sent_at), "headline": one.headline,
        }
        for one in kept
    ]  # fmt: skip
    return page(rows, limit, cursor)


@router.get("/reports/{week}", summary="The figures of one weekly report")
def report(request: Request, week: Annotated[str, Path(pattern=r"^\d{4}-W\d{2}$")]) -> dict[str, Any]:
    with app_of(request).store.read() as uow:
        kept = uow.reports.get("weekly", week)
    if kept is None:
        raise UnknownName(f"There is no report of {week} yet. Make it: busta report weekly --week {week} --keep")
    return json.loads(kept.data)  # type: ignore[no-any-return]


@router.get(
    "/events", summary="What changes, live (Server-Sent Events); Last-Event-ID replays", response_class=Response
)
async def events(
    request: Request, last_event_id: Annotated[str | None, Header(max_length=32)] = None
) -> StreamingResponse:
    return StreamingResponse(
        event_stream(app_of(request), last_event_id), media_type="text/event-stream", headers=HEADERS
    )
