"""`baselines/<type>`: the normal operating range of each type that the detector watches, filled once a day."""

import base64
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from busta_health_dagster.defs.keys import asset_key, baseline_key, type_part
from busta_health_dagster.defs.metadata import plottable, texts
from busta_health_dagster.defs.resources import Monitor
from busta_health_dagster.extras import installed
from busta_health_dagster.pipeline.anomaly.fleet_detector import watched_by
from busta_health_dagster.settings.instance import JOB_TAG

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

    from busta_health_dagster.settings import Config

GROUP = "health_reports"
JOB = "baselines_daily"


def baseline_definitions(
    config: "Config",
) -> tuple[list[dg.AssetsDefinition], list["UnresolvedAssetJobDefinition"], list[dg.ScheduleDefinition]]:
    """One asset per type with a source that a rule of pattern anomaly watches, their job and its schedule; else none."""
    watched = watched_by(config.sources.values(), config.rules)
    types = {type_part(config.sources[name].type): config.sources[name].type for name in watched}
    if not types:
        return [], [], []
    learned_from: dict[str, list[dg.AssetKey]] = defaultdict(list)
    for name in watched:
        learned_from[type_part(config.sources[name].type)].append(asset_key(config.sources[name]))
    assets = _ranges(types, learned_from)
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(assets),
        description="The normal operating range of each type of source, as learned by now.",
        tags={JOB_TAG: JOB},
        executor_def=dg.in_process_executor,
    )
    schedule = dg.ScheduleDefinition(
        name=JOB,
        job=job,
        cron_schedule="35 0 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Shows every morning what is normal by now.",
    )
    return [assets], [job], [schedule]


def _ranges(types: dict[str, str], learned_from: Mapping[str, Sequence[dg.AssetKey]]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="baseline_ranges",
        can_subset=True,
        specs=[
            dg.AssetSpec(
                key=baseline_key(key),
                deps=learned_from[key],
                group_name=GROUP,
                description=f"Normal operating range of sources of type {kind} by hour of day and week: response time, "
                "items, quality (p5, p50, p95).",
                kinds={"numpy"},
                tags={"health/report": "baselines"},
                skippable=True,
            )
            for key, kind in sorted(types.items())
        ],
    )
    def ranges(context: dg.AssetExecutionContext, busta: Monitor) -> Iterator[dg.MaterializeResult[None]]:
        from busta_health_dagster.domain.errors import Refused
        from busta_health_dagster.pipeline.anomaly.type_ranges import markdown, picture, type_range

        wanted = sorted(key.path[-1] for key in context.op_execution_context.selected_asset_keys)
        with busta.open() as app:
            for name in wanted:
                try:
                    found = type_range(app, types[name])
                except Refused as why:  # young: the asset stays as it was, and the run says why
                    context.log.warning("%s", why)
                    continue
                metadata = texts(found.in_short) | plottable(found.figures)
                metadata["hour by hour"] = dg.MetadataValue.md(markdown(found))
                if installed("report"):
                    image = base64.b64encode(picture(found)).decode()
                    metadata["the week as a picture"] = dg.MetadataValue.md(
                        f"![a week of type {name}](data:image/png;base64,{image})"
                    )
                yield dg.MaterializeResult(asset_key=baseline_key(name), metadata=metadata)

    return ranges
