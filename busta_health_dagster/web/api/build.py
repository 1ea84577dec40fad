"""The API as one ASGI application, to be mounted at /api."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from busta_health_dagster import __version__
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.web.api import (
    access,
    alertmanager,
    alerts,
    gate,
    maintenance,
    service_levels_and_reports,
    sources,
)
from busta_health_dagster.web.api.manual_checks import ManualChecks
from busta_health_dagster.web.api.problems import declare, install
from busta_health_dagster.web.shared_read import SharedRead

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.app.app import App

DESCRIPTION = """What the monitor knows, and what may be done to it. Errors are RFC 9457 problem+json; lists page by cursor.
Scripts send `Authorization: Bearer busta_...`; roles: viewer reads, operator acts, admin manages tokens, push only beats."""
_DOCS_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def build(app: App) -> FastAPI:
    """FastAPI without its own documentation page, which would load scripts from a CDN."""
    api = FastAPI(
        title="busta health",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    api.state.busta = app
    api.state.checks = ManualChecks()
    api.state.fleet = SharedRead(app, lambda: Monitor(app, "").fleet())
    install(api)
    for part in (sources, alerts, gate, maintenance, service_levels_and_reports, access):
        api.include_router(part.router, prefix="/v1")
    api.mount("/v2", alertmanager.build(app))
    generated = api.openapi
    api.openapi = lambda: declare(generated())  # type: ignore[method-assign]  # FastAPI's own way to extend it

    @api.get("/docs", include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        del request
        return HTMLResponse(_page(api.openapi()), headers={"content-security-policy": _DOCS_CSP})

    return api


def _page(spec: dict[str, Any]) -> str:
    rows = []
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            parameters = ", ".join(f"<code>{html.escape(p['name'])}</code>" for p in operation.get("parameters", []))
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            shape = (
                f"<details><summary>body</summary><pre>{html.escape(json.dumps(body, indent=1))}</pre></details>"
                if body
                else ""
            )
            rows.append(
                f"<tr><td><b>{method.upper()}</b></td><td><code>/api{html.escape(path)}</code></td>"
                f"<td>{html.escape(operation.get('summary', ''))}</td><td>{parameters}{shape}</td></tr>"
            )
    style = (
        ":root{color-scheme:light dark}"
        "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}"
        "table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;"
        "padding:.4rem .6rem;border-bottom:1px solid #8884}"
    )
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>busta health API</title><style>{style}</style>"
        f"<h1>busta health API {html.escape(spec['info']['version'])}</h1><p>{html.escape(spec['info']['description'])}</p>"
        "<p>The whole description for machines: <a href=/api/openapi.json>/api/openapi.json</a></p>"
        f"<table><thead><tr><th>method<th>path<th>what<th>parameters</tr></thead><tbody>{''.join(rows)}</tbody></table></html>"
    )
