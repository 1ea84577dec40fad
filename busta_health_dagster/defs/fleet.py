"""`health/fleet`: materializing it *is* the tick. One materialization per tick, whatever the number of sources."""

from collections.abc import Sequence

import dagster as dg

from busta_health_dagster.defs.events import report_changes
from busta_health_dagster.defs.keys import own_key
from busta_health_dagster.defs.metadata import plottable, table, texts
from busta_health_dagster.defs.page_links import links, picture
from busta_health_dagster.defs.resources import Monitor
from busta_health_dagster.defs.stopped import stopped
from busta_health_dagster.domain.health import FleetHealth

GROUP = "health_reports"
SHARD_TAG = "busta/shard"
"""Which shard of the sources a run checks, where `limits.shards` splits a tick into several runs; absent: all."""
NO_DEGRADED = "no_degraded_sources"
ABOUT = "All sources at a glance, what is wrong first. Materializing it checks every source that is due."
ALL_WELL = "nothing: every source is up, in maintenance or off season"


def fleet_asset(observed: Sequence[dg.AssetKey] = (), page: str | None = None) -> dg.AssetsDefinition:
    """The asset whose materialization is the tick; `observed` are drawn as its upstream. `page`: where more is shown."""
    key = own_key("health", "fleet")

    @dg.asset(
        key=key,
        deps=observed,
        group_name=GROUP,
        description="\n\n".join(
            [
                " ".join([ABOUT, *links(("Open page", page))]),
                *picture("every source now, worst first", "/fleet.svg"),
            ]
        ),
        kinds={"python"},
        tags={"health/report": "fleet"},
        check_specs=[
            dg.AssetCheckSpec(
                name=NO_DEGRADED,
                asset=key,
                description="Is every source up? ERROR when one is down, degraded or unknown: the UI paints only ERROR red.",
                blocking=False,
            )
        ],
    )
    def fleet(context: dg.AssetExecutionContext, busta: Monitor) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads the bare class
        from busta_health_dagster.defs.instance_facts import instance_facts, unread_for_long
        from busta_health_dagster.pipeline.tick.tick import run_tick
        from busta_health_dagster.pipeline.views.fleet_report import COLUMNS, in_short, what_is_wrong

        with busta.open(collect=False) as app:
            shard = context.run.tags.get(SHARD_TAG)
            origin = context.run.remote_job_origin
            asleep = stopped(context.instance, origin.location_name if origin is not None else None)
            read = instance_facts(context.instance, app) if shard in {None, "0"} and unread_for_long(app) else None
            tick = run_tick(app, None if shard is None else int(shard), stopped=asleep, instance=read)
            events, waiting = report_changes(context.instance, app, tick)
            if events:  # what was just sent is what this is made of: else it would never be in sync with its sources
                context.get_step_execution_context().fetch_external_input_asset_version_info()
            health = tick.fleet
            counts = health.counts
            wrong = what_is_wrong(health)
            metadata = texts({"now": in_short(health)})
            metadata["what is wrong"] = table(COLUMNS, wrong) if wrong else dg.MetadataValue.text(ALL_WELL)
            if app.config_problem:
                metadata["configuration"] = dg.MetadataValue.text(
                    f"not accepted, the last good one rules: {app.config_problem}"
                )
            metadata |= plottable(
                {
                    "down": counts["down"],
                    "degraded": counts["degraded"],
                    "unknown": counts["unknown"],
                    "in maintenance": counts["maintenance"],
                    "off season": counts["off_season"],
                    "up": counts["up"],
                    "checked": len(tick.observations),
                    "tick (s)": tick.duration_s,
                    "Dagster events": events,
                    "sources waiting": waiting,
                }
            )
        context.add_asset_metadata(metadata)  # returned with the result, it would be in two events
        return dg.MaterializeResult(check_results=[_no_degraded(key, health)])

    return fleet


def _no_degraded(key: dg.AssetKey, health: FleetHealth) -> dg.AssetCheckResult:
    bad = [row for row in health.rows if row.unhealthy]
    described = [f"{row.source} {row.shown}: {row.why}" for row in bad[:10]]
    if len(bad) > 10:
        described.append(f"{len(bad) - 10} more")
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=NO_DEGRADED,
        passed=not bad,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(described) or f"all {len(health.rows)} sources are up, in maintenance or off season",
        metadata=plottable({"unhealthy": len(bad)}),
    )
