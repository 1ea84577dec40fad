"""The gate over REST: 200 where every source may be used, 409 with the reasons where one may not."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from busta_health_dagster.domain.documents.gate import GateState, UsableRow
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.fields import DurationText
from busta_health_dagster.domain.gate import GatePolicy
from busta_health_dagster.domain.units import parse_seconds
from busta_health_dagster.web.api.models import GateBlocked, Override
from busta_health_dagster.web.api.parameters import Names, SourceName, monitor_of, of_form
from busta_health_dagster.web.api.problems import MEDIA, RESPONSES
from busta_health_dagster.wording.lists import listed
from busta_health_dagster.wording.suggestions import near

router = APIRouter(responses=RESPONSES)
_NAMES = r"[a-z0-9_,\s]*"
Consumer = Annotated[
    str | None, Query(max_length=63, description="What it asks of them, and its sources where none is named.")
]


def asked_policy(
    min_quality: Annotated[float | None, Query(ge=0, le=100, description="Score asked for, 0 to 100.")] = None,
    max_data_age: Annotated[DurationText | None, Query(description="Oldest data asked for: 5m.")] = None,
    unknown: Annotated[
        Literal["block", "allow"] | None, Query(description="What holds while it cannot be told.")
    ] = None,
) -> GatePolicy:
    """What is asked beyond the sources' own `gate:`; it cannot ask for less."""
    return GatePolicy(min_quality, None if max_data_age is None else int(parse_seconds(max_data_age)), unknown)


Policy = Annotated[GatePolicy, Depends(asked_policy)]
_ASKED = ("sources", "consumer", "min_quality", "max_data_age", "unknown")


def only_known(request: Request) -> None:
    """A wish that is misspelt would be no wish, and the gate open: `min_qualty=99`."""
    for name in request.query_params.keys() - set(_ASKED):
        guess = near(name, _ASKED)
        raise BadInput(
            f"The gate knows no {name!r}. {f'Did you mean {guess}?' if guess else f'It takes {listed(_ASKED)}.'}"
        )


@router.get(
    "/gate",
    response_model=GateState,
    dependencies=[Depends(only_known)],
    responses={
        409: {"description": "One of them may not be used now; `sources` has the reasons", "model": GateBlocked}
    },
    summary="May I build from these sources now? 200: yes, 409: no, with the reasons; the exit code of `busta gate check`",
)
def gate(
    request: Request,
    sources: Annotated[
        str,
        Query(
            max_length=20_000,
            json_schema_extra={"pattern": f"^{_NAMES}$"},
            description="Names with commas: odds_api,scores.",
        ),
        of_form(_NAMES, "a list of sources; write their names with commas: odds_api,scores"),
    ] = "",
    consumer: Consumer = None,
    *,
    policy: Policy,
) -> Response:
    names = [name.strip() for name in sources.split(",") if name.strip()]
    if not names and consumer is None:
        raise BadInput("Name the sources: /api/v1/gate?sources=odds_api,scores, or a consumer: ?consumer=place-bets")
    state = monitor_of(request).gate(names or None, consumer=consumer, policy=policy)
    headers = {"cache-control": "no-store"}
    if state["usable"]:
        return JSONResponse(state, headers=headers)
    reasons = [row["reason"] for row in state["sources"] if not row["usable"]]
    body = GateBlocked(
        title="Not usable", status=409, detail=f"{'; '.join(reasons)}.", at=state["at"], sources=state["sources"]
    )
    return JSONResponse(body.model_dump(), status_code=409, media_type=MEDIA, headers=headers)


@router.get("/gate/status", summary="The gate of every source (or of these), and the jobs behind it; always 200")
def status(request: Request, policy: Policy, source: Names = None, consumer: Consumer = None) -> GateState:
    return monitor_of(request).gate(source, consumer=consumer, policy=policy)


@router.post("/gate/{source}/open", summary="Let everything downstream use it for a while, whatever its verdict")
def open_gate(request: Request, source: SourceName, body: Override) -> UsableRow:
    return monitor_of(request).open_gate(source, for_s=body.seconds, reason=body.reason)


@router.post("/gate/{source}/close", summary="Let nothing downstream use it for a while, whatever its verdict")
def close_gate(request: Request, source: SourceName, body: Override) -> UsableRow:
    return monitor_of(request).close_gate(source, for_s=body.seconds, reason=body.reason)


@router.post("/gate/{source}/reset", summary="Let its gate follow its verdict again")
def reset_gate(request: Request, source: SourceName) -> UsableRow:
    return monitor_of(request).reset_gate(source)
