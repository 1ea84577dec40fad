"""What answers at the addresses of the navigation bar. Thin: documents of the pipeline, words of the views."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput, UnknownName
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.reporting.sending import report_rows
from busta_health_dagster.pipeline.views.alert_history import alert_history
from busta_health_dagster.web.pages import alerts_view, asked, incidents_view, sla_view
from busta_health_dagster.web.pages.quality_view import quality_view
from busta_health_dagster.web.pages.rendering import principal_of
from busta_health_dagster.web.shared_read import SharedRead

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from busta_health_dagster.domain.documents.service import ServiceLevelRow
    from busta_health_dagster.web.pages.handlers import Pages

_MOST_WINDOWS = 12


class Lists:
    """The pages beside the overview and a source's own."""

    def __init__(self, pages: Pages) -> None:
        self._pages, self._app = pages, pages.app
        self._levels: OrderedDict[str, SharedRead[list[ServiceLevelRow]]] = OrderedDict()

    def _monitor(self, request: Request) -> Monitor:
        return Monitor(self._app, principal_of(request).name)

    def incidents(self, request: Request) -> Response:
        wanted = incidents_view.filters(request.query_params)
        names = [wanted["source"]] if wanted["source"] else None
        try:
            table = self._monitor(request).incidents(names, wanted["window"])
        except UnknownName as error:
            return self._pages.missing(request, f"source {wanted['source']}", str(error))
        seen = incidents_view.incidents_view(table, wanted, request.query_params)
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
        seen = incidents_view.incident_view(found, alerts, rows.get(source, "unknown"), self._app.now(), source in rows)
        return self._pages.framed(request, "incident.html", "incidents", seen)

    def alerts(self, request: Request) -> Response:
        query = request.query_params
        wanted = alerts_view.filters(query)
        history = None
        if alerts_view.wants_past(wanted):
            history = alert_history(
                self._app,
                source=wanted["source"],
                rule=wanted["rule"],
                severity=wanted["severity"],
                offset=(asked.number(query) - 1) * alerts_view.SIZE,
                limit=alerts_view.SIZE,
            )
        page = self._pages.shelf.page(newest="x-renew" in request.headers)
        kept_s = self._app.config.settings.retention.alerts
        seen = alerts_view.alerts_view(page, history, wanted, query, kept_s)
        return self._pages.framed(request, "alerts.html", "alerts", seen)

    def sla(self, request: Request) -> Response:
        window = asked.text(request.query_params, "window", otherwise="30d")
        try:
            rows = self._service_levels(window, newest="x-renew" in request.headers)
        except BadInput as error:
            return self._pages.missing(request, "such window", str(error))
        began = self._pages.shelf.page(newest=False).observing_since
        months = sla_view.months(self._app.now(), began, self._app.config.settings.schedule.zone)
        seen = sla_view.sla_view(rows, window, request.query_params, months)
        return self._pages.framed(request, "sla.html", "sla", seen)

    def _service_levels(self, window: str, *, newest: bool) -> list[ServiceLevelRow]:
        """Read once per change and window: a thousand sources take a second."""
        shared = self._levels.pop(window, None) or SharedRead(
            self._app, lambda: Monitor(self._app, "").sla(None, window)
        )
        rows = shared.get(newest=newest)
        self._levels[window] = shared
        while len(self._levels) > _MOST_WINDOWS:
            self._levels.popitem(last=False)
        return rows

    def reports(self, request: Request) -> Response:
        schedule = self._app.config.settings.schedule
        when = f"every {schedule.weekly_report} ({schedule.zone})"
        seen = {"reports": report_rows(self._app), "when": when}
        return self._pages.framed(request, "reports.html", "reports", seen)

    def quality(self, request: Request) -> Response:
        monitor, name = self._monitor(request), request.path_params["name"]
        try:
            found = monitor.scores([name])["items"]
        except UnknownName as error:
            return self._pages.missing(request, f"source {name}", str(error))
        if not found:
            why = f"{name} was never scored. Score it with: busta quality run {name}"
            return self._pages.missing(request, "such validation", why)
        return self._pages.framed(request, "quality.html", "sources", quality_view(found[0], monitor.failures(name)))
