"""The page of all alerts: what is open as the overview shows it, and what is over, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.web.pages.alert_view import alert_view
from busta_health_dagster.web.pages.asked import Turn, text
from busta_health_dagster.web.pages.frame import ROOT
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.pipeline.views.alert_history import AlertHistory
    from busta_health_dagster.pipeline.views.overview import FleetPage
    from busta_health_dagster.web.pages.alert_view import AlertView

PATH = f"{ROOT}/alerts"
SIZE = 50
SEVERITIES = ("critical", "warning", "info")
STATES = {
    "open": "open",
    "unacknowledged": "open, unacknowledged",
    "pending": "pending",
    "suppressed": "suppressed",
    "past": "past",
}


def filters(query: Mapping[str, str]) -> dict[str, str]:
    return {
        "source": text(query, "source"),
        "rule": text(query, "rule"),
        "severity": text(query, "severity", SEVERITIES),
        "state": text(query, "state", STATES),
    }


def wants_past(asked: Mapping[str, str]) -> bool:
    return asked["state"] in {"", "past"}


def alerts_view(
    page: FleetPage, history: AlertHistory | None, asked: Mapping[str, str], number: int, kept_s: float
) -> dict[str, Any]:
    """`history` is the part of what is over that the address asks for, page `number` of it; None where it asks for none."""
    now = page.health.at
    shown = {r.source: r.shown for r in page.health.rows}
    details = {r.source: r.detail for r in page.health.rows if r.status == "down"}
    every = [alert_view(a, now, shown.get(a.alert.source, "unknown"), details) for a in page.alerts]
    mine = [a for a in every if _takes(asked, a)]
    live = [a for a in every if a.open and not a.quiet]
    unacknowledged = sum(not a.acknowledged for a in live)
    return {
        "asked": asked,
        "path": PATH,
        "narrowed": any(asked.values()),
        "counted": f"{plural(len(live), 'open alert')}, {unacknowledged} unacknowledged" if live else "",
        "alerts": [a for a in mine if a.open and not a.quiet],
        "pending": [a for a in mine if not a.open and not a.quiet],
        "quiet": [a for a in mine if a.quiet],
        "names": shown,
        "sources": sorted({*shown, *(a.source for a in every), *filter(None, [asked["source"]])}),
        "rules": sorted(
            {*(a.rule for a in every), *(history.rules if history else ()), *filter(None, [asked["rule"]])}
        ),
        "severities": SEVERITIES,
        "states": STATES.items(),
        "history": history,
        "turn": Turn(number, history.total if history else 0, SIZE, PATH, asked),
        "kept": config_duration(int(kept_s)),
    }


def _takes(asked: Mapping[str, str], alert: AlertView) -> bool:
    state = asked["state"]
    return (
        (not asked["source"] or asked["source"] == alert.source)
        and (not asked["rule"] or asked["rule"] == alert.rule)
        and (not asked["severity"] or asked["severity"] == alert.severity)
        and (
            state == ""
            or (state == "open" and alert.open and not alert.quiet)
            or (state == "unacknowledged" and alert.open and not alert.quiet and not alert.acknowledged)
            or (state == "pending" and not alert.open and not alert.quiet)
            or (state == "suppressed" and bool(alert.quiet))
        )
    )
