"""`sources/<name>`: materializing one checks that source now. Built in shards: one giant definition is quadratic in
Dagster.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import dagster as dg

from busta_health_dagster.defs.catalog import check_specs, source_key, source_spec
from busta_health_dagster.defs.metadata import check_result, state_metadata
from busta_health_dagster.defs.resources import Monitor
from busta_health_dagster.domain.rule import Rule
from busta_health_dagster.domain.source import Source

SHARD = 100


def source_assets(
    sources: Iterable[Source], anomaly_rules: Mapping[str, Rule] | None = None
) -> list[dg.AssetsDefinition]:
    """One multi-asset per 100 sources, in the order of the configuration. `anomaly_rules`: the sources that the detector watches."""
    rest = iter(sources)
    shards = iter(lambda: list(islice(rest, SHARD)), [])
    return [_shard(number, shard, anomaly_rules or {}) for number, shard in enumerate(shards)]


def _shard(number: int, sources: Sequence[Source], anomaly_rules: Mapping[str, Rule]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"check_sources_{number}",
        specs=[source_spec(source) for source in sources],
        check_specs=[spec for source in sources for spec in check_specs(source, anomaly_rules.get(source.name))],
        can_subset=True,
        op_tags={"busta/what": "check now"},
    )
    def check_sources(
        context: dg.AssetExecutionContext, monitor: Monitor
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        from busta_health_dagster.pipeline.tick.manual_check import checked

        wanted = context.op_execution_context.selected_asset_keys
        asked = context.op_execution_context.selected_asset_check_keys
        names = sorted({key.path[-1] for key in wanted} | {key.asset_key.path[-1] for key in asked})
        with monitor.open() as app:
            _, verdicts = checked(app, names)
            with app.store.read() as uow:
                states = uow.states.all()
        for name in names:
            key = source_key(name)
            results = [check_result(key, v) for v in verdicts[name].values() if dg.AssetCheckKey(key, v.name) in asked]
            if key in wanted:
                yield dg.MaterializeResult(asset_key=key, metadata=state_metadata(states[name]), check_results=results)
            else:
                yield from results

    return check_sources
