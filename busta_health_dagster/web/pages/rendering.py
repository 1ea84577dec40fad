"""Templates -> answers, with the headers that every page carries."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from busta_health_dagster.domain.access import Principal, Right, Role
from busta_health_dagster.svg.status_shape import glyph
from busta_health_dagster.web.pages import texts
from busta_health_dagster.wording import glyphs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

HERE = Path(__file__).parent
STATIC = HERE.parent / "static"
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
"""No inline script, no style attribute, nothing from elsewhere: text that came from a source stays text."""
SECURITY = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
THEMES = ("light", "dark")
NOBODY = Principal("somebody", Role.VIEWER, "none")


@cache
def environment() -> Environment:
    """Autoescape is on for everything: reasons, names and payload facts come from sources."""
    env = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= texts.FILTERS
    env.globals |= {
        "glyph": glyph,
        "asset": asset,
        "words": glyphs.STATUS_WORD,
        "pairs": texts.pairs,
        "sent": texts.SENT,
    }
    return env


@cache
def asset(name: str) -> str:
    """A static file's address with its content's hash, so that a new version is a new address."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/source-health/static/{name}?v={digest}"


def principal_of(request: Request) -> Principal:
    """Who asks, as the door found out; without a door (a test of the routes alone) a viewer."""
    found: Principal | None = request.scope.get("state", {}).get("principal")
    return found or NOBODY


def common(request: Request) -> dict[str, Any]:
    """What every template needs to know of who asks and how the page should look."""
    who = principal_of(request)
    theme = request.query_params.get("theme", "")
    return {
        "who": who,
        "may_act": who.may(Right.ACT),
        "csrf": who.csrf or "",
        "theme": theme if theme in THEMES else "",
        "wall": request.query_params.get("wall") == "1",
    }


def html(
    request: Request,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page with its ETag; an unchanged one is answered with 304 and no body."""
    body = environment().get_template(template).render(**common(request), **context).encode()
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
    every = {
        **SECURITY,
        "cache-control": "private, no-cache",
        "etag": tag,
        "vary": "cookie, authorization",
        **(headers or {}),
    }
    if status == 200 and request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=every)
    return Response(body, status, every, "text/html; charset=utf-8")


def svg(text: str, *, status: int = 200) -> Response:
    """A picture that must never be an old one. Opened on its own it may run nothing."""
    headers = {
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    }
    return Response(text, status, headers, "image/svg+xml; charset=utf-8")
