"""Which kinds of probe there are: ours, one visible line each, and third parties' by entry point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from pydantic import BaseModel

from busta_health_dagster.domain.errors import PluginError
from busta_health_dagster.probes.dns import DNS
from busta_health_dagster.probes.feed import FEED
from busta_health_dagster.probes.file import FILE
from busta_health_dagster.probes.framework import FRAMEWORK
from busta_health_dagster.probes.heartbeat import HEARTBEAT
from busta_health_dagster.probes.http import HTTP
from busta_health_dagster.probes.port import ProbeType
from busta_health_dagster.probes.sql import SQL
from busta_health_dagster.probes.tcp import TCP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GROUP = "busta_health.probes"
BUILT_IN: tuple[ProbeType, ...] = (
    HTTP,
    FEED,
    SQL,
    FILE,
    TCP,
    DNS,
    FRAMEWORK,
    HEARTBEAT,
)
_PLUGIN_CONCURRENCY = 20  # each look of a plug-in costs a thread


class Registry(Mapping[str, ProbeType]):
    """Kind -> probe type. `problems`: plug-ins that did not load; sources of their kind are unknown, with that text."""

    def __init__(self, types: Iterable[ProbeType], problems: Iterable[PluginError] = ()) -> None:
        self._types = {kind.kind: kind for kind in types}
        self.problems = tuple(problems)

    def __getitem__(self, kind: str) -> ProbeType:
        return self._types[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)


def registry(points: Iterable[EntryPoint] | None = None) -> Registry:
    """Every kind there is. `points` stands in for the installed entry points."""
    from busta_health_dagster.probes.plugin import unloaded

    types = {kind.kind: kind for kind in BUILT_IN}
    problems: list[PluginError] = []
    for point in sorted(entry_points(group=GROUP) if points is None else points, key=lambda p: (p.name, p.value)):
        if point.name in types:
            whose = "a built-in probe" if not types[point.name].third_party else "another plug-in"
            problems.append(
                PluginError(f"plug-in {point.value}: the kind {point.name!r} belongs to {whose}; rename it")
            )
            continue
        try:
            types[point.name] = _load(point)
        except PluginError as problem:
            problems.append(problem)
            types[point.name] = unloaded(point.name, problem)
    return Registry(types.values(), problems)


def _load(point: EntryPoint) -> ProbeType:
    remedy = "mend or uninstall the package that brings it"
    try:
        found = point.load()
    except Exception as error:
        text = str(error).splitlines()[0][:200] if str(error) else "no message"
        raise PluginError(
            f"probe {point.name!r} ({point.value}) cannot be loaded: {type(error).__name__}: {text}; {remedy}"
        ) from error
    if not isinstance(found, ProbeType):
        raise PluginError(
            f"probe {point.name!r} ({point.value}) is a {type(found).__name__}, not a ProbeType; {remedy}"
        )
    if not (isinstance(found.config, type) and issubclass(found.config, BaseModel)):
        raise PluginError(f"probe {point.name!r} ({point.value}): its config is not a pydantic model; {remedy}")
    return replace(found, kind=point.name, third_party=True, concurrency=found.concurrency or _PLUGIN_CONCURRENCY)


def config_models() -> dict[str, type[BaseModel]]:
    """Kind -> the model of its keys in sources.yaml."""
    return {kind: probe.config for kind, probe in registry().items()}
