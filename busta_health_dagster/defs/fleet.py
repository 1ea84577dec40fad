"""`health/fleet`: materializing it *is* the tick. One materialization per tick, whatever the number of sources."""

from collections.abc import Sequence

import dagster as dg

from busta_health_dagster.defs.events import report_changes
from busta_health_dagster.defs.keys import own_key
from busta_health_dagster.defs.metadata import plottable
from busta_health_dagster.defs.resources import Monitor
from busta_health_dagster.defs.stopped import stopped
from busta_health_dagster.domain.health import FleetHealth

GROUP = "health_reports"
SHARD_TAG = "busta/shard"
"""Which shard of the sources a run checks, where `limits.shards` splits a tick into several runs; absent: all."""
NO_DEGRADED = "no_degraded_sources"


def fleet_asset(observed: Sequence[dg.AssetKey] = ()) -> dg.AssetsDefinition:
    """The asset whose materialization is the tick; `observed` are drawn as its upstream."""
    key = own_key("health", "fleet")

    @dg.asset(
        key=key,
        deps=observed,
        group_name=GROUP,
        description="All sources at a glance: how many are up, degraded, down and unknown, worst first. "
        "Materializing it checks every source that is due.",
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
        from busta_health_dagster.pipeline.views.fleet_report import fleet_markdown_due, note_markdown

        with busta.open(collect=False) as app:
            shard = context.run.tags.get(SHARD_TAG)
            origin = context.run.remote_job_origin
            asleep = stopped(context.instance, origin.location_name if origin is not None else None)
            read = instance_facts(context.instance, app) if shard in {None, "0"} and unread_for_long(app) else None
            tick = run_tick(app, None if shard is None else int(shard), stopped=asleep, instance=read)
            events, waiting = report_changes(context.instance, app, tick)
            health = tick.fleet
            counts = health.counts
            metadata = plottable(
                {
                    "1_down": counts["down"],
                    "2_degraded": counts["degraded"],
                    "3_unknown": counts["unknown"],
                    "4_maintenance": counts["maintenance"],
                    "5_up": counts["up"],
                    "6_checked": len(tick.observations),
                    "7_tick_seconds": tick.duration_s,
                    "8_dagster_events": events,
                    "9_sources_waiting": waiting,
                }
            )
            if app.config_problem:
                metadata["configuration"] = dg.MetadataValue.text(
                    f"not accepted, the last good one rules: {app.config_problem}"
                )
            text = fleet_markdown_due(app, health)
            if text is not None:
                metadata = {"0_fleet": dg.MetadataValue.md(text), **metadata}
                note_markdown(app, health)
        return dg.MaterializeResult(metadata=metadata, check_results=[_no_degraded(key, health)])

    return fleet


def _no_degraded(key: dg.AssetKey, health: FleetHealth) -> dg.AssetCheckResult:
    bad = [row for row in health.rows if row.unhealthy]
    described = [f"{row.source} {row.shown}: {row.detail or row.reason}" for row in bad[:10]]
    if len(bad) > 10:
        described.append(f"{len(bad) - 10} more")
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=NO_DEGRADED,
        passed=not bad,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(described) or f"all {len(health.rows)} sources are up or in maintenance",
        metadata=plottable({"unhealthy": len(bad)}),
    )
