"""The asset keys that are ours, and no one else's: `reports/pnl` of a project that we are merged into is theirs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.settings import Config

PREFIX_VARIABLE = "BUSTA_KEY_PREFIX"
"""What stands before all of our keys, with / between its parts. `integration.build_defs` sets it, in every process that loads
the code location.
"""


def own_key(*parts: str) -> dg.AssetKey:
    """A key of ours, with the prefix."""
    prefix = os.environ.get(PREFIX_VARIABLE, "")
    return dg.AssetKey([*(part for part in prefix.split("/") if part), *parts])


def source_key(name: str) -> dg.AssetKey:
    return own_key("sources", name)


def quality_key(name: str) -> dg.AssetKey:
    return own_key("quality", name)


def baseline_key(type_: str) -> dg.AssetKey:
    return own_key("baselines", type_)


def asset_key(source: Source) -> dg.AssetKey:
    """Where its checks stand: on the asset of yours that it names, else on its own."""
    return source_key(source.name) if source.asset is None else dg.AssetKey(source.asset.split("/"))


def own_keys(config: Config, removed: Iterable[str] = ()) -> frozenset[dg.AssetKey]:
    """The keys of everything that we define, and those of sources that were `removed`. An asset of yours that a source stands
    on is not ours.
    """
    fleet_wide = [
        *(("health", name) for name in ("fleet", "open_alerts", "maintenance", "sla")),
        *(("trends", subject) for subject in ("quality", "response")),
        ("reports", "weekly"),
    ]
    types = {type_part(source.type) for source in config.sources.values()}
    return frozenset(
        [own_key(*parts) for parts in fleet_wide]
        + [baseline_key(type_) for type_ in types]
        + [key(name) for name in {*config.sources, *removed} for key in (source_key, quality_key)]
    )


def type_part(type_: str) -> str:
    """A type of source as a part of a key."""
    from busta_health_dagster.defs.catalog import tag_value

    return tag_value(type_).replace("-", "_").replace(".", "_")
