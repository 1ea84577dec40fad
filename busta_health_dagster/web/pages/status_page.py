"""/status: how the groups are, for consumers. Off unless settings.yaml switches it on, and then to be read only.

Everyone who asks within some seconds gets one and the same answer: it may be public, and must not become a load on the store.
"""

from __future__ import annotations

import threading
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from busta_health_dagster.domain.errors import StoreError
from busta_health_dagster.domain.units import from_epoch, from_iso
from busta_health_dagster.pipeline.views.consumer_status import consumer_status
from busta_health_dagster.web.api.limits import PUBLIC_PATHS
from busta_health_dagster.web.pages.frame import site
from busta_health_dagster.web.pages.rendering import CSP, html, principal_of
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from busta_health_dagster.domain.documents.status_page import ConsumerStatus, GroupIncident
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.settings.settings_model import StatusPage

KEEP_S = 15.0
_METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
_FEED_ITEMS = 50
WORDS = {
    "operational": ("up", "Operational"),
    "limited": ("up", "Up, with limitations"),
    "degraded": ("degraded", "Degraded"),
    "partial_outage": ("down", "Partial outage"),
    "outage": ("down", "Outage"),
    "no_data": ("unknown", "No data"),
    "maintenance": ("maintenance", "Maintenance"),
    "off_season": ("off_season", "Off season"),
}
_HEADS = {
    "operational": "Everything is operational",
    "limited": "Up, with limitations",
    "degraded": "Some data is degraded",
    "partial_outage": "Partial outage",
    "outage": "Outage",
    "no_data": "Some data cannot be checked",
    "maintenance": "Maintenance",
    "off_season": "Off season",
}
_KINDS = {"outage": "Outage", "degradation": "Degradation"}


def answers(app: App, path: str) -> bool:
    """Does this address answer without a caller? Where the page is off, too: with 404, as if there were none."""
    page = app.config.settings.status_page
    return path in PUBLIC_PATHS and (page is None or page.public)


class Status:
    """GET of /status, /status.json and /status.rss."""

    def __init__(self, app: App, dagster: str | None) -> None:
        self._app, self._dagster = app, dagster
        self._lock = threading.Lock()
        self._kept: tuple[float, ConsumerStatus] | None = None

    def routes(self) -> list[BaseRoute]:
        return [Route(path, self.answer, methods=_METHODS) for path in sorted(PUBLIC_PATHS)]

    async def answer(self, request: Request) -> Response:
        page = self._app.config.settings.status_page
        if page is None:
            return PlainTextResponse("Not Found", 404)
        headers = self._headers(page, request)
        if request.method not in {"GET", "HEAD"}:
            return PlainTextResponse("This page is to be read.", 405, {**headers, "allow": "GET, HEAD"})
        try:
            document = await run_in_threadpool(self._document)
        except StoreError:  # what is wrong with the store is not for consumers
            says = "The status cannot be told right now. Treat it as unknown.\n"
            return PlainTextResponse(says, 503, {**headers, "cache-control": "no-store", "retry-after": "15"})
        if request.url.path.endswith(".json"):
            return JSONResponse(document, headers=headers)
        if request.url.path.endswith(".rss"):
            return Response(self._feed(document, request), headers=headers, media_type="application/rss+xml")
        return html(request, "status.html", self._context(document, page, request), headers=headers)

    def _document(self) -> ConsumerStatus:
        with self._lock:
            now = self._app.clock.monotonic()
            if self._kept is None or not 0 <= now - self._kept[0] < KEEP_S:
                self._kept = (now, consumer_status(self._app))
            return self._kept[1]

    @staticmethod
    def _headers(page: StatusPage, request: Request) -> dict[str, str]:
        """Who may keep the answer, and who may show it in a frame or fetch it from a script."""
        ancestors = " ".join(["'self'", *page.embed]) if page.embed else "'none'"
        found = {
            "content-security-policy": CSP.replace("frame-ancestors 'self'", f"frame-ancestors {ancestors}"),
            "cache-control": f"public, max-age={KEEP_S:.0f}" if page.public else "private, no-cache",
        }
        if page.public:
            found["vary"] = "origin"
        if (origin := request.headers.get("origin", "").lower()) in page.embed:
            found["access-control-allow-origin"] = origin
        return found

    def _context(self, document: ConsumerStatus, page: StatusPage, request: Request) -> Mapping[str, Any]:
        shape = "unknown" if document["stale"] else WORDS[document["state"]][0]
        said = {
            "status": document,
            "now": from_iso(document["at"]),
            "head_status": shape,
            "head": "The monitor is silent: nothing is known" if document["stale"] else _HEADS[document["state"]],
            "state_words": WORDS,
            "kinds": _KINDS,
            "open": [i for i in document["incidents"] if i["ended_at"] is None],
            "over": [i for i in document["incidents"] if i["ended_at"] is not None],
        }
        if page.public:  # the same for everyone: it may be kept on its way
            return said
        bar = site(principal_of(request), has_status_page=True)
        return said | {"section": "status", "site": bar, "dagster": self._dagster}

    def _feed(self, document: ConsumerStatus, request: Request) -> bytes:
        base = (self._app.config.settings.web.public_url or str(request.base_url)).rstrip("/")
        rss = ET.Element("rss", version="2.0")
        channel = ET.SubElement(rss, "channel")
        for name, text in (
            ("title", document["title"]),
            ("link", f"{base}/status"),
            ("description", "Incidents of the last 30 days."),
        ):
            ET.SubElement(channel, name).text = text
        for i in sorted(document["incidents"], key=lambda i: i["started_at"], reverse=True)[:_FEED_ITEMS]:
            item = ET.SubElement(channel, "item")
            ET.SubElement(item, "title").text = f"{i['group']}: {_sentence(i)}"
            ET.SubElement(item, "link").text = f"{base}/status#{i['id']}"
            ended = i["ended_at"] or ""
            ET.SubElement(item, "guid", isPermaLink="false").text = f"{i['id']} {ended}".strip()
            at = from_epoch(from_iso(i["ended_at"] or i["started_at"]))
            ET.SubElement(item, "pubDate").text = format_datetime(at)
            ET.SubElement(item, "description").text = f"Began {i['started_at']}. " + (
                f"Ended {ended}." if ended else "Not over yet."
            )
        return b'<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(rss)


def _sentence(incident: GroupIncident) -> str:
    kind = _KINDS[incident["kind"]].lower()
    return (
        f"{kind}, over after {duration_text(incident['lasted_s'])}" if incident["ended_at"] else f"{kind}, not over yet"
    )
