"""Real edges from our sources to your assets."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import dagster as dg

from busta_health_dagster.domain.dependencies import built_in_a_circle
from busta_health_dagster.domain.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def with_sources(defs: dg.Definitions) -> dg.Definitions:
    """Your definitions, with the sources that name an asset of yours in `feeds` as its dependencies. Lineage, automation
    conditions (`all_deps_blocking_checks_passed`) and "what does it hit" read them.

    Reads the configuration that BUSTA_CONFIG_DIR names; call it after `build_defs(config_dir=...)`.

    Raises:
        BadInput: an asset of yours has the key of one of ours, is one to which Dagster can add no dependency, depends on a
            key that a source does not have here, or would be built from itself.
    """
    from busta_health_dagster.defs.build import read_config
    from busta_health_dagster.defs.keys import asset_key, own_keys

    if not isinstance(defs, dg.Definitions):
        raise BadInput(
            f"with_sources: {defs!r} is no dg.Definitions; write with_sources(dg.Definitions(assets=[...]))."
        )
    config = read_config()
    around = built_in_a_circle(config.sources.values())
    if around:
        raise BadInput(
            f"An asset would be built from itself, by `asset` and `feeds` of sources.yaml: {' -> '.join(around)}. "
            "`busta config doctor` names the line."
        )
    feeding: dict[dg.AssetKey, list[dg.AssetKey]] = {}
    for source in config.sources.values():
        for fed in source.feeds:
            feeding.setdefault(dg.AssetKey(fed.split("/")), []).append(asset_key(source))
    assets = list(defs.assets or ())
    _refuse_equal_keys(assets, own_keys(config))
    _refuse_old_keys(assets, {source.name: asset_key(source) for source in config.sources.values()})
    return dg.Definitions(
        assets=[cast("dg.AssetsDefinition", _fed(asset, feeding)) for asset in assets],
        schedules=defs.schedules,
        sensors=defs.sensors,
        jobs=defs.jobs,
        resources=defs.resources,
        executor=defs.executor,
        loggers=defs.loggers,
        asset_checks=defs.asset_checks,
        metadata=defs.metadata,
        component_tree=defs.component_tree,
    )


def _keys_of(asset: object) -> Iterable[dg.AssetKey]:
    if isinstance(asset, dg.AssetsDefinition):
        return asset.keys
    return [asset.key] if isinstance(asset, dg.AssetSpec | dg.SourceAsset) else []


def _refuse_equal_keys(assets: Sequence[object], ours: frozenset[dg.AssetKey]) -> None:
    equal = sorted(key.to_user_string() for asset in assets for key in _keys_of(asset) if key in ours)
    if equal:
        raise BadInput(
            f"Your asset {equal[0]} has the key of one of ours, and Dagster merges no two assets of one key. Give ours a prefix: "
            "build_defs(key_prefix='monitor'), or rename yours."
        )


def _refuse_old_keys(assets: Sequence[object], keys: Mapping[str, dg.AssetKey]) -> None:
    """A dependency on `sources/odds_api` where that source has another key leads nowhere, and nothing would ever be built."""
    plain = {dg.AssetKey(["sources", name]): key for name, key in keys.items()}
    defined = {key for asset in assets for key in _keys_of(asset)}
    for asset in assets:
        wanted = asset.dependency_keys if isinstance(asset, dg.AssetsDefinition) else ()
        for old in sorted(key for key in wanted if plain.get(key, key) != key and key not in defined):
            new = plain[old]
            raise BadInput(
                f"Your asset {next(iter(_keys_of(asset))).to_user_string()} depends on {old.to_user_string()}, which is "
                f"{new.to_user_string()} here (`key_prefix`, or `asset:` of the source). Depend on that, or let `feeds` do it."
            )


def _fed(asset: object, feeding: Mapping[dg.AssetKey, Sequence[dg.AssetKey]]) -> object:
    added = {key: feeding[key] for key in _keys_of(asset) if key in feeding}
    if not added:
        return asset
    if isinstance(asset, dg.AssetSpec):
        return _with_deps(asset, added)
    if not isinstance(asset, dg.AssetsDefinition):
        raise BadInput(f"feeds: {_named(added)} is a SourceAsset, which has no dependencies; make it an AssetSpec.")
    specs = [_with_deps(spec, added) for spec in asset.specs]
    attributes = {**asset.get_attributes_dict(), "specs": specs}
    if asset.is_executable:
        if not isinstance(asset.node_def, dg.OpDefinition):
            raise BadInput(
                f"feeds: {_named(added)} is built by a graph, to which Dagster adds no dependency; name the source in its "
                "own `ins`, or take it out of `feeds`."
            )
        attributes["node_def"] = _op_with_inputs(asset, asset.node_def, added)
    rebuilt: dg.AssetsDefinition = asset.__class__.dagster_internal_init(**attributes)
    return rebuilt


def _with_deps(spec: dg.AssetSpec, added: Mapping[dg.AssetKey, Sequence[dg.AssetKey]]) -> dg.AssetSpec:
    known = {dep.asset_key for dep in spec.deps}
    new = [dg.AssetDep(key) for key in added.get(spec.key, ()) if key not in known]
    return spec.replace_attributes(deps=[*spec.deps, *new]) if new else spec


def _op_with_inputs(
    asset: dg.AssetsDefinition, op: dg.OpDefinition, added: Mapping[dg.AssetKey, Sequence[dg.AssetKey]]
) -> dg.OpDefinition:
    """Dagster 1.13.27's own `map_asset_specs` turns the arguments of an asset into mere dependencies when one is added: this
    adds inputs and touches none.
    """
    from dagster._core.definitions.assets.definition.assets_definition import stringify_asset_key_to_input_name

    known = set(asset.node_keys_by_input_name.values())
    new = {key for keys in added.values() for key in keys} - known
    inputs = {stringify_asset_key_to_input_name(key): dg.In(dagster_type=dg.Nothing) for key in sorted(new)}
    widened: dg.OpDefinition = op.with_replaced_properties(name=op.name, ins={**op.input_dict, **inputs})  # type: ignore[dict-item]
    return widened


def _named(added: Mapping[dg.AssetKey, object]) -> str:
    return ", ".join(sorted(key.to_user_string() for key in added))
