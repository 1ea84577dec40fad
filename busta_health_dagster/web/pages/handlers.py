"""The addresses below /source-health, and what answers there. Thin: facts from the pipeline, words from the views."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from busta_health_dagster.domain.errors import StoreError
from busta_health_dagster.pipeline.gate.stored_lineage import asset_path
from busta_health_dagster.pipeline.reporting.sending import kept_report
from busta_health_dagster.pipeline.views.overview import trends
from busta_health_dagster.pipeline.views.source_page import BUCKETS_S, source_page
from busta_health_dagster.pipeline.views.status import STRIP_BUCKET_S, fleet_health
from busta_health_dagster.reports.html import page as report_html
from busta_health_dagster.web import live
from busta_health_dagster.web.pages import action_page, badges
from busta_health_dagster.web.pages.fleet_filter import Filter, choose
from busta_health_dagster.web.pages.fleet_picture import fleet_picture, rows_of
from busta_health_dagster.web.pages.fleet_view import bar_words, overview
from busta_health_dagster.web.pages.frame import ROOT, frame, site
from busta_health_dagster.web.pages.lists import Lists
from busta_health_dagster.web.pages.login import Login
from busta_health_dagster.web.pages.maintenance_form import MaintenanceForm
from busta_health_dagster.web.pages.overview_cache import OverviewCache
from busta_health_dagster.web.pages.rendering import SECURITY, STATIC, html, principal_of, svg
from busta_health_dagster.web.pages.source_view import source_view
from busta_health_dagster.web.pages.status_page import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import Scope

    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App

    Handler = Callable[[Request], Response]
    Materialized = Callable[[Collection[str]], Mapping[str, datetime | None]]

_WEEK = re.compile(r"\d{4}-W\d{2}")
REPORT_CSP = (
    "default-src 'none'; img-src data: 'self'; style-src 'unsafe-inline'; sandbox allow-popups allow-same-origin; "
    "frame-ancestors 'self'"
)
"""A report is a file for mail clients: it carries its style in itself, and no script at all. It keeps its origin, so that its links
to the other pages carry the session.
"""


class Pages:
    """What the handlers share: the application and the shelf of facts."""

    def __init__(self, app: App, materialized: Materialized | None = None, dagster: str | None = "") -> None:
        self.app = app
        self.dagster = dagster
        self.materialized: Materialized = materialized or (lambda _names: {})
        self.shelf = OverviewCache(app)
        self.hub = live.hub_of(app)  # held here, so that every stream of this application shares it

    def overview(self, request: Request) -> Response:
        wanted = Filter.of(request.query_params)
        page = self.shelf.page(newest="x-renew" in request.headers)
        sources = self.app.config.sources
        chosen = choose(page, wanted, sources)
        rows = self.shelf.trends([r.source for r in chosen.rows])
        seen = overview(page, chosen, rows, sources, wanted, self.app.now())
        return self.shown(request, "overview.html", "sources", seen | self._links())

    def source(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.app.config.sources:
            return self.missing(request, f"source {name}")
        window = request.query_params.get("window", "24h")
        page = source_page(self.app, name, window if window in BUCKETS_S else "24h")
        seen = source_view(page, self.materialized(page.source.feeds))
        return self.shown(request, "source.html", "sources", seen | self._links(page.source))

    def shown(
        self, request: Request, template: str, section: str, context: Mapping[str, Any], *, status: int = 200
    ) -> Response:
        """A page with the navigation bar above it."""
        bar = site(principal_of(request), has_status_page=self.app.config.settings.status_page is not None)
        return html(
            request,
            template,
            {"dagster": self.dagster, **context, "section": section, "site": bar},
            status=status,
        )

    def framed(self, request: Request, template: str, section: str, context: Mapping[str, Any]) -> Response:
        """A page in the frame of all: what the monitor's own clock and troubles are comes from the overview's facts."""
        page = self.shelf.page(newest="x-renew" in request.headers)
        return self.shown(request, template, section, {**frame(page, section, self.app.now()), **context})

    def missing(self, request: Request, name: str, why: str = "", *, status: int = 404) -> Response:
        return self.shown(request, "missing.html", "", {"name": name, "why": why}, status=status)

    def _links(self, source: Source | None = None) -> dict[str, str | None]:
        """Where Dagster shows the same, and what addresses of its assets begin with; None where there is no Dagster."""
        if self.dagster is None:
            return {"in_dagster": None, "assets": None, "dagster": None}
        with self.app.store.read() as uow:
            path = asset_path(uow, source)
        assets = f"{self.dagster}/assets"
        return {"in_dagster": f"{assets}/{path}", "assets": assets, "dagster": self.dagster}

    def fleet(self, _: Request) -> Response:
        page = self.shelf.page()
        names = [row.source for row in rows_of(page.health)]
        bars = {name: bar_words(trend.bars) for name, trend in self.shelf.trends(names).items()}
        return svg(fleet_picture(page.health, bars))

    def strip(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.app.config.sources:
            return svg(badges.pair(name[:60], "no such source", badges.BADGE["unknown"]), status=404)
        row = fleet_health(self.app, [name]).rows[0]
        bars = trends(self.app, [name])[name].bars
        start = bars[0].start if bars else self.app.now() - 86400
        worded = "bars" not in request.query_params
        return svg(badges.strip(row, bar_words(bars), start, STRIP_BUCKET_S, worded=worded))

    def badge(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.app.config.sources:
            return svg(badges.pair(name[:60], "no such source", badges.BADGE["unknown"]), status=404)
        return svg(badges.badge(fleet_health(self.app, [name]).rows[0]))

    def report(self, request: Request) -> Response:
        week = request.path_params["week"]
        found = kept_report(self.app, week) if _WEEK.fullmatch(week) else None
        if found is None:
            why = (
                f"busta report weekly --week {week} --keep makes it."
                if _WEEK.fullmatch(week)
                else "A week is written 2026-W47."
            )
            return self.missing(request, "such report", why)
        way_back = f'<nav aria-label="Way back"><a href="{ROOT}/reports">All reports</a></nav>'
        body = report_html(found).replace("<body>", f"<body>{way_back}", 1)
        headers = SECURITY | {"content-security-policy": REPORT_CSP, "cache-control": "private, no-cache"}
        return Response(body, 200, headers, "text/html; charset=utf-8")

    async def events(self, request: Request) -> Response:
        stream = live.event_stream(self.app, request.headers.get("last-event-id"))
        return StreamingResponse(stream, headers=live.HEADERS, media_type="text/event-stream")


class Static(StaticFiles):
    """Our own files; an address that carries the hash of its content may be kept for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        hashed = b"v=" in scope.get("query_string", b"")
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
        response.headers["x-content-type-options"] = "nosniff"
        return response


