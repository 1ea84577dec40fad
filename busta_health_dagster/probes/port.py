"""The port that every probe implements, ours and third parties': source in, ProbeResult out.

A probe is one async function, `probe(source, config, context) -> ProbeResult`, and the pydantic model of its
configuration. It may raise `Failed` to end early with a verdict; `MissingSecret` makes the source unknown with the
remedy; a TimeoutError is `down (timeout)`; anything else is a bug of the probe and makes its own source unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from busta_health_dagster.domain import observation_limits
from busta_health_dagster.domain.observation import ProbeResult, Status
from busta_health_dagster.domain.source import CONFIRM_DELAYS_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pydantic import BaseModel

    from busta_health_dagster.domain.collected import Collected
    from busta_health_dagster.domain.fields import SecretRef
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.probes.dial import Resolver
    from busta_health_dagster.probes.fetch import Http
    from busta_health_dagster.probes.threads import Threads

REASONS: Mapping[str, str] = {
    "ok": "everything that was asked for is there",
    "timeout": "no complete answer within the source's timeout",
    "dns": "the name does not resolve, or the answer lacks what is expected",
    "connect": "nothing accepts the connection",
    "tls": "the certificate is expired, for another name, or not trusted; or the handshake failed",
    "certificate": "the certificate is about to expire (degraded)",
    "reset": "the connection was closed before the answer was complete",
    "protocol": "what came back is not HTTP",
    "http_status": "the status code is not one of the expected ones",
    "rate_limited": "429: the source asks us to slow down (degraded); until its Retry-After is over we do not ask (unknown)",
    "payload": "the payload cannot be read, or breaks off",
    "shape": "the document has no such place as the items should be at, or no list there (degraded)",
    "age_unknown": "how old the data are is asked for and is unknown (degraded)",
    "metric_unreadable": "a metric of the source's own cannot be read (degraded)",
    "assertion": "the payload can be read and is not what is expected",
    "too_large": "the payload is larger than the cap on decoded bytes",
    "redirects": "a redirect loop, too many redirects, or one that must not be followed",
    "address_refused": "a private, link-local or metadata address, without allow_private",
    "missing": "there is no such file",
    "query": "the database refused the statement",
    "collect": "the platform's data source raised while collecting",
    "authentication": "the platform's authentication check failed, or no OAuth 2 token was given",
    "silent": "no beat within the interval and its grace",
    "reported": "the beat itself says that the pipeline failed",
    "not_beaten": "no beat has ever arrived",
    "missing_secret": "a key, password or URL is not in the environment or its file",
    "dependency": "a package or a module that the probe needs cannot be imported",
    "plugin": "a third party's probe failed to load, raised, blocked or returned nonsense",
    "probe_error": "the probe itself broke, or cannot be used as configured",
    "network": "our own network is out: the control endpoints failed too",
    "overloaded": "a timeout while our own loop stood still: our fault, not the source's",
    "not_probed": "the tick ran out of time before this source's turn",
}
"""Every reason code that an observation may carry, with its meaning. docs/probes.md is checked against it."""


class Failed(Exception):
    """Ends an attempt with a verdict. `detail` is one sentence for people; never a secret or a query string."""

    def __init__(self, reason: str, detail: str, *, status: Status = Status.DOWN, **fields: Any) -> None:
        super().__init__(f"{reason}: {detail}")
        self.result = ProbeResult(status=status, reason=reason, detail=detail, **fields)


class Finding(NamedTuple):
    """Something wrong that does not end the observation: `error` makes the source down, `warning` degraded."""

    severity: str
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ProbeLimits:
    """Bounds of every observation. Bytes count decoded; a source's own `concurrency`, `max_bytes` ... come before these."""

    concurrency: int = observation_limits.CHECKS_AT_ONCE
    max_bytes: int = observation_limits.BODY_BYTES
    memory_bytes: int = observation_limits.MEMORY_BYTES
    sample_rows: int = observation_limits.SAMPLE_ROWS
    sample_bytes: int = observation_limits.SAMPLE_BYTES
    confirm_delays_s: tuple[float, ...] = CONFIRM_DELAYS_S
    lag_s: float = observation_limits.LOOP_LAG_S
    plugin_grace_s: float = 0.5  # beyond its deadline, before a plug-in counts as blocking
    stuck_threads: int = 64  # in all; threads that never came back


class Heartbeat(Protocol):
    """The newest call of a pushed source, at epoch `at`. `ok` False: the pipeline says itself that it failed."""

    @property
    def at(self) -> int: ...
    @property
    def ok(self) -> bool: ...
    @property
    def items(self) -> int | None: ...
    @property
    def message(self) -> str: ...


class PlatformBridge(Protocol):
    """How the `framework` probe reaches the platform's classes; `framework.Bridge` implements it. Calls block."""

    def collect(self, source: str, arguments: Mapping[str, Any]) -> Collected:
        """Build the data source at a dotted path and collect. Raises PluginError when it cannot be imported or is not
        one.
        """
        ...

    def collect_registered(self, registry: str, name: str, arguments: Mapping[str, Any]) -> Collected:
        """The same for one entry of a registry."""
        ...

    def registered(self, registry: str) -> Sequence[str]:
        """The names in a registry, in its order."""
        ...

    def check(self, validator: str) -> Mapping[str, bool | None]:
        """`connection` and `authentication` as the platform's validator sees them; None: it has no such check."""
        ...


@dataclass(frozen=True, slots=True)
class ProbeContext:
    """What a probe may use. `now` is epoch seconds; `deadline` is on the running loop's clock."""

    now: float
    deadline: float
    limits: ProbeLimits
    secret: Callable[[SecretRef], str]
    http: Http
    resolver: Resolver
    threads: Threads
    heartbeats: Callable[[str], Heartbeat | None]
    platform: PlatformBridge | None = None


@dataclass(frozen=True, slots=True)
class ProbeType:
    """A way of looking. Third parties publish one under the entry point group `busta_health.probes`; its name is the
    kind.

    `host` names what the limit per host counts. `concurrency` (per source type) and `concurrency_per_host` are
    defaults. `confirms`: a failure is worth checking again within seconds. `remote`: a failure may be our own
    network's. `prepare` (built-in kinds only: it runs in our own thread) imports what looks with such a configuration
    will need, before any observation begins, where it delays no one's answer.
    """

    kind: str
    config: type[BaseModel]
    probe: Callable[[Source, Any, ProbeContext], Awaitable[ProbeResult]]
    host: Callable[[Any], str | None] | None = None
    concurrency: int | None = None
    concurrency_per_host: int | None = None
    confirms: bool = True
    remote: Callable[[Any], bool] = field(default=lambda _config: True)
    prepare: Callable[[Any], None] | None = None
    third_party: bool = False
