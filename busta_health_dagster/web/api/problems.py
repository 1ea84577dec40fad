"""Every error as RFC 9457 problem+json: what happened, and the remedy."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from busta_health_dagster.domain.documents import alerts, delivery, gate, quality, service, sources
from busta_health_dagster.domain.errors import BadInput, BustaError, ConfigError, Refused, StoreError, UnknownName
from busta_health_dagster.web.api.models import Page, Problem, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

MEDIA = "application/problem+json"
RESPONSES: dict[int | str, dict[str, Any]] = {
    code: {"description": text, "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for code, text in (
        (400, "Cannot be used as it is"),
        (401, "No token"),
        (403, "Not allowed"),
        (404, "No such thing"),
        (409, "The state does not allow it"),
        (412, "Someone else was first"),
        (413, "Too large"),
        (422, "Not the shape that is asked for"),
        (428, "If-Match is missing"),
        (429, "Too many requests"),
        (503, "The store cannot answer"),
    )
}
_STATUS: tuple[tuple[type[BustaError], int, str], ...] = (
    (UnknownName, 404, "No such thing"),
    (Refused, 409, "The state does not allow it"),
    (ConfigError, 422, "Not acceptable"),
    (BadInput, 400, "Cannot be used"),
    (StoreError, 503, "The store cannot answer"),
)


def problem(status: int, title: str, detail: str) -> JSONResponse:
    body = Problem(title=title, status=status, detail=detail)
    return JSONResponse(body.model_dump(), status_code=status, media_type=MEDIA, headers={"cache-control": "no-store"})


def answer_of(error: Exception) -> JSONResponse:
    """What one of our errors is answered with."""
    for kind, status, title in _STATUS:
        if isinstance(error, kind):
            return problem(status, title, str(error))
    return problem(400, "Cannot be done", str(error))


def install(api: FastAPI) -> None:
    """Turn everything that a request can run into, into a problem."""

    @api.exception_handler(BustaError)
    async def known(_: Request, error: Exception) -> JSONResponse:
        return answer_of(error)

    @api.exception_handler(HTTPException)
    async def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        answer = problem(error.status_code, str(error.detail), str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    @api.exception_handler(RequestValidationError)
    async def shape(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        said = "; ".join(
            f"{'.'.join(str(p) for p in e['loc'])}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()[:10]
        )
        return problem(422, "Not the shape that is asked for", said)


def declare(spec: dict[str, Any]) -> dict[str, Any]:
    """Put the shape of a problem into the description, which FastAPI adds only for answers in application/json; and what
    each document says of itself.
    """
    shapes = spec.setdefault("components", {}).setdefault("schemas", {})
    shapes["Problem"] = Problem.model_json_schema()
    for documents in (alerts, delivery, gate, quality, service, sources):
        for name in shapes.keys() & vars(documents).keys():
            shapes[name].setdefault("description", " ".join((getattr(documents, name).__doc__ or "").split()))
    return spec


_FARTHEST = 2**31
"""No list is longer, and a database takes no larger offset from everyone."""


def page(rows: Sequence[Row], limit: int, cursor: str | None) -> Page[Row]:
    """A slice of `rows` and the cursor of the next one; cursors are opaque to callers.

    Raises:
        BadInput: a cursor that is not one of ours.
    """
    start = start_of(cursor)
    return part_of(rows[start : start + limit], len(rows), start)


def part_of(rows: Sequence[Row], total: int, start: int) -> Page[Row]:
    """A page that was read as such: `rows` from `start` on, of so many."""
    end = start + len(rows)
    following = base64.urlsafe_b64encode(str(end).encode()).decode() if rows and end < total else None
    return {"items": list(rows), "next": following}


def start_of(cursor: str | None) -> int:
    """Where the page of a cursor begins. Raises BadInput."""
    if cursor is None:
        return 0
    try:
        start = int(base64.urlsafe_b64decode(cursor.encode("ascii", "strict")).decode("ascii"))
    except (ValueError, binascii.Error) as error:
        raise BadInput("The cursor is not one of ours; begin without one.") from error
    if not 0 <= start < _FARTHEST:
        raise BadInput("The cursor is not one of ours; begin without one.")
    return start
