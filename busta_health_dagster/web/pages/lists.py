"""What answers at the addresses of the navigation bar. Thin: documents of the pipeline, words of the views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.web.pages.incidents_view import filters, incident_view, incidents_view, mark_of
from busta_health_dagster.web.pages.rendering import principal_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from busta_health_dagster.web.pages.handlers import Pages


class Lists:
    """The pages beside the overview and a source's own."""

    def __init__(self, pages: Pages) -> None:
        self._pages, self._app = pages, pages.app

    def _monitor(self, request: Request) -> Monitor:
        return Monitor(self._app, principal_of(request).name)

    def incidents(self, request: Request) -> Response:
        asked = filters(request.query_params)
        names = [asked["source"]] if asked["source"] else None
        try:
            table = self._monitor(request).incidents(names, asked["window"])
        except UnknownName as error:
            return self._pages.missing(request, f"source {asked['source']}", str(error))
        seen = incidents_view(table, asked, request.query_params) | {"mark_of": mark_of}
        return self._pages.framed(request, "incidents.html", "incidents", seen)

    def incident(self, request: Request) -> Response:
        monitor, name = self._monitor(request), request.path_params["incident"]
        try:
            found = monitor.incident(name)
        except UnknownName as error:
            return self._pages.missing(request, "such incident", str(error))
        rows = {row.source: row.shown for row in self._pages.shelf.page(newest=False).health.rows}
        alerts = [monitor.alert(key) for key in found["alerts"]]
        source = found["source"]
        seen = incident_view(found, alerts, rows.get(source, "unknown"), self._app.now(), source in rows)
        return self._pages.framed(request, "incident.html", "incidents", seen)
