"""What the other code locations of the workspace build from our sources, and which of them are loaded: only this process
sees them all.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from dagster import AssetKey, DagsterError, DefaultScheduleStatus

from busta_health_dagster.defs.keys import asset_key
from busta_health_dagster.defs.lineage import fed_names, next_slot
from busta_health_dagster.domain.errors import StoreError
from busta_health_dagster.pipeline.app.code_locations import note_locations
from busta_health_dagster.pipeline.gate.stored_lineage import Lineage, forget_lineage, put_lineage
from busta_health_dagster.settings.instance import LOCATION
from busta_health_dagster.web.dagster_ui import STORAGE_AWAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dagster._core.remote_representation.external import RemoteRepository
    from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
    from dagster_shared.error import SerializableErrorInfo

    from busta_health_dagster.pipeline.app.app import App

_LOG = logging.getLogger(__name__)
EVERY_S = 60.0
_HIDDEN = "__"
_AWAY: tuple[type[Exception], ...] = (StoreError, DagsterError, *STORAGE_AWAY)


async def keep_noting(app: App, process: WorkspaceProcessContext) -> None:
    """Until it is cancelled. A workspace or a store that is away is tried again at the next time."""
    while True:
        try:
            await run_sync(note_workspace, app, process)
        except _AWAY as error:
            _LOG.warning("what other code locations build from the sources is not known: %s", error)
        except Exception:  # noqa: BLE001  foreign code locations: without this the first surprise would end it, unheard
            _LOG.exception("what other code locations build from the sources is not known")
        await asyncio.sleep(EVERY_S)


def note_workspace(app: App, process: WorkspaceProcessContext) -> None:
    """Whether each location is loaded; and what each but ours builds. Ours writes that down itself."""
    request = process.create_request_context()
    entries = request.get_code_location_entries()
    note_locations(app, {name: _why(entry.load_error) for name, entry in entries.items()})
    for location in request.code_locations:
        if location.name == LOCATION:
            continue
        repositories = list(location.get_repositories().values())
        put_lineage(app, location.name, _built(app, request, location.name, repositories))
    forget_lineage(app, {LOCATION, *request.code_location_names})  # the configured ones: one that fails to load stays


def _why(error: SerializableErrorInfo | None) -> str | None:
    """The innermost error: the one in the code of the location."""
    while error is not None and error.cause is not None:
        error = error.cause
    return None if error is None else error.message


def _built(app: App, request: WorkspaceRequestContext, location: str, repositories: list[RemoteRepository]) -> Lineage:
    graph = request.asset_graph
    assets: dict[str, tuple[str, ...]] = {}
    jobs: dict[str, tuple[str, ...]] = {}
    for name, source in app.config.sources.items():
        key = asset_key(source)
        if not graph.has(key):
            continue
        reached: set[AssetKey] = set()
        waiting = [key]
        while waiting:
            new = graph.get(waiting.pop()).child_keys - reached
            reached |= new
            waiting += new
        found = {}
        for other in reached:
            if _is_in(request, other, location):
                found[other] = graph.get(other).resolve_to_singular_repo_scoped_node().job_names
        if found:
            assets[name] = tuple(sorted(other.to_user_string() for other in found))
            names = {job for those in found.values() for job in those if not job.startswith(_HIDDEN)}
            jobs[name] = tuple(sorted(names))
    wanted = {job for names in jobs.values() for job in names}
    fed = [name for name in fed_names(app.config) if _is_in(request, AssetKey(name.split("/")), location)]
    next_at = _next_runs(request, repositories, wanted, app.now())
    return Lineage(assets, jobs, next_at, tuple(fed), owners=_owners(repositories))


def _owners(repositories: list[RemoteRepository]) -> dict[str, tuple[str, ...]]:
    named: dict[str, Sequence[str] | None] = {}
    for repository in repositories:
        named |= {f"asset:{node.asset_key.to_user_string()}": node.owners for node in repository.get_asset_node_snaps()}
        named |= {f"instigator:{schedule.name}": schedule.owners for schedule in repository.get_schedules()}
        named |= {f"instigator:{sensor.name}": sensor.owners for sensor in repository.get_sensors()}
    return {name: tuple(owners) for name, owners in named.items() if owners}


def _is_in(request: WorkspaceRequestContext, key: AssetKey, location: str) -> bool:
    graph = request.asset_graph
    if not graph.has(key):
        return False
    return graph.get(key).resolve_to_singular_repo_scoped_node().repository_handle.location_name == location


def _next_runs(
    request: WorkspaceRequestContext, repositories: list[RemoteRepository], jobs: set[str], now: int
) -> dict[str, int]:
    states = (
        {state.instigator_name: state.is_running for state in request.instance.all_instigator_state()} if jobs else {}
    )
    found: dict[str, int] = {}
    for repository in repositories:
        for schedule in repository.get_schedules():
            on = states.get(schedule.name, schedule.default_status is DefaultScheduleStatus.RUNNING)
            if schedule.job_name in jobs and on:
                at = next_slot(schedule.cron_schedule, schedule.execution_timezone, now)
                found[schedule.job_name] = min(at, found.get(schedule.job_name, at))
    return found
