"""Which channels there are: ours, one visible line each, and those of third parties by entry point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from busta_health_dagster.channels import mail, pagerduty, slack, stream, webhook
from busta_health_dagster.channels.port import ChannelType
from busta_health_dagster.domain.errors import PluginError

if TYPE_CHECKING:
    from pydantic import BaseModel

GROUP = "busta_health.channels"

BUILT_IN: Mapping[str, ChannelType] = {
    "email": mail.CHANNEL,
    "slack": slack.CHANNEL,
    "webhook": webhook.CHANNEL,
    "pagerduty": pagerduty.CHANNEL,
    "console": stream.CONSOLE,
    "file": stream.FILE,
}


@dataclass(frozen=True, slots=True)
class ChannelRegistry:
    """`types` by kind. `broken` are plug-ins that failed to load, with the reason; only their own channels suffer."""

    types: Mapping[str, ChannelType]
    broken: Mapping[str, str]

    def models(self) -> Mapping[str, type[BaseModel]]:
        """The configuration model of each kind, for settings."""
        return {kind: channel.config for kind, channel in self.types.items()}

    def get(self, kind: str) -> ChannelType:
        """The channel type of a kind.

        Raises:
            PluginError: no such kind, or its plug-in failed to load.
        """
        if kind in self.broken:
            raise PluginError(f"channel kind {kind!r} cannot be used: {self.broken[kind]}")
        if kind not in self.types:
            raise PluginError(f"there is no channel kind {kind!r}; there are {', '.join(sorted(self.types))}")
        return self.types[kind]


def load(plugins: Iterable[EntryPoint] | None = None) -> ChannelRegistry:
    """Ours and every entry point of the group. A plug-in may not take the name of one of ours."""
    types, broken = dict(BUILT_IN), {}
    for point in entry_points(group=GROUP) if plugins is None else plugins:
        try:
            found = point.load()
        except Exception as why:  # noqa: BLE001  whatever a stranger's import does, ours go on
            broken[point.name] = f"plug-in {point.value} failed to load: {type(why).__name__}: {why}"
            continue
        if point.name in BUILT_IN:
            broken[point.value] = f"plug-in {point.value} wants the name {point.name!r}, which is ours; give it another"
        elif not isinstance(found, ChannelType):
            broken[point.name] = f"plug-in {point.value} is a {type(found).__name__}, not a channels.port.ChannelType"
        else:
            types[point.name] = replace(found, kind=point.name, third_party=True)
    return ChannelRegistry(types, broken)
