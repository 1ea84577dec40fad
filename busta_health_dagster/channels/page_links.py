"""Where messages lead on the page: the fleet, a source, an incident."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import Notification


def fleet_page(base_url: str) -> str:
    """Everything at a glance. `base_url` is where people reach the page, and not empty."""
    return f"{base_url.rstrip('/')}/source-health"


def source_page(base_url: str, source: str) -> str:
    """All that is known of one source."""
    return f"{fleet_page(base_url)}/s/{quote(source, safe='')}"


def incident_page(notification: Notification) -> str | None:
    """The timeline and the notes of its incident, INC-61. None where there is no page of it: an alert that is no outage has no
    incident, and that of a drill is in no list.
    """
    incident, base_url = notification.incident, notification.base_url
    if not incident or not base_url or notification.drill:
        return None
    return f"{fleet_page(base_url)}/incidents/{quote(incident, safe='')}"
