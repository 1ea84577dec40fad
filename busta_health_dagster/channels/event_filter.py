"""Which events each channel is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.channels.port import ChannelType
    from busta_health_dagster.domain.policy import ChannelSpec


def event_filters(
    channels: Mapping[str, ChannelSpec], kinds: Mapping[str, ChannelType]
) -> dict[str, frozenset[str] | None]:
    """Channel -> the events it is sent: as configured, else what its kind sends by default; None is every event.

    A channel whose plug-in could not be loaded is sent every event: nothing is lost while it is broken.
    """
    found: dict[str, frozenset[str] | None] = {}
    for name, spec in channels.items():
        kind = kinds.get(spec.kind)
        if spec.events is not None:
            found[name] = frozenset(spec.events)
        else:
            found[name] = None if kind is None else frozenset(e.value for e in kind.default_events(spec.config))
    return found
