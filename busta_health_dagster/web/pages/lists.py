"""What answers at the addresses of the navigation bar. Thin: documents of the pipeline, words of the views."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from busta_health_dagster.bootstrap import diagnose_config, find_config_dir
from busta_health_dagster.domain.access import Right
from busta_health_dagster.domain.errors import BadInput, UnknownName
from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.reporting.sending import report_rows
from busta_health_dagster.pipeline.views.alert_history import alert_history
from busta_health_dagster.pipeline.views.audit_log import audit_log
from busta_health_dagster.pipeline.views.doctor import store_findings
from busta_health_dagster.settings import fingerprint, show
from busta_health_dagster.web.pages import alerts_view, asked, incidents_view, maintenance_view, sla_view
from busta_health_dagster.web.pages.frame import AUDIT
from busta_health_dagster.web.pages.quality_view import quality_view
from busta_health_dagster.web.pages.rendering import principal_of
from busta_health_dagster.web.pages.settings_view import settings_view
from busta_health_dagster.web.shared_read import SharedRead

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from busta_health_dagster.domain.documents.service import ServiceLevelRow
    from busta_health_dagster.domain.errors import Problem
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.web.pages.handlers import Pages

_MOST_WINDOWS = 12
_AUDIT_SIZE = 100


class Lists:
    """The pages beside the overview and a source's own."""

    def __init__(self, pages: Pages) -> None:
        self._pages, self._app = pages, pages.app
        self._doctor = Doctor(pages.app)
        self._lock = threading.Lock()
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
        chosen = {key: wanted[key] for key in ("source", "rule", "severity")}
        number, history = 1, None
        if alerts_view.wants_past(wanted):
            number, history = asked.paged(
                query,
                alerts_view.SIZE,
                lambda offset: alert_history(self._app, **chosen, offset=offset, limit=alerts_view.SIZE),
            )
        page = self._pages.shelf.page(newest="x-renew" in request.headers)
        kept_s = self._app.config.settings.retention.alerts
        seen = alerts_view.alerts_view(page, history, wanted, number, kept_s)
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
        with self._lock:  # those who ask while it is read wait for the same read
            shared = self._levels.pop(window, None) or SharedRead(
                self._app, lambda: Monitor(self._app, "").sla(None, window)
            )
            self._levels[window] = shared
            while len(self._levels) > _MOST_WINDOWS:
                self._levels.popitem(last=False)
        return shared.get(newest=newest)

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
        seen = quality_view(found[0], monitor.failures(name), monitor.checks(name))
        return self._pages.framed(request, "quality.html", "sources", seen)

    def maintenance(self, request: Request) -> Response:
        monitor, now = self._monitor(request), self._app.now()
        month = maintenance_view.month_of(request.query_params.get("month", ""), now)
        config = self._app.config
        seen = maintenance_view.maintenance_view(
            monitor.windows(),
            monitor.occurrences(*maintenance_view.span_of(month)),
            month,
            config.sources,
            config.settings.schedule.zone,
            now,
        )
        return self._pages.framed(request, "maintenance.html", "maintenance", seen)

    def settings(self, request: Request) -> Response:
        app = self._app
        shown = show(app.config, app.secrets)
        seen = settings_view(shown, self._doctor.problems(), app.secrets.scrub)
        return self._pages.framed(request, "settings.html", "settings", seen)

    def audit(self, request: Request) -> Response:
        if not principal_of(request).may(Right.MANAGE):
            return self._pages.missing(request, "audit log for you", "It is for admins.", status=403)
        query = request.query_params
        wanted = {"actor": asked.text(query, "actor"), "action": asked.text(query, "action")}
        page, log = asked.paged(
            query, _AUDIT_SIZE, lambda offset: audit_log(self._app, **wanted, offset=offset, limit=_AUDIT_SIZE)
        )
        turn = asked.Turn(page, log.total, _AUDIT_SIZE, AUDIT[2], wanted)
        kept = config_duration(int(self._app.config.settings.retention.audit))
        seen = {"log": log, "turn": turn, "asked": wanted, "kept": kept}
        return self._pages.framed(request, "audit.html", "audit", seen)


class Doctor:
    """What `config doctor` says, read again when a file has changed."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._kept: tuple[str, tuple[Problem, ...]] | None = None

    def problems(self) -> list[Problem]:
        app = self._app
        directory = find_config_dir(home=app.home.root, config_dir=None, environ=app.environ)
        content = fingerprint(directory)
        kept = self._kept
        if kept is None or kept[0] != content:
            found = diagnose_config(directory, app.environ)
            self._kept = kept = (content, (*found.errors, *found.warnings, *found.notes))
        return [*kept[1], *store_findings(app)]
