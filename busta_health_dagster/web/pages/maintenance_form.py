"""Maintenance that operators plan on the page: the texts of the form -> the window of the command line, previewed before it is added.
What is refused there is refused here, in the same words.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from busta_health_dagster.domain.access import Right
from busta_health_dagster.domain.errors import BadInput, BustaError
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.units import from_epoch, from_iso, parse_seconds
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.maintenance import actions
from busta_health_dagster.web.api.problems import answer_of, problem
from busta_health_dagster.web.pages import texts
from busta_health_dagster.web.pages.rendering import principal_of
from busta_health_dagster.wording.lists import listed, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.pipeline.maintenance.actions import Plan

_MOST_TIMES = 6
_NO_STORE = {"cache-control": "no-store"}


class MaintenanceForm:
    """POST of /source-health/maintenance: `do` is preview or add."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def submit(self, request: Request) -> Response:
        who = principal_of(request)
        if not who.may(Right.ACT):
            return problem(403, "Not allowed", f"{who.name} is {who.role}; planning maintenance is for operators.")
        try:
            sent = json.loads(await request.body())
        except (ValueError, RecursionError):
            sent = None
        if not isinstance(sent, dict) or not all(isinstance(value, str) for value in sent.values()):
            return problem(400, "Cannot be used", "Send the fields of the form as one JSON object of texts.")
        try:
            done = await run_in_threadpool(self._do, Monitor(self._app, who.name), sent)
        except BustaError as error:
            return answer_of(error)
        return JSONResponse(done, headers=_NO_STORE)

    def _do(self, monitor: Monitor, sent: Mapping[str, str]) -> dict[str, Any]:
        asked = asked_window(sent)
        if sent.get("do") != "add":
            window = monitor.window(**asked)
            return preview_words(actions.plan(self._app, window), self._app.now())
        added = monitor.add_window(**asked)
        said = f"{added['window']}: {plural(len(added['sources']), 'source')}"
        if added["next"] is not None:
            now = self._app.now()
            said += f", {texts.span(from_iso(added['next']['start']), from_iso(added['next']['end']), now)} UTC"
        return {"added": f"{said}.", "warnings": added["warnings"]}


def asked_window(sent: Mapping[str, str]) -> dict[str, Any]:
    """What `Monitor.add_window` takes. Raises BadInput."""

    def field(name: str) -> str:
        return sent.get(name, "").strip()

    def several(name: str) -> tuple[str, ...]:
        return tuple(part for part in field(name).replace(",", " ").split() if part)

    select = Selector(
        several("sources"),
        several("type"),
        dict(_pair(tag) for tag in several("tag")),
        tuple(_tier(tier) for tier in several("tier")),
        several("owner"),
        several("group"),
    )
    if select == Selector() and not field("every"):
        raise BadInput("Which sources? Name them, choose a type, tier, group, owner or tag, or tick every source.")
    if not field("for"):
        raise BadInput("How long? Write an elapsed time: 45m, 2h.")
    try:
        duration_s = int(parse_seconds(field("for")))
    except ValueError as error:
        raise BadInput(f"How long: {error}") from error
    return {
        "name": field("name"),
        "select": select,
        "duration_s": duration_s,
        "start": _local(field("start"), "Start") if field("start") else None,
        "zone": field("zone") or None,
        "rrule": field("rrule") or None,
        "exdates": [_local(text, "Left out") for text in several("exdates")],
        "reason": field("reason"),
    }


def preview_words(plan: Plan, now: int) -> dict[str, Any]:
    """Which sources it would cover, when it would be on, and what the doctor says of it."""
    names, times = plan.planned.sources, plan.occurrences
    covers = f"Covers {plural(len(names), 'source')}: {listed(names, 8)}." if names else "Covers no source."
    said = [texts.span(o.start, o.end, now) for o in times[:_MOST_TIMES]]
    more = f" and {len(times) - _MOST_TIMES} more" if len(times) > _MOST_TIMES else ""
    when = f"{plural(len(times), 'time')} in 90 days (UTC): {'; '.join(said)}{more}." if times else ""
    if not times:
        when = "It is never on in the next 90 days."
        if (began := plan.planned.window.start) < from_epoch(now).replace(tzinfo=None):
            when += f" It began {began:%Y-%m-%d %H:%M} and is over: what it covered is counted again."
    return {
        "lines": [covers, when],
        "warnings": [f"{p.field}: {p.message} Instead: {p.remedy}." for p in plan.warnings],
    }


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise BadInput(f"Tag: {text!r} is not key=value.")
    return key, value


def _tier(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 4:
        raise BadInput(f"Tier: {text!r} is no number.")
    return int(text)


def _local(text: str, field: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{field}: {text!r} is no local time; write 2026-11-26T02:00.") from error
