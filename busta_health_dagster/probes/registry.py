"""Which kinds of probe there are: ours, one visible line each, and third parties' by entry point."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain import plugins
from busta_health_dagster.domain.plugins import Registry
from busta_health_dagster.probes.dns import DNS
from busta_health_dagster.probes.feed import FEED
from busta_health_dagster.probes.file import FILE
from busta_health_dagster.probes.framework import FRAMEWORK
from busta_health_dagster.probes.heartbeat import HEARTBEAT
from busta_health_dagster.probes.http import HTTP
from busta_health_dagster.probes.port import ProbeType
from busta_health_dagster.probes.sql import SQL
from busta_health_dagster.probes.tcp import TCP

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import EntryPoint

GROUP = "busta_health.probes"
BUILT_IN: tuple[ProbeType, ...] = (
    HTTP,
    FEED,
    SQL,
    FILE,
    TCP,
    DNS,
    FRAMEWORK,
    HEARTBEAT,
)
_PLUGIN_CONCURRENCY = 20  # each observation of a plug-in costs a thread


def registry(points: Iterable[EntryPoint] | None = None) -> Registry[ProbeType]:
    """Every kind there is. `points` stands in for the installed entry points."""
    from busta_health_dagster.probes.plugin import unloaded

    return plugins.load(GROUP, {kind.kind: kind for kind in BUILT_IN}, ProbeType, _adopted, unloaded, points)


def _adopted(found: ProbeType, name: str) -> ProbeType:
    return replace(found, kind=name, third_party=True, concurrency=found.concurrency or _PLUGIN_CONCURRENCY)
