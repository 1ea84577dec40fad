"""Sources over REST: how they are, what was seen of them, an observation right now, and what is live."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse

from busta_health_dagster.domain.documents.sources import (
    AnomalyExplanation,
    BaselineRow,
    Fleet,
    FleetStatus,
    HeartbeatAccepted,
    ObservationRow,
    SourceConfig,
    SourceInfo,
    SourceRow,
)
from busta_health_dagster.domain.units import parse_seconds
from busta_health_dagster.pipeline.views.overview import version_of
from busta_health_dagster.web.api.manual_checks import ManualChecks
from busta_health_dagster.web.api.models import Heartbeat, Page
from busta_health_dagster.web.api.parameters import Cursor, Limit, Names, Since, SourceName, app_of, monitor_of
from busta_health_dagster.web.api.problems import RESPONSES, page
from busta_health_dagster.web.live import HEADERS, event_stream
from busta_health_dagster.web.shared_read import SharedRead

router = APIRouter(responses=RESPONSES)


@router.get("/status", summary="The fleet in one object: counts, and how fresh that knowledge is")
def status(request: Request) -> FleetStatus:
    fleet = _whole_fleet(request)
    return {
        "at": fleet["at"],
        "tick_at": fleet["tick_at"],
        "next_tick_at": fleet["next_tick_at"],
        "stale_at": fleet["stale_at"],
        "stale": fleet["stale"],
        "config_problem": fleet["config_problem"],
        "counts": fleet["counts"],
        "sources": len(fleet["sources"]),
        "open_alerts": sum(row["open_alerts"] for row in fleet["sources"]),
    }


@router.get(
    "/fleet",
    response_model=Fleet,
    responses={304: {"description": "Nothing has happened since the answer with this ETag"}},
    summary="The whole fleet at one moment, with bars of 24 h and open alerts; If-None-Match with its ETag",
)
def fleet(
    request: Request,
    source: Names = None,
    bars: Annotated[bool, Query(description="With the last 24 hours and the open alerts.")] = True,
    if_none_match: Annotated[str | None, Header(max_length=200, description="ETag of the answer before.")] = None,
) -> Response:
    version = version_of(app_of(request))
    tag = f'"{version.event}-{version.tick_at or 0}-{version.minute}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if if_none_match is not None and tag in if_none_match:
        return Response(status_code=304, headers=headers)
    found = monitor_of(request).fleet(source, bars=bars)
    body = json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(body, media_type="application/json", headers=headers)


@router.get("/sources", summary="Every source, worst first; the shape of `busta sources health -o json`")
def sources(
    request: Request,
    state: Literal["up", "degraded", "down", "unknown", "maintenance", "off_season"] | None = None,
    view: Annotated[
        Literal["health", "config"], Query(description="How they are, or how they are checked.")
    ] = "health",
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Page[SourceRow | SourceConfig]:
    rows: list[Any] = [r for r in _whole_fleet(request)["sources"] if state is None or r["shown"] == state]
    if view == "config":
        chosen = {r["source"] for r in rows}
        rows = [row for row in monitor_of(request).sources() if row["source"] in chosen]
    return page(rows, limit, cursor)


def _whole_fleet(request: Request) -> Fleet:
    """Of a small fleet as it is now. A large one is read once per change, and for a script up to a minute old: `at` says."""
    shared: SharedRead[Fleet] = request.app.state.fleet
    return shared.get(newest=False) if shared.is_large else monitor_of(request).fleet()


@router.get("/sources/{name}", summary="All that is known of one source")
def source(request: Request, name: SourceName) -> SourceInfo:
    return monitor_of(request).source(name)


@router.get("/sources/{name}/observations", summary="What was seen of it, newest first")
def observations(
    request: Request,
    name: SourceName,
    since: Since = "24h",
    manual: Annotated[bool, Query(description="Also the observations that people asked for.")] = True,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Page[ObservationRow]:
    seen = monitor_of(request).history(name, since_s=int(parse_seconds(since)), manual=manual)
    return page(seen[::-1], limit, cursor)


@router.get("/baselines", summary="What is normal for every source; the shape of `busta baselines show -o json`")
def baselines(
    request: Request,
    source: Names = None,
    hours: Annotated[int, Query(ge=0, le=168, description="How many coming hours.")] = 24,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Page[BaselineRow]:
    return page(monitor_of(request).baselines(source, hours=hours), limit, cursor)


@router.get(
    "/sources/{name}/baseline", summary="Its normal range now and over 24 hours; `busta baselines show NAME -o json`"
)
def baseline(request: Request, name: SourceName) -> BaselineRow:
    return monitor_of(request).baselines([name])[0]


@router.get(
    "/sources/{name}/anomaly",
    summary="Its metrics and its noise budget; the shape of `busta anomalies explain -o json`",
)
def anomaly(request: Request, name: SourceName) -> AnomalyExplanation:
    return monitor_of(request).anomaly_explanation(name)


@router.post("/sources/{name}/check", summary="Check it now; kept as a manual observation")
async def check_source(request: Request, name: SourceName) -> ObservationRow:
    checks: ManualChecks = request.app.state.checks
    return await checks.check(monitor_of(request), name)


@router.post("/heartbeat/{name}", status_code=202, summary="A pipeline says that it ran; silence is the failure")
def heartbeat(request: Request, name: SourceName, heartbeat: Heartbeat | None = None) -> HeartbeatAccepted:
    said = heartbeat or Heartbeat()
    return monitor_of(request).heartbeat(name, items=said.items, ok=said.ok, message=said.message)


@router.get(
    "/events", summary="What changes, live (Server-Sent Events); Last-Event-ID replays", response_class=Response
)
async def events(
    request: Request, last_event_id: Annotated[str | None, Header(max_length=32)] = None
) -> StreamingResponse:
    return StreamingResponse(
        event_stream(app_of(request), last_event_id), media_type="text/event-stream", headers=HEADERS
    )
