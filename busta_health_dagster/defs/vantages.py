"""Runs that observe from vantage points: one per shard and vantage point, with the tags that take it there."""

from collections.abc import Callable, Iterator, Mapping

import dagster as dg

from busta_health_dagster.defs.fleet import SHARD_TAG
from busta_health_dagster.defs.jobs import tick_cron, without_waiting
from busta_health_dagster.defs.resources import Monitor
from busta_health_dagster.settings import Config
from busta_health_dagster.settings.instance import JOB_TAG
from busta_health_dagster.settings.settings_model import VantageFields

JOB = "vantage_observations"
VANTAGE_TAG = "busta/vantage"
"""From which vantage point a run observes."""


@dg.op(
    description="Observes what is due from the vantage point that the run's tag names. The verdict is made by the monitor."
)
def observe_from_vantage(context: dg.OpExecutionContext, busta: Monitor) -> None:
    from busta_health_dagster.pipeline.tick.tick import run_vantage

    vantage, shard = context.run.tags.get(VANTAGE_TAG), context.run.tags.get(SHARD_TAG)
    if vantage is None:
        raise dg.Failure(
            f"The run has no tag {VANTAGE_TAG}: it names the vantage point, one of `vantages` in settings.yaml."
        )
    with busta.open(collect=False) as app:
        seen = run_vantage(app, vantage, None if shard is None else int(shard))
    context.add_output_metadata({"checked": dg.MetadataValue.int(len(seen))})


@dg.job(
    name=JOB,
    tags={JOB_TAG: JOB},
    executor_def=dg.in_process_executor,
    description="Observes every source that is due from one vantage point.",
)
def vantage_observations() -> None:
    observe_from_vantage()


def vantage_definitions(config: Config) -> tuple[list[dg.JobDefinition], list[dg.ScheduleDefinition]]:
    """The job, and the schedule that asks for it with each tick; nothing where there is no vantage point."""
    settings = config.settings
    if not settings.vantages:
        return [], []
    schedule = dg.ScheduleDefinition(
        name=JOB,
        job=vantage_observations,
        cron_schedule=tick_cron(config.tick_s),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Asks each vantage point to observe what is due.",
        execution_fn=vantage_requests(settings.vantages, settings.limits.shards),
    )
    return [vantage_observations], [schedule]


def vantage_requests(
    vantages: Mapping[str, VantageFields], shards: int
) -> Callable[[dg.ScheduleEvaluationContext], Iterator[dg.RunRequest | dg.SkipReason]]:
    """One run per shard and vantage point, each in a queue of its own: one that cannot start holds up no other."""

    def requests(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        at = context.scheduled_execution_time.isoformat()
        wanted = {}
        for name, vantage in vantages.items():
            for n in range(shards):
                queue = f"{JOB}_{name}_{n}"
                tags = {**vantage.tags, VANTAGE_TAG: name, JOB_TAG: queue}
                if shards > 1:
                    tags[SHARD_TAG] = str(n)
                wanted[queue] = dg.RunRequest(run_key=f"{at}/{name}/{n}", tags=tags)
        asked = without_waiting(context.instance, wanted)
        if asked:
            yield from asked
        else:
            yield dg.SkipReason("The last run of every vantage point has not started yet.")

    return requests
