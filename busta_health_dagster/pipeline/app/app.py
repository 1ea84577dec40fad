"""The wired application, as the use cases see it. Built by `bootstrap`, the only place that chooses implementations."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from busta_health_dagster.channels.port import ChannelContext, ChannelType
    from busta_health_dagster.domain.clock import Clock
    from busta_health_dagster.domain.plugins import Registry
    from busta_health_dagster.engines.alerting.compiled_rules import CompiledRules
    from busta_health_dagster.pipeline.app.heartbeat_cache import HeartbeatCache
    from busta_health_dagster.probes.prober import Prober
    from busta_health_dagster.settings import Config, Secrets
    from busta_health_dagster.settings.home import Home
    from busta_health_dagster.store import Store


@dataclass(frozen=True, slots=True)
class Channels:
    """The kinds of channel there are, and what an attempt may use, given its time limit in seconds."""

    registry: Registry[ChannelType]
    context: Callable[[float], ChannelContext]


@dataclass(frozen=True)
class App:
    """Configuration, store and clock, and the prober once someone asks for it (it costs the import of aiohttp).

    `config_problem` is the text of a newer configuration that was not accepted: the last good one rules meanwhile.
    `drill`: nothing that happens here is real, and every message says so.
    """

    home: Home
    config: Config
    store: Store
    secrets: Secrets
    clock: Clock
    make_prober: Callable[[App], Prober]
    config_problem: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    make_channels: Callable[[App], Channels] | None = None
    make_rulebook: Callable[[App], CompiledRules] | None = None
    drill: bool = False

    @cached_property
    def channels(self) -> Channels:
        assert self.make_channels is not None, "this application was opened without channels"
        return self.make_channels(self)

    @cached_property
    def heartbeats(self) -> HeartbeatCache:
        from busta_health_dagster.pipeline.app.heartbeat_cache import HeartbeatCache

        return HeartbeatCache(self.store)

    @cached_property
    def prober(self) -> Prober:
        return self.make_prober(self)

    @cached_property
    def rulebook(self) -> CompiledRules:
        """Every rule compiled for its sources; once per configuration."""
        assert self.make_rulebook is not None, "this application was opened without rules"
        return self.make_rulebook(self)

    def now(self) -> int:
        """Epoch seconds, UTC."""
        return int(self.clock.now())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.store.close()
