"""Our checks on an asset of yours, in code. What stands in sources.yaml as `asset:` needs none of it.

Annotations are real objects here: Dagster reads them.
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import dagster as dg

from busta_health_dagster.domain.errors import BadInput, UnknownName
from busta_health_dagster.domain.verdict import CheckVerdict, Outcome

if TYPE_CHECKING:
    from busta_health_dagster.defs.resources import Monitor


def health_checks(source: str, *, asset: str, blocking: Sequence[str] = ("usable",)) -> list[dg.AssetChecksDefinition]:
    """The checks of a source on an asset of yours, such as `odds/raw`: they run with it and read what the monitor knows. Those in
    `blocking` stop what is downstream within a run; each is a definition of its own, because a blocking check among others
    stops them half way.

    Where the monitor's ticks are to report to that asset as well, write `asset: odds/raw` to the source in sources.yaml
    instead.

    Raises:
        UnknownName: no source of that name.
        BadInput: a check that the source does not have, or no asset key.
    """
    from busta_health_dagster.defs.build import read_config
    from busta_health_dagster.defs.catalog import usable_spec
    from busta_health_dagster.defs.sources import specs_of

    config = read_config()
    if not isinstance(source, str):
        raise BadInput(
            f"health_checks: {source!r} is no name of a source; write health_checks('odds_api', asset='odds/raw')."
        )
    if source not in config.sources:
        near = difflib.get_close_matches(source, config.sources, n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else "Names: busta sources list"
        raise UnknownName(f"health_checks: no source is called {source!r}. {hint}")
    if isinstance(blocking, str):
        raise BadInput(f"health_checks of {source}: blocking is a list of checks: blocking=[{blocking!r}].")
    if not isinstance(asset, str) or not all(asset.split("/")):
        raise BadInput(f"health_checks of {source}: {asset!r} is no asset key; write asset='odds/raw'.")
    found = replace(config.sources[source], asset=asset)
    every = [*specs_of([found], config), usable_spec(found)]
    specs = {spec.name: spec._replace(blocking=False) for spec in every}
    unknown = [name for name in blocking if name not in specs]
    if unknown:
        raise BadInput(f"health_checks of {source}: it has no check {unknown[0]!r}; it has {', '.join(specs)}.")
    together = [spec for name, spec in specs.items() if name not in blocking]
    alone = [spec._replace(blocking=True) for name, spec in specs.items() if name in blocking]
    definitions = [_definition(source, f"{source}_{spec.name}", [spec]) for spec in alone]
    return [*definitions, _definition(source, f"{source}_checks", together)] if together else definitions


def _definition(source: str, name: str, specs: Sequence[dg.AssetCheckSpec]) -> dg.AssetChecksDefinition:
    blocking = {spec.name for spec in specs if spec.blocking}

    @dg.multi_asset_check(name=name, specs=specs, can_subset=True, required_resource_keys={"busta"})
    def stored(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        from busta_health_dagster.defs.metadata import check_result, decided
        from busta_health_dagster.pipeline.alerting.asset_checks import stored_checks

        monitor: Monitor = context.resources.busta
        with monitor.open() as app:
            verdicts = stored_checks(app, [source]).get(source, {})
        for check in sorted(context.op_execution_context.selected_asset_check_keys):
            verdict = verdicts.get(check.name) or CheckVerdict(check.name, Outcome.UNKNOWN, "WARN", "not observed yet")
            if check.name in blocking:
                # Within a run only an ERROR stops what is downstream, and a check that says nothing stops it not: a window
                # silences people, not the gate, and what no one can tell is not healthy.
                yield check_result(check.asset_key, replace(verdict, severity="ERROR"))
            elif decided(verdict):
                yield check_result(check.asset_key, verdict)

    return stored
