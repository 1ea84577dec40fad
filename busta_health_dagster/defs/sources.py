"""`sources/<name>`: materializing one checks that source now. Built in shards: one giant definition is quadratic in
Dagster.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import dagster as dg

from busta_health_dagster.defs.catalog import check_specs, source_spec, usable_spec
from busta_health_dagster.defs.keys import asset_key
from busta_health_dagster.defs.metadata import check_result, decided, state_metadata
from busta_health_dagster.defs.resources import Monitor
from busta_health_dagster.domain.source import Source
from busta_health_dagster.engines.data_version import data_version
from busta_health_dagster.engines.rules import limits_for
from busta_health_dagster.pipeline.anomaly.fleet_detector import watched_by
from busta_health_dagster.settings import Config

SHARD = 100


def source_assets(config: Config) -> list[dg.AssetsDefinition]:
    """One multi-asset per 100 sources, in the order of the configuration; the checks of a source that stands on an asset
    of yours by themselves; and the gates.
    """
    own = [s for s in config.sources.values() if s.asset is None]
    attached = [s for s in config.sources.values() if s.asset is not None]
    return [
        *(_shard(number, shard, config) for number, shard in enumerate(_shards(own))),
        *(_attached_shard(number, shard, config) for number, shard in enumerate(_shards(attached))),
        *(usable_checks(f"usable_{n}", shard) for n, shard in enumerate(_shards(list(config.sources.values())))),
    ]


def _shards(sources: Sequence[Source]) -> Iterator[list[Source]]:
    rest = iter(sources)
    return iter(lambda: list(islice(rest, SHARD)), [])


def specs_of(sources: Sequence[Source], config: Config) -> list[dg.AssetCheckSpec]:
    """The checks of these sources, without `usable`."""
    watched = watched_by(sources, config.rules)
    return [spec for s in sources for spec in check_specs(s, limits_for(s, config.rules), watched.get(s.name))]


def _shard(number: int, sources: Sequence[Source], config: Config) -> dg.AssetsDefinition:
    by_key = {asset_key(source): source.name for source in sources}

    @dg.multi_asset(
        name=f"check_sources_{number}",
        specs=[source_spec(source, config) for source in sources],
        check_specs=specs_of(sources, config),
        can_subset=True,
        op_tags={"busta/what": "check now"},
    )
    def check_sources(
        context: dg.AssetExecutionContext, busta: Monitor
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        from busta_health_dagster.pipeline.tick.manual_check import checked

        wanted = context.op_execution_context.selected_asset_keys
        asked = context.op_execution_context.selected_asset_check_keys
        names = sorted({by_key[key] for key in {*wanted, *(check.asset_key for check in asked)}})
        with busta.open() as app:
            _, verdicts = checked(app, names)
            with app.store.read() as uow:
                states = uow.states.of(names)
        for key, name in by_key.items():
            if name not in states:
                continue
            results = [
                check_result(key, v)
                for v in verdicts[name].values()
                if decided(v) and dg.AssetCheckKey(key, v.name) in asked
            ]
            if key in wanted:
                version = data_version(states[name])
                yield dg.MaterializeResult(
                    asset_key=key,
                    metadata=state_metadata(states[name]),
                    check_results=results,
                    data_version=None if version is None else dg.DataVersion(version),
                )
            else:
                yield from results

    return check_sources


def _attached_shard(number: int, sources: Sequence[Source], config: Config) -> dg.AssetsDefinition:
    return checks_now(f"check_attached_{number}", sources, specs_of(sources, config))


def checks_now(name: str, sources: Sequence[Source], specs: Sequence[dg.AssetCheckSpec]) -> dg.AssetChecksDefinition:
    """Checks on assets of yours: executing them checks their sources now."""
    by_key = {asset_key(source): source.name for source in sources}

    @dg.multi_asset_check(name=name, specs=specs, can_subset=True, op_tags={"busta/what": "check now"})
    def check_attached(context: dg.AssetCheckExecutionContext, busta: Monitor) -> Iterator[dg.AssetCheckResult]:
        from busta_health_dagster.pipeline.tick.manual_check import checked

        asked = context.op_execution_context.selected_asset_check_keys
        names = sorted({by_key[check.asset_key] for check in asked})
        with busta.open() as app:
            _, verdicts = checked(app, names)
        for check in sorted(asked):
            verdict = verdicts[by_key[check.asset_key]].get(check.name)
            if verdict is not None and decided(verdict):
                yield check_result(check.asset_key, verdict)

    return check_attached


def usable_checks(name: str, sources: Sequence[Source]) -> dg.AssetChecksDefinition:
    """The gates of these sources: executing them reads the store and probes nothing. Never softened by maintenance: within
    a run only an ERROR stops what is downstream.
    """
    by_key = {asset_key(source): source.name for source in sources}

    @dg.multi_asset_check(name=name, specs=[usable_spec(source) for source in sources], can_subset=True)
    def usable(context: dg.AssetCheckExecutionContext, busta: Monitor) -> Iterator[dg.AssetCheckResult]:
        from busta_health_dagster.pipeline.gate.verdicts import ask, usable_check

        asked = sorted(context.op_execution_context.selected_asset_check_keys)
        with busta.open() as app:
            answer = ask(app, [by_key[check.asset_key] for check in asked])
        verdicts = {verdict.source: verdict for verdict in answer.verdicts}
        for check in asked:
            yield check_result(check.asset_key, usable_check(verdicts[by_key[check.asset_key]]))

    return usable
