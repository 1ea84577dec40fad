"""Which channels there are: ours, one visible line each, and those of third parties by entry point."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from busta_health_dagster.channels import (
    apprise,
    discord,
    googlechat,
    mail,
    ntfy,
    opsgenie,
    pagerduty,
    slack,
    sms,
    stream,
    teams,
    telegram,
    webhook,
)
from busta_health_dagster.channels.port import IN_PLACE, ChannelType
from busta_health_dagster.domain import plugins
from busta_health_dagster.domain.delivery import Rejected
from busta_health_dagster.domain.plugins import Unloaded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.metadata import EntryPoint

    from busta_health_dagster.channels.port import ChannelContext
    from busta_health_dagster.domain.delivery import Delivery, Outcome
    from busta_health_dagster.domain.plugins import PluginProblem, Registry

GROUP = "busta_health.channels"

BUILT_IN: Mapping[str, ChannelType] = {
    "email": mail.CHANNEL,
    "slack": slack.CHANNEL,
    "webhook": webhook.CHANNEL,
    "pagerduty": pagerduty.CHANNEL,
    "opsgenie": opsgenie.CHANNEL,
    "teams": teams.CHANNEL,
    "discord": discord.CHANNEL,
    "telegram": telegram.CHANNEL,
    "googlechat": googlechat.CHANNEL,
    "ntfy": ntfy.CHANNEL,
    "sms": sms.CHANNEL,
    "apprise": apprise.CHANNEL,
    "console": stream.CONSOLE,
    "file": stream.FILE,
}


def load(points: Iterable[EntryPoint] | None = None) -> Registry[ChannelType]:
    """Every kind there is. `points` stands in for the installed entry points."""
    return plugins.load(GROUP, BUILT_IN, ChannelType, _adopted, _unloaded, points)


def _adopted(found: ChannelType, name: str) -> ChannelType:
    return replace(found, kind=name, third_party=True)


def _unloaded(kind: str, problem: PluginProblem) -> ChannelType:
    """A channel whose every delivery is rejected, with the reason why the plug-in is not there: the fallback is notified."""

    def send(delivery: Delivery, config: Any, context: ChannelContext) -> Outcome:
        del delivery, config, context
        remedy = f"{problem.remedy.capitalize()}, then: busta alerts outbox --retry"
        return Rejected(f"the plug-in {kind!r} ({problem.module}) cannot be used: {problem.why}", remedy)

    return ChannelType(kind, Unloaded, send, events=IN_PLACE)
