"""The frame that every page of ours stands in: the navigation bar, the clock, and what is wrong with the monitor itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.access import Right

if TYPE_CHECKING:
    from busta_health_dagster.domain.access import Principal
    from busta_health_dagster.pipeline.views.overview import FleetPage

ROOT = "/source-health"
_SITE = (
    ("sources", "Sources", ROOT),
    ("alerts", "Alerts", f"{ROOT}/alerts"),
    ("incidents", "Incidents", f"{ROOT}/incidents"),
    ("sla", "SLA", f"{ROOT}/sla"),
    ("reports", "Reports", f"{ROOT}/reports"),
    ("maintenance", "Maintenance", f"{ROOT}/maintenance"),
    ("settings", "Settings", f"{ROOT}/settings"),
)
AUDIT = ("audit", "Audit", f"{ROOT}/audit")
STATUS = ("status", "Status", "/status")


def site(who: Principal, *, has_status_page: bool) -> list[tuple[str, str, str]]:
    """(key, name, address) of the pages that this caller may open."""
    more = [STATUS] if has_status_page else []
    if who.may(Right.MANAGE):
        more.append(AUDIT)
    return [*_SITE, *more]


def frame(page: FleetPage, section: str, now: int) -> dict[str, Any]:
    """What the template `frame.html` asks for; the facts are those of the overview."""
    return {
        "section": section,
        "now": now,
        "health": page.health,
        "trouble": page.monitor_alerts,
        "stale_after_s": page.stale_after_s,
        "event": page.version.event,
    }
