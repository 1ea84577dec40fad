"""What a third-party probe or channel may import. Everything else in this package may change between minor versions.

A package registers its kinds by entry point; the entry point's name is the kind in the configuration:

    [project.entry-points."busta_health.channels"]
    pushover = "my_package.pushover:CHANNEL"        # a ChannelType

    [project.entry-points."busta_health.probes"]
    graphql = "my_package.graphql:PROBE"            # a ProbeType

`examples/busta-example-plugins` in the repository is a complete package with one of each. A plug-in that does not
load, or breaks while it runs, costs its own sources and channels only; `busta config doctor` says why.

`API_VERSION` changes when a name below changes its meaning or goes; a plug-in may compare it at import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.port import AGAIN, IN_PLACE, ChannelContext, ChannelType
from busta_health_dagster.channels.text import flat
from busta_health_dagster.domain.delivery import Delivered, Delivery, Outcome, Rejected, RetryLater
from busta_health_dagster.domain.fields import SecretRef, Strict
from busta_health_dagster.domain.notification import Notification, NotificationKind
from busta_health_dagster.domain.observation import ProbeResult, Status
from busta_health_dagster.domain.source import Source
from busta_health_dagster.probes.fetch import Request
from busta_health_dagster.probes.port import Failed, ProbeContext, ProbeType

if TYPE_CHECKING:
    from collections.abc import Iterator

API_VERSION = 1

__all__ = [
    "AGAIN",
    "API_VERSION",
    "IN_PLACE",
    "ChannelContext",
    "ChannelType",
    "Delivered",
    "Delivery",
    "Failed",
    "Notification",
    "NotificationKind",
    "Outcome",
    "ProbeContext",
    "ProbeResult",
    "ProbeType",
    "Rejected",
    "Request",
    "RetryLater",
    "SecretRef",
    "Source",
    "Status",
    "Strict",
    "plain_text",
]


def plain_text(notification: Notification, *, one_line: bool = False) -> str:
    """A notification as plain text, for a channel that sends one string.

    The first line is what a phone shows; unless `one_line`, labelled sentences follow, one a line, then the page's
    address where the monitor knows it. Texts that came from a source are cleaned: no control characters, no live links.
    """
    return "\n".join(_lines(notification, one_line=one_line))


def _lines(notification: Notification, *, one_line: bool) -> Iterator[str]:
    text = text_of(notification)
    yield f"{text.shape} {text.notification}".strip()
    if one_line:
        return
    for line in text.lines:
        said = flat(line.parts, notification.at)
        yield f"{line.label}: {said}" if line.label else said
    for entry in text.entries[:10]:
        yield f"{entry.shape} {entry.name} · {entry.tail}"
    if notification.base_url:
        yield f"{notification.base_url.rstrip('/')}/source-health"
