"""What everything else in this Dagster instance came to, in every code location: open-source Dagster alerts on nothing.

Each kind is a stream with a cursor of its own, kept in the store. A reading has a budget of time and rows: what does not fit
is read by the next one, and how far behind that is goes into the alert `monitor/instance-slow`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from busta_health_dagster.defs.instance_daemons import read_daemons
from busta_health_dagster.defs.instance_events import read_checks, read_freshness
from busta_health_dagster.defs.instance_runs import read_runs
from busta_health_dagster.defs.instance_stream import Budget, Reader, Stream
from busta_health_dagster.defs.instance_ticks import read_ticks
from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.domain.verdict import ExternalFact, InstanceReading
from busta_health_dagster.pipeline.app.code_locations import location_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dagster as dg

    from busta_health_dagster.pipeline.app.app import App

READ_S = 3.0
"""How long a reading may take: the alert sensor has 5 s for everything."""
_KEY = "dagster_facts"
_SILENT_S = 150
"""The alert sensor reads every 30 s. What no one has read for so long the tick reads: the sensor's daemon may be dead."""
_STREAMS: Mapping[str, tuple[Pattern, Reader]] = {
    "runs": (Pattern.DAGSTER_RUN, read_runs),
    "checks": (Pattern.DAGSTER_CHECK, read_checks),
    "daemons": (Pattern.DAGSTER_DAEMON, read_daemons),
    "freshness": (Pattern.DAGSTER_FRESHNESS, read_freshness),
    "ticks": (Pattern.DAGSTER_TICK, read_ticks),
}


def instance_facts(instance: dg.DagsterInstance, app: App) -> InstanceReading:
    """What is new since the last reading, of the kinds that a rule asks for. The first one begins now: the past alerts no
    one.
    """
    asked = {rule.pattern for rule in app.config.rules}
    wanted = {name: reader for name, (pattern, reader) in _STREAMS.items() if pattern in asked}
    locations: list[ExternalFact] = []
    noted = None
    with app.store.read() as uow:
        kept: Mapping[str, Any] = uow.meta.get(_KEY, {})
        if Pattern.DAGSTER_LOCATION in asked:
            locations, noted = location_facts(uow, kept.get("locations"))
    started, now = app.clock.monotonic(), app.clock.now()
    cursors: dict[str, Any] = {name: kept[name] for name in wanted if name in kept}
    facts, behind, problem = list(locations), {}, ""
    for place, (name, reader) in enumerate(wanted.items()):
        # What is left of the time is shared by the streams that are left: none of them can starve another.
        left = max(started + READ_S - app.clock.monotonic(), 0.0) / (len(wanted) - place)
        try:
            found: Stream = reader(instance, app, kept.get(name), Budget(app.clock, app.clock.monotonic() + left))
        except SQLAlchemyError as error:
            why = app.secrets.scrub(str(getattr(error, "orig", None) or error)).strip().splitlines()
            problem = f"{name}: {why[0][:200] if why else type(error).__name__}"
            continue
        cursors[name] = found.cursor
        facts += found.facts
        if found.reached is not None:
            behind[name] = max(int(now - found.reached), 0)
    took = app.clock.monotonic() - started
    if noted is not None:
        cursors["locations"] = noted
    remember = {_KEY: {**cursors, "read_at": int(now)}} if asked & _patterns() else {}
    worst = max(behind.values(), default=0)
    return InstanceReading(tuple(facts), remember, worst, tuple(behind), round(took, 3), problem)


def unread_for_long(app: App) -> bool:
    """Is it a long time since someone read the instance, though rules ask for it?"""
    with app.store.read() as uow:
        kept = uow.meta.get(_KEY, {})
    return "read_at" in kept and app.now() - kept["read_at"] > _SILENT_S


def _patterns() -> set[Pattern]:
    return {pattern for pattern, _ in _STREAMS.values()} | {Pattern.DAGSTER_LOCATION}
