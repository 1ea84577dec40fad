"""Jobs and schedules. The tick runs in its own process, in one thread of steps: its executor starts nothing more."""

from collections.abc import Callable, Iterator, Mapping

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from busta_health_dagster.defs.app_cache import cached_app
from busta_health_dagster.defs.fleet import SHARD_TAG
from busta_health_dagster.defs.keys import own_key, own_keys
from busta_health_dagster.defs.resources import Monitor
from busta_health_dagster.domain.errors import StoreError
from busta_health_dagster.settings import Config
from busta_health_dagster.settings.instance import JOB_TAG


def tick_job() -> UnresolvedAssetJobDefinition:
    """The tick: the fleet's asset and its check."""
    fleet = own_key("health", "fleet")
    return dg.define_asset_job(
        "health_tick",
        selection=dg.AssetSelection.assets(fleet) | dg.AssetSelection.checks_for_assets(fleet),
        description="Checks every source that is due, and tells Dagster what changed.",
        tags={JOB_TAG: "health_tick"},
        executor_def=dg.in_process_executor,
    )


@dg.op(description="Deletes what is older than its retention, in our store and in Dagster's own tables.")
def delete_old_records(context: dg.OpExecutionContext, busta: Monitor) -> None:
    from busta_health_dagster.defs.pruning import Ours, chosen_mode, prune_dagster
    from busta_health_dagster.pipeline.app.store_admin import prune

    with busta.open() as app:
        deleted = prune(app)
        retention = app.config.settings.retention
        mode = chosen_mode(context.instance, retention.dagster)
        context.log.info("Dagster's own records: %s", mode)
        if mode != "off":
            with app.store.read() as uow:
                known = [source.name for source in uow.sources.all(removed=True)]
            ours = Ours() if mode == "instance" else Ours.of(own_keys(app.config, known))
            deleted |= prune_dagster(context.instance, now=app.now(), runs_s=retention.dagster_runs, ours=ours)
    for table, rows in deleted.items():
        context.log.info("%s: %d rows deleted", table, rows)
    context.add_output_metadata({table: dg.MetadataValue.int(rows) for table, rows in deleted.items()})


@dg.job(
    name="retention_daily",
    tags={JOB_TAG: "retention_daily"},
    executor_def=dg.in_process_executor,
    description="Keeps the store and Dagster's own tables flat.",
)
def retention_daily() -> None:
    delete_old_records()


def tick_cron(tick_s: int) -> str:
    """Seconds between ticks, a divisor of an hour, as a cron line: 300 -> `*/5 * * * *`."""
    minutes = tick_s // 60
    return "0 * * * *" if minutes >= 60 else f"*/{minutes} * * * *"


def tick_requests(shards: int) -> Callable[[dg.ScheduleEvaluationContext], Iterator[dg.RunRequest | dg.SkipReason]]:
    """One run per tick, or one per shard, each in a queue of its own: the instance's run launcher decides where it runs.

    One tick may wait for the one that runs: it will check all that is due by then. Another behind it would find
    nothing, so that it is skipped, and the slot counts as missed.
    """

    def requests(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        at = context.scheduled_execution_time
        _note_slot(context, at.timestamp())
        wanted = {"health_tick": dg.RunRequest(run_key=at.isoformat())}
        if shards > 1:
            wanted = {
                (queue := f"health_tick_{n}"): dg.RunRequest(
                    run_key=f"{at.isoformat()}/{n}", tags={SHARD_TAG: str(n), JOB_TAG: queue}
                )
                for n in range(shards)
            }
        asked = without_waiting(context.instance, wanted)
        if asked:
            yield from asked
        else:
            yield dg.SkipReason("A tick waits already behind the one that runs: the machine does not keep up.")

    return requests


def without_waiting(instance: dg.DagsterInstance, wanted: Mapping[str, dg.RunRequest]) -> list[dg.RunRequest]:
    """The requests, by queue, but for the queues in which a run waits already."""
    queued = dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED], tags={JOB_TAG: list(wanted)})
    waiting = frozenset(run.tags[JOB_TAG] for run in instance.get_runs(queued))
    return [request for queue, request in wanted.items() if queue not in waiting]


def _note_slot(context: dg.ScheduleEvaluationContext, at: float) -> None:
    """A store that is away must not keep the tick from being asked for: it is the tick that tells of it."""
    from busta_health_dagster.pipeline.app.overload import note_asked

    try:
        with cached_app() as app:
            note_asked(app, at)
    except StoreError as error:
        context.log.warning("the slot is not counted: %s", error)


def schedules(config: Config, health_tick: UnresolvedAssetJobDefinition) -> list[dg.ScheduleDefinition]:
    """All schedules, running from the first start."""
    return [
        dg.ScheduleDefinition(
            name="health_tick",
            job=health_tick,
            cron_schedule=tick_cron(config.tick_s),
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Checks what is due.",
            execution_fn=tick_requests(config.settings.limits.shards),
        ),
        dg.ScheduleDefinition(
            name="retention_daily",
            job=retention_daily,
            cron_schedule="17 3 * * *",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Deletes what is older than its retention.",
        ),
    ]
