"""What is built from each source in this code location, read from Dagster's own asset graph: assets and jobs downstream, and
when those run next. Kept in the store, where messages, page and REST find it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import dagster as dg

from busta_health_dagster.defs.keys import asset_key, own_key, own_keys
from busta_health_dagster.pipeline.gate.stored_lineage import Lineage, put_lineage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.settings import Config

_HIDDEN = "__"
"""Dagster's own jobs over all assets begin with it."""


def note_lineage(app: App, instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, location: str) -> None:
    """Write down what this location builds from the sources, where that has changed."""
    keys = tuple((source.name, asset_key(source)) for source in app.config.sources.values())
    assets, jobs = _built(repository, keys, own_keys(app.config))
    next_at = _next_runs(instance, repository, {job for found in jobs.values() for job in found}, app.now())
    fed = (name for name in fed_names(app.config) if repository.asset_graph.has(dg.AssetKey(name.split("/"))))
    fleet = own_key("health", "fleet")
    prefix = "/".join(fleet.path[:-2]) if repository.asset_graph.has(fleet) else None
    put_lineage(app, location, Lineage(assets, jobs, next_at, tuple(fed), prefix, owners=_owners(repository)))


@lru_cache(maxsize=1)
def _owners(repository: dg.RepositoryDefinition) -> Mapping[str, tuple[str, ...]]:
    graph = repository.asset_graph
    named = {f"asset:{key.to_user_string()}": graph.get(key).owners for key in graph.get_all_asset_keys()}
    named |= {f"instigator:{one.name}": one.owners or () for one in repository.schedule_defs}
    named |= {f"instigator:{one.name}": one.owners or () for one in repository.sensor_defs}
    return {name: tuple(owners) for name, owners in named.items() if owners}


def fed_names(config: Config) -> list[str]:
    """Every asset that a source feeds, as sources.yaml names it."""
    return sorted({name for source in config.sources.values() for name in source.feeds})


@lru_cache(maxsize=1)
def _built(
    repository: dg.RepositoryDefinition, sources: tuple[tuple[str, dg.AssetKey], ...], ours: frozenset[dg.AssetKey]
) -> tuple[Mapping[str, tuple[str, ...]], Mapping[str, tuple[str, ...]]]:
    """-> assets and jobs of others downstream of each source."""
    graph = repository.asset_graph
    foreign_jobs = {
        job.name: job.asset_layer.selected_asset_keys
        for job in repository.get_all_jobs()
        if not job.name.startswith(_HIDDEN)
    }
    assets: dict[str, tuple[str, ...]] = {}
    jobs: dict[str, tuple[str, ...]] = {}
    for name, key in sources:
        if not graph.has(key):
            continue
        reached: set[dg.AssetKey] = set()
        waiting = [key]
        while waiting:
            new = graph.get(waiting.pop()).child_keys - reached
            reached |= new
            waiting += new
        found = reached - ours
        if found:
            assets[name] = tuple(sorted(k.to_user_string() for k in found))
            jobs[name] = tuple(sorted(job for job, keys in foreign_jobs.items() if keys & found))
    return assets, jobs


def _next_runs(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, jobs: set[str], now: int
) -> dict[str, int]:
    """Job -> when a schedule that runs starts it next, epoch seconds."""
    if not jobs:
        return {}
    stopped = {state.instigator_name for state in instance.all_instigator_state() if not state.is_running}
    running = {state.instigator_name for state in instance.all_instigator_state() if state.is_running}
    found: dict[str, int] = {}
    for schedule in repository.schedule_defs:
        on = schedule.name in running or (
            schedule.default_status is dg.DefaultScheduleStatus.RUNNING and schedule.name not in stopped
        )
        if schedule.job_name not in jobs or not on:
            continue
        at = next_slot(schedule.cron_schedule, schedule.execution_timezone, now)
        found[schedule.job_name] = min(at, found.get(schedule.job_name, at))
    return found


def next_slot(cron: str | Sequence[str], zone: str | None, after: int) -> int:
    """The first instant after `after` at which the schedule fires, epoch seconds."""
    from dagster._utils.schedules import schedule_execution_time_iterator

    begin = datetime.fromtimestamp(after + 1, UTC).timestamp()
    lines = cron if isinstance(cron, str) else list(cron)
    return int(next(iter(schedule_execution_time_iterator(begin, lines, zone or "UTC"))).timestamp())
