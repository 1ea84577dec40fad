"""What it meant, over REST: service levels, incidents, quality, reports."""

from __future__ import annotations

import json
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Path, Query, Request

from busta_health_dagster.domain.documents.quality import CheckHistories, Failures, ScoreRow
from busta_health_dagster.domain.documents.service import (
    IncidentDetail,
    IncidentTable,
    Report,
    ReportRow,
    ServiceLevelRow,
)
from busta_health_dagster.domain.units import parse_seconds
from busta_health_dagster.pipeline.quality.quality_pass import quality_limit
from busta_health_dagster.pipeline.reporting.sending import report_rows
from busta_health_dagster.pipeline.views.history import quality_row
from busta_health_dagster.web.api.models import NoteIn, Page, ScorePage
from busta_health_dagster.web.api.parameters import (
    At,
    Cursor,
    Limit,
    Names,
    Since,
    SourceName,
    Window,
    app_of,
    monitor_of,
    of_form,
)
from busta_health_dagster.web.api.problems import RESPONSES, page

router = APIRouter(responses=RESPONSES)
_INCIDENT = r"(INC-)?\d{1,30}(\.\d{1,5})?"
IncidentId = Annotated[
    str,
    Path(json_schema_extra={"pattern": f"^{_INCIDENT}$"}, description="Id of the incident: INC-4127."),
    of_form(_INCIDENT, "an incident's id; write INC-4127. Ids: GET /api/v1/incidents"),
]
_WEEK = r"\d{4}-W\d{2}|last"
Week = Annotated[
    str,
    Path(json_schema_extra={"pattern": f"^({_WEEK})$"}, description="2026-W47, or last."),
    of_form(_WEEK, "a week; write 2026-W47, or last"),
]


@router.get("/sla", summary="Service levels, worst first; the shape of `busta sla -o json`")
def sla(
    request: Request,
    window: Window = "30d",
    at: At = None,
    source: Names = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Page[ServiceLevelRow]:
    return page(monitor_of(request).sla(source, window, at), limit, cursor)


@router.get(
    "/incidents", summary="Incidents of a window with MTTR, MTTA and MTBF; the shape of `busta incidents list -o json`"
)
def incident_list(
    request: Request,
    window: Window = "30d",
    at: At = None,
    source: Names = None,
    by: Annotated[
        Literal["source", "type", "tier", "rule", "fleet"] | None, Query(description="The same numbers for each.")
    ] = None,
) -> IncidentTable:
    return monitor_of(request).incidents(source, window, at, by)


@router.get("/incidents/{incident}", summary="Everything that happened in one incident, and what people wrote")
def incident(request: Request, incident: IncidentId) -> IncidentDetail:
    return monitor_of(request).incident(incident)


@router.post("/incidents/{incident}/notes", status_code=201, summary="Write a note on it, or what its cause was")
def write_note(request: Request, incident: IncidentId, body: NoteIn) -> IncidentDetail:
    return monitor_of(request).write_note(incident, body.text, kind=body.kind)


@router.get("/quality", summary="The newest quality score of every source; the shape of `busta quality show -o json`")
def scores(request: Request, source: Names = None, limit: Limit = 200, cursor: Cursor = None) -> ScorePage:
    found = monitor_of(request).scores(source)
    return {**page(found["items"], limit, cursor), "never": found["never"]}


@router.get("/sources/{name}/quality", summary="Its quality scores with dimensions and checks, newest first")
def quality(
    request: Request, name: SourceName, since: Since = "7d", limit: Limit = 200, cursor: Cursor = None
) -> Page[ScoreRow]:
    app = app_of(request)
    monitor_of(request).known([name])
    now, asked = app.now(), quality_limit(app, app.config.sources[name])
    with app.store.read() as uow:
        scored = uow.quality.history(name, now - int(parse_seconds(since)), now + 1)
    return page([quality_row(one, asked) for one in reversed(scored)], limit, cursor)


@router.get("/sources/{name}/quality/failures", summary="The rows that failed in its newest validation, masked")
def failures(request: Request, name: SourceName) -> Failures:
    return monitor_of(request).failures(name)


@router.get(
    "/sources/{name}/quality/checks",
    summary="Each of its checks over 30 days; the shape of `busta quality checks NAME -o json`",
)
def checks(request: Request, name: SourceName) -> CheckHistories:
    return monitor_of(request).checks(name)


@router.get("/reports", summary="Finished weekly reports, newest first")
def report_list(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Page[ReportRow]:
    return page(report_rows(app_of(request)), limit, cursor)


@router.get("/reports/{week}", summary="The numbers of one weekly report: the one that was kept, else counted now")
def report(
    request: Request,
    week: Week,
    again: Annotated[bool, Query(description="Count again, whatever was kept.")] = False,
) -> Report:
    with app_of(request).store.read() as uow:
        kept = None if again else uow.reports.get("weekly", week)
    if kept is not None:
        return cast("Report", json.loads(kept.data))
    return monitor_of(request).report(None if week == "last" else week)