def loud(handler: Handler) -> Handler:
    """A store that cannot answer is said on the page itself, with the remedy; anyone who watches must not see a blank one."""

    def answer(request: Request) -> Response:
        try:
            return handler(request)
        except StoreError as error:
            if request.url.path.endswith(".svg"):
                return svg(badges.pair("busta", "cannot tell", badges.BADGE["unknown"]), status=503)
            return html(request, "failure.html", {"problem": str(error)}, status=503, headers={"retry-after": "15"})

    return answer


def _slash(request: Request) -> Response:
    return RedirectResponse(f"{ROOT}?{request.url.query}" if request.url.query else ROOT, 308)


def routes(app: App, materialized: Materialized | None = None, dagster: str | None = "") -> list[BaseRoute]:
    """Everything of the page. Put them before Dagster's own routes; the door stands in front of both.

    `materialized`: names of assets -> when each was built last, for those that the Dagster instance knows. `dagster`: what
    addresses of Dagster's UI begin with; None where there is none, and the pages do not link to it.
    """
    pages, login, action = Pages(app, materialized, dagster), Login(app), action_page.ActionPage(app)
    lists = Lists(pages)
    packed = [Middleware(GZipMiddleware, minimum_size=2000, compresslevel=5)]
    return [
        Route(ROOT, loud(pages.overview), middleware=packed),
        Route(f"{ROOT}/", _slash),
        Route(f"{ROOT}/s/{{name}}", loud(pages.source), middleware=packed),
        Route(f"{ROOT}/incidents", loud(lists.incidents), middleware=packed),
        Route(f"{ROOT}/incidents/{{incident}}", loud(lists.incident), middleware=packed),
        Route(f"{ROOT}/fleet.svg", loud(pages.fleet)),
        Route(f"{ROOT}/strip/{{name}}.svg", loud(pages.strip)),
        Route(f"{ROOT}/badge/{{name}}.svg", loud(pages.badge)),
        Route(f"{ROOT}/alerts", loud(lists.alerts), middleware=packed),
        Route(f"{ROOT}/sla", loud(lists.sla), middleware=packed),
        Route(f"{ROOT}/quality/{{name}}", loud(lists.quality), middleware=packed),
        Route(f"{ROOT}/maintenance", loud(lists.maintenance), methods=["GET"], middleware=packed),
        Route(f"{ROOT}/maintenance", MaintenanceForm(app).submit, methods=["POST"]),
        Route(f"{ROOT}/settings", loud(lists.settings), middleware=packed),
        Route(f"{ROOT}/audit", loud(lists.audit), middleware=packed),
        Route(f"{ROOT}/reports", loud(lists.reports)),
        Route(f"{ROOT}/reports/{{week}}", loud(pages.report)),
        Route(f"{ROOT}/events", pages.events),
        Route(f"{ROOT}/login", login.form, methods=["GET"]),
        Route(f"{ROOT}/login", login.submit, methods=["POST"]),
        Route(f"{ROOT}/logout", login.logout, methods=["POST"]),
        Route(action_page.ROUTE, action.show, methods=["GET"]),
        Route(action_page.ROUTE, action.act, methods=["POST"]),
        *Status(app, dagster).routes(),
        Mount(f"{ROOT}/static", Static(directory=STATIC)),
    ]
