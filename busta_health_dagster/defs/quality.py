"""`quality/<name>`: materializing one scores that source now. The hourly job scores what is due. A materialization is a new
score: NO DATA is an observation with its reason.

Great Expectations costs 6-8 CPU seconds to import: the run's own process pays that once, the code location never.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import dagster as dg

from busta_health_dagster.defs.keys import asset_key, quality_key
from busta_health_dagster.defs.metadata import check_result, plottable, texts
from busta_health_dagster.defs.quality_checks import decidable_dimensions, dimension_specs, report_changes, verdicts_of
from busta_health_dagster.defs.resources import Monitor
from busta_health_dagster.domain.quality import Dimension
from busta_health_dagster.domain.source import Source
from busta_health_dagster.domain.verdict import CheckVerdict
from busta_health_dagster.settings.instance import JOB_TAG
from busta_health_dagster.wording.numbers import score as score_text

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.pipeline.quality.scoring import Outcome
    from busta_health_dagster.settings import Config

SHARD = 100
SCHEDULED = "dagster/schedule_name"
JOB = "quality_hourly"


def scored_sources(config: "Config") -> list[Source]:
    return [s for s in config.sources.values() if s.quality is not None]


def quality_assets(config: "Config") -> list[dg.AssetsDefinition]:
    """One multi-asset per 100 scored sources, in the order of the configuration."""
    rest = iter(scored_sources(config))
    shards = iter(lambda: list(islice(rest, SHARD)), [])
    dimensions = decidable_dimensions(config, scored_sources(config))
    return [_shard(number, shard, dimensions) for number, shard in enumerate(shards)]


def _spec(source: Source) -> dg.AssetSpec:
    spec = source.quality
    assert spec is not None
    evaluated_by = spec.evaluated_by
    return dg.AssetSpec(
        key=quality_key(source.name),
        deps=[asset_key(source)],
        group_name=source.group,
        description=f"Quality score (0-100) of what {source.name} delivers, evaluated by {evaluated_by or 'nothing yet'}. "
        "Materializing it scores the newest sample now.",
        tags={"health/quality": "true", "health/tier": str(source.tier)},
        owners=list(source.owners),
        kinds={"greatexpectations"} if spec.suite else {"python"},
        metadata={"suite": evaluated_by, "config": source.where},
        skippable=True,
    )


def _shard(
    number: int, sources: Sequence[Source], dimensions: Mapping[str, Sequence[Dimension]]
) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"score_sources_{number}",
        specs=[_spec(source) for source in sources],
        check_specs=dimension_specs({source.name: dimensions[source.name] for source in sources}),
        can_subset=True,
        op_tags={"busta/what": "score now"},
    )
    def score_sources(
        context: dg.AssetExecutionContext, busta: Monitor
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        from busta_health_dagster.pipeline.quality.quality_pass import run_quality

        wanted = context.op_execution_context.selected_asset_keys
        asked = context.op_execution_context.selected_asset_check_keys
        scored = {*wanted, *(check.asset_key for check in asked)}
        names = [s.name for s in sources if quality_key(s.name) in scored]
        unasked: dict[dg.AssetCheckKey, CheckVerdict] = {}
        with busta.open() as app:
            # A schedule scores what is due; a person who materializes wants it now.
            run = run_quality(app, names, force=SCHEDULED not in context.run.tags)
            for name, reason in run.skipped.items():
                context.log.info("%s: %s", name, reason)
            for outcome in run.outcomes:
                key, metadata = quality_key(outcome.scored.source), score_metadata(app, outcome)
                verdicts = verdicts_of(outcome.scored.score, dimensions[outcome.scored.source])
                by_check = {dg.AssetCheckKey(key, verdict.name): verdict for verdict in verdicts}
                unasked |= {check: verdict for check, verdict in by_check.items() if check not in asked}
                results = [check_result(key, verdict) for check, verdict in by_check.items() if check in asked]
                if not outcome.scored.score.no_data and key in wanted:
                    yield dg.MaterializeResult(asset_key=key, metadata=metadata, check_results=results)
                    continue
                yield from results
                if not outcome.scored.score.no_data:
                    continue
                log = context.log.error if outcome.broken else context.log.warning
                log("%s: no data: %s", outcome.scored.source, outcome.scored.score.reason)
                context.log_event(dg.AssetObservation(asset_key=key, metadata=metadata))
            report_changes(context.instance, app.now(), unasked)

    return score_sources


def score_metadata(app: "App", outcome: "Outcome") -> dict[str, dg.MetadataValue]:
    """Floats that plot, and why the score is what it is. NO_DATA has no number at all."""
    from busta_health_dagster.pipeline.quality.quality_page import page_path, page_url

    scored, verdict = outcome.scored, outcome.scored.score
    values: dict[str, float | None] = {"score": verdict.score, "score, uncapped": verdict.raw}
    values |= {d.value: verdict.dimensions.get(d) for d in Dimension}
    if not verdict.no_data:
        values |= {"half width": verdict.half_width, "coverage (%)": verdict.coverage, "rows": verdict.rows}
    words = {
        "result": f"no data: {verdict.reason}" if verdict.no_data else score_text(verdict.score),
        "suite": scored.suite,
        "capped": "; ".join(f"{c.limit}: {c.check}: {c.reason}" for c in verdict.caps[:5]),
        "notes": "; ".join(verdict.notes),
    }
    metadata = texts(words)
    metadata["report"] = dg.MetadataValue.url(page_url(app, scored.source))
    metadata["report file"] = dg.MetadataValue.path(page_path(app, scored.source))
    return metadata | plottable(values)


def quality_cron(config: "Config") -> str:
    """Hourly, a minute after a tick has stored its samples; more often where a source is scored more often."""
    shortest = min((s.quality.every_s for s in scored_sources(config) if s.quality), default=3600)
    minutes = max(5, shortest // 60)
    return "6 * * * *" if minutes >= 60 else f"1-59/{minutes} * * * *"


def quality_job(config: "Config") -> tuple[list["UnresolvedAssetJobDefinition"], list[dg.ScheduleDefinition]]:
    """Nothing where no source is scored: a job without assets is an error."""
    if not scored_sources(config):
        return [], []
    job = dg.define_asset_job(
        JOB,
        # Without their checks: Dagster would plan an event for each of them, whether or not it is evaluated.
        selection=dg.AssetSelection.assets(*(quality_key(s.name) for s in scored_sources(config))).without_checks(),
        description="Scores what is due, in one process that imports Great Expectations once.",
        tags={JOB_TAG: JOB},
        executor_def=dg.in_process_executor,
    )
    schedule = dg.ScheduleDefinition(
        name=JOB,
        job=job,
        cron_schedule=quality_cron(config),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Scores what is due.",
    )
    return [job], [schedule]
