"""Heartbeats of Dagster's daemons: one that is dead launches nothing, and nothing fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.defs.instance_stream import Budget, Stream, error_text
from busta_health_dagster.domain.verdict import ExternalFact

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dagster as dg

    from busta_health_dagster.pipeline.app.app import App

_HAVE_TICKS = frozenset({"SENSOR", "SCHEDULER", "ASSET"})
"""The errors of these are those of ticks, which have alerts of their own."""
_PATH = "/deployment/daemons"


def read_daemons(instance: dg.DagsterInstance, app: App, cursor: Mapping[str, Any] | None, budget: Budget) -> Stream:
    """Every daemon that the instance needs. One that has never sent a heartbeat counts from when we first looked."""
    del budget  # one query, and a handful of rows
    now = app.now()
    since: dict[str, int] = dict((cursor or {}).get("since", {}))
    heartbeats = instance.get_daemon_heartbeats()
    needed = instance.get_required_daemon_types()
    facts = []
    for kind in sorted(needed):
        heartbeat = heartbeats.get(kind)
        at = int(heartbeat.timestamp) if heartbeat is not None else since.setdefault(kind, now)
        errors = heartbeat.errors or () if heartbeat is not None and kind not in _HAVE_TICKS else ()
        why = error_text(errors[0], app.secrets) if errors else ""
        ok = None if heartbeat is None else not errors
        facts.append(ExternalFact("daemon", kind, ok, now, why, held_s=max(now - at, 0), path=_PATH))
    gone = set((cursor or {}).get("needed", ())) - set(needed)
    facts += [
        ExternalFact("daemon", k, True, now, "the instance does not need it any more", path=_PATH) for k in sorted(gone)
    ]
    return Stream(
        {"since": {k: at for k, at in since.items() if k in needed and k not in heartbeats}, "needed": sorted(needed)},
        facts,
    )
