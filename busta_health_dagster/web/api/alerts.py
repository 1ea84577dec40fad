"""Alerts over REST: what is open and why, and what operators do about it under their own name."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from busta_health_dagster.domain.documents.alerts import (
    AlertExplanation,
    AlertRow,
    NoiseTable,
    SilenceRow,
    SourceExplanation,
)
from busta_health_dagster.domain.documents.delivery import ChannelAnswer, Outbox
from busta_health_dagster.domain.units import parse_seconds
from busta_health_dagster.pipeline.views.alert_list import Wanted, listing
from busta_health_dagster.web.api.models import Ack, AlertPage, Page, Requeued, Retry, Snooze
from busta_health_dagster.web.api.parameters import AlertId, Cursor, Limit, Names, Since, SourceName, app_of, monitor_of
from busta_health_dagster.web.api.problems import RESPONSES, page, part_of, start_of

router = APIRouter(responses=RESPONSES)


@router.get(
    "/alerts",
    summary="Alerts, worst first, then those that are over, newest first; the shape of `busta alerts list -o json`",
)
def alerts(
    request: Request,
    state: Annotated[Wanted, Query(description="open, acked, snoozed, resolved or all")] = Wanted.OPEN,
    source: Names = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> AlertPage:
    start = start_of(cursor)
    monitor_of(request).known_in_alerts(source)
    found = listing(app_of(request), state, source, offset=start, limit=limit)
    listed = found.as_json()
    return {**part_of(listed["items"], found.total, start), "summary": listed["summary"]}


@router.get(
    "/alerts/noise",
    summary="Notifications by source and rule, the most unheeded first; the shape of `busta alerts noise -o json`",
)
def noise(request: Request, source: Names = None, since: Since = "28d") -> NoiseTable:
    return monitor_of(request).noise(source, since_s=int(parse_seconds(since)))


@router.get("/alerts/{alert}", summary="One alert as it stands")
def alert(request: Request, alert: AlertId) -> AlertRow:
    return monitor_of(request).alert(alert)


@router.get("/alerts/{alert}/explain", summary="Why was I (not) notified? The whole chain, each with its reason")
def explained(request: Request, alert: AlertId) -> AlertExplanation:
    return monitor_of(request).explain_alert(alert)


@router.get("/sources/{name}/explain", summary="Why is there (no) alert? Every rule's verdict with its reason")
def source_explained(request: Request, name: SourceName) -> SourceExplanation:
    return monitor_of(request).explain_source(name)


@router.post("/alerts/{alert}/ack", summary="Take care of it: the escalation clock stops")
def ack(request: Request, alert: AlertId, body: Ack | None = None) -> AlertRow:
    return monitor_of(request).acknowledge([alert], note=(body or Ack()).note)[0]


@router.post("/alerts/{alert}/unack", summary="Take the acknowledgement back: the clock runs on")
def unack(request: Request, alert: AlertId, body: Ack | None = None) -> AlertRow:
    return monitor_of(request).unacknowledge([alert], note=(body or Ack()).note)[0]


@router.post("/alerts/{alert}/snooze", summary="Send no more notifications of it for a while")
def snooze(request: Request, alert: AlertId, body: Snooze) -> AlertRow:
    return monitor_of(request).snooze([alert], for_s=body.seconds, note=body.note)[0]


@router.post("/alerts/{alert}/resolve", summary="End it on a person's word; it reopens if the source is still bad")
def resolve(request: Request, alert: AlertId, body: Ack | None = None) -> AlertRow:
    return monitor_of(request).resolve([alert], note=(body or Ack()).note)[0]


@router.get(
    "/silences", summary="What no one is notified of, and until when; the shape of `busta alerts silences -o json`"
)
def silences(
    request: Request,
    ended: Annotated[bool, Query(description="With those that have ended.")] = False,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Page[SilenceRow]:
    return page(monitor_of(request).silences(ended=ended), limit, cursor)


@router.post("/silences/{silence}/end", summary="End a silence now")
def end_silence(request: Request, silence: Annotated[str, Path(max_length=63)]) -> SilenceRow:
    return monitor_of(request).end_silence(silence)


@router.get(
    "/outbox", summary="What waits to be sent, and the dead letters; the shape of `busta alerts outbox -o json`"
)
def outbox(request: Request) -> Outbox:
    return monitor_of(request).outbox()


@router.post("/outbox/retry", summary="Send the dead letters again, with their keys")
def retry(request: Request, body: Retry | None = None) -> Requeued:
    return {"again": monitor_of(request).retry((body or Retry()).channel)}


@router.post("/channels/{channel}/test", summary="Send one marked message through a channel, -> its answer")
def try_channel(request: Request, channel: Annotated[str, Path(max_length=63)]) -> ChannelAnswer:
    return monitor_of(request).try_channel(channel)
