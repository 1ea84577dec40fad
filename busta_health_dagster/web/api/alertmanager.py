"""Alertmanager's API v2 over our alerts, at /api/v2: status, alerts, groups, receivers, and silences that can be made and ended.

Shapes and answers are Alertmanager's, whose clients read an error as a JSON text. Alerts cannot be posted: they come from sources.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import yaml
from fastapi import Depends, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from busta_health_dagster import __version__
from busta_health_dagster.domain.errors import BadInput, BustaError, Refused, StoreError, UnknownName
from busta_health_dagster.domain.label_matchers import read_matcher
from busta_health_dagster.domain.patterns import pattern
from busta_health_dagster.domain.silence import Matcher
from busta_health_dagster.domain.units import iso, to_epoch
from busta_health_dagster.pipeline.alerting.silences import add_silence, end_silence
from busta_health_dagster.pipeline.views.alertmanager import AlertFilter, alert_groups, gettable_alerts
from busta_health_dagster.web.api.parameters import app_of, who

if TYPE_CHECKING:
    from busta_health_dagster.domain.silence import Silence
    from busta_health_dagster.pipeline.app.app import App

SPEAKS = "0.27.0"
"""The release of Alertmanager whose API this is: tools choose by it how they ask."""
_STATUS: tuple[tuple[type[BustaError], int], ...] = (
    (UnknownName, 404),
    (Refused, 409),
    (BadInput, 400),
    (StoreError, 503),
)
Filters = Annotated[list[Annotated[str, Query(max_length=2000)]] | None, Query(alias="filter", max_length=100)]
Receiver = Annotated[str, Query(max_length=500)]
SilenceId = Annotated[uuid.UUID, Path()]


def _wanted(
    filters: Filters = None,
    receiver: Receiver = "",
    active: bool = True,
    silenced: bool = True,
    inhibited: bool = True,
) -> AlertFilter:
    try:
        pattern(receiver)
    except ValueError as error:
        raise BadInput(f"receiver: {error}") from error
    matchers = tuple(read_matcher(text) for text in filters or ())
    return AlertFilter(matchers, receiver, active=active, silenced=silenced, inhibited=inhibited)


Wanted = Annotated[AlertFilter, Depends(_wanted)]
"""The alerts that a query asks for."""


class PostedMatcher(BaseModel):
    """Unknown keys are let by: newer tools send more."""

    name: str
    value: str
    is_regex: Annotated[bool, Field(alias="isRegex")] = False
    is_equal: Annotated[bool | None, Field(alias="isEqual")] = True

    def matcher(self) -> Matcher:
        return Matcher(self.name, self.value, self.is_regex, self.is_equal is not False)


class PostedSilence(BaseModel):
    """What amtool and karma post; with `id` it changes that silence."""

    model_config = ConfigDict(str_max_length=5000)

    id: str | None = None
    matchers: Annotated[list[PostedMatcher], Field(max_length=1000)]
    starts_at: Annotated[AwareDatetime, Field(alias="startsAt")]
    ends_at: Annotated[AwareDatetime, Field(alias="endsAt")]
    created_by: Annotated[str, Field(alias="createdBy")]
    comment: str


def build(app: App) -> FastAPI:
    """To be mounted at /api/v2; it has no description of its own, Alertmanager's is the one."""
    v2 = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    v2.state.busta = app
    started = app.now()
    _answer_errors(v2)

    @v2.get("/status")
    def status(request: Request) -> dict[str, Any]:
        return {
            "cluster": {"status": "disabled", "peers": []},
            "versionInfo": {
                "version": SPEAKS,
                "revision": f"busta_health_dagster {__version__}",
                "branch": "busta",
                "buildUser": "",
                "buildDate": "",
                "goVersion": "",
            },
            "config": {"original": _configuration(app_of(request))},
            "uptime": iso(started),
        }

    @v2.get("/receivers")
    def receivers(request: Request) -> list[dict[str, str]]:
        return [{"name": name} for name in app_of(request).config.policy.channels]

    @v2.get("/alerts")
    def alerts(request: Request, wanted: Wanted) -> list[dict[str, Any]]:
        return [one.document for one in gettable_alerts(app_of(request), wanted)]

    @v2.get("/alerts/groups")
    def groups(request: Request, wanted: Wanted, muted: bool = True) -> list[dict[str, Any]]:
        return alert_groups(app_of(request), replace(wanted, muted=muted))

    @v2.get("/silences")
    def silences(request: Request, filters: Filters = None) -> list[dict[str, Any]]:
        asked, now = [read_matcher(text) for text in filters or ()], app_of(request).now()
        with app_of(request).store.read() as uow:
            found = uow.silences.list()
        return [
            _document(s, now) for s in found if all(m.matches({x.name: x.value for x in s.matchers}) for m in asked)
        ]

    @v2.get("/silence/{key}")
    def silence(request: Request, key: SilenceId) -> dict[str, Any]:
        with app_of(request).store.read() as uow:
            return _document(uow.silences.get(str(key)), app_of(request).now())

    @v2.post("/silences")
    def post_silence(request: Request, body: PostedSilence) -> dict[str, str]:
        made = add_silence(
            app_of(request),
            [m.matcher() for m in body.matchers],
            starts_at=to_epoch(body.starts_at),
            ends_at=to_epoch(body.ends_at),
            created_by=body.created_by,
            comment=body.comment,
            actor=who(request).name,
            key=body.id or "",
        )
        return {"silenceID": made.id}

    @v2.delete("/silence/{key}")
    def delete_silence(request: Request, key: SilenceId) -> Response:
        end_silence(app_of(request), str(key), actor=who(request).name)
        return Response(status_code=200)

    @v2.post("/alerts")
    def post_alerts() -> Response:
        return JSONResponse("Alerts are not taken here: they come from sources. See: busta sources list", 405)

    return v2


def _answer_errors(v2: FastAPI) -> None:
    @v2.exception_handler(BustaError)
    async def known(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse(str(error), next((code for kind, code in _STATUS if isinstance(error, kind)), 400))

    @v2.exception_handler(HTTPException)
    async def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return JSONResponse(str(error.detail), error.status_code)

    @v2.exception_handler(RequestValidationError)
    async def shape(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        said = (f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()[:10])
        return JSONResponse("; ".join(said), 400)


def _document(one: Silence, now: int) -> dict[str, Any]:
    return {
        "id": one.id,
        "status": {"state": one.state(now)},
        "updatedAt": iso(one.updated_at),
        "matchers": [{"name": m.name, "value": m.value, "isRegex": m.regex, "isEqual": m.equal} for m in one.matchers],
        "startsAt": iso(one.starts_at),
        "endsAt": iso(one.ends_at),
        "createdBy": one.by,
        "comment": one.comment,
    }


def _configuration(app: App) -> str:
    """Channels as receivers, in the form that `amtool config` reads; what really routes is alerts.yaml."""
    names = list(app.config.policy.channels)
    shown = {"route": {"receiver": names[0] if names else ""}, "receivers": [{"name": name} for name in names]}
    return "# Routes, ladders and rules are in alerts.yaml: busta config show\n" + yaml.safe_dump(
        shown, sort_keys=False
    )
