"""Collecting through the platform's own classes; the `framework` probe calls this in a worker thread."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import date
from enum import Enum
from typing import Any

from busta_health_dagster.domain.collected import Collected
from busta_health_dagster.domain.errors import PluginError
from busta_health_dagster.framework import registry as registries
from busta_health_dagster.framework.loading import build, load, resolved
from busta_health_dagster.framework.validator import checks

_FACTS = 12


class Bridge:
    """Implements the probes' `PlatformBridge`. Every call imports, builds and collects again, and blocks."""

    def collect(self, source: str, arguments: Mapping[str, Any]) -> Collected:
        """Collect from the data source at a dotted path.

        Raises:
            PluginError: it cannot be imported or built, has no collect(), or returns no list of records.
            Exception: whatever collect() raises.
        """
        return _collected(source, build(source, load(source), dict(arguments)))

    def collect_registered(self, registry: str, name: str, arguments: Mapping[str, Any]) -> Collected:
        """The same for one entry of a registry."""
        where = f"{registry}[{name}]"
        return _collected(where, build(where, registries.entry(registry, load(registry), name), dict(arguments)))

    def registered(self, registry: str) -> list[str]:
        """The names in a registry, in its order."""
        return registries.names(registry, load(registry))

    def check(self, validator: str) -> Mapping[str, bool | None]:
        """The platform's own connection and authentication checks."""
        return checks(validator)


def _collected(path: str, source: Any) -> Collected:
    collect = getattr(source, "collect", None)
    if not callable(collect):
        raise PluginError(f"{path} has no collect(); a data source has collect() -> list of records")
    found = resolved(collect())
    if hasattr(found, "to_dict") and hasattr(found, "columns"):  # a data frame
        found = found.to_dict("records")
    if isinstance(found, str | bytes | Mapping) or not isinstance(found, Iterable):
        raise PluginError(f"{path}: collect() returned {type(found).__name__}; it must return a list of records")
    return Collected(list(found), *_about(path, source))


def _about(path: str, source: Any) -> tuple[str, dict[str, Any]]:
    about = getattr(source, "metadata", None)
    about = about() if callable(about) else about
    if about is None:
        pairs: dict[str, Any] = {}
    elif isinstance(about, Mapping):
        pairs = dict(about)
    elif dataclasses.is_dataclass(about) and not isinstance(about, type):
        pairs = {f.name: getattr(about, f.name) for f in dataclasses.fields(about)}
    else:
        pairs = {k: v for k, v in vars(about).items() if not k.startswith("_")} if hasattr(about, "__dict__") else {}
    facts = {str(k): _plain(v) for k, v in list(pairs.items())[:_FACTS] if _is_plain(v)}
    return str(pairs.get("name") or path.rpartition(":")[2]), {"metadata": facts} if facts else {}


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool | date | Enum)


def _plain(value: Any) -> Any:
    value = value.value if isinstance(value, Enum) else value
    return value if isinstance(value, str | int | float | bool) else str(value)
