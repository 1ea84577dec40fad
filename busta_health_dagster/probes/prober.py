"""Runs probes: within limits, confirmed, guarded against our own overload and our own network. One source never harms
another.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import MissingSecret, PluginError
from busta_health_dagster.domain.observation import Kind, Observation, ProbeResult, Status
from busta_health_dagster.probes import plugin
from busta_health_dagster.probes.concurrency import ConcurrencyLimits
from busta_health_dagster.probes.dial import TIMING, Resolver, Timing
from busta_health_dagster.probes.fetch import Http
from busta_health_dagster.probes.lag import LagMonitor
from busta_health_dagster.probes.port import Failed, ProbeContext, ProbeLimits
from busta_health_dagster.probes.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from busta_health_dagster.domain.clock import Clock
    from busta_health_dagster.domain.fields import SecretRef
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.probes.port import Heartbeat, PlatformBridge, ProbeType

_LOG = logging.getLogger(__name__)
_DETAIL_CHARS = 500


@dataclass(frozen=True, slots=True)
class _Setup:
    registry: Mapping[str, ProbeType]
    secret: Callable[[SecretRef], str]
    clock: Clock
    heartbeats: Callable[[str], Heartbeat | None]
    limits: ProbeLimits
    platform: PlatformBridge | None
    control: tuple[Source, ...]
    threads: Threads


class Prober:
    """Probes sources. One per application; `check` may be called from any event loop.

    `secret` resolves a reference (raises MissingSecret), `beats` gives the last beat of a pushed source, `control` are
    the endpoints that tell our own network's failure from everyone else's.
    """

    def __init__(
        self,
        registry: Mapping[str, ProbeType],
        *,
        secret: Callable[[SecretRef], str],
        clock: Clock,
        heartbeats: Callable[[str], Heartbeat | None],
        limits: ProbeLimits | None = None,
        platform: PlatformBridge | None = None,
        control: Sequence[Source] = (),
    ) -> None:
        bounds = limits or ProbeLimits()
        threads = Threads(bounds.stuck_threads)
        self._setup = _Setup(registry, secret, clock, heartbeats, bounds, platform, tuple(control), threads)

    async def check(
        self, asked: Iterable[tuple[Source, int]], kind: Kind = Kind.SCHEDULED, *, budget_s: float | None = None
    ) -> list[Observation]:
        """Check each (source, slot) once, confirmed; one observation each, in the order asked. Never raises for a
        source.

        `budget_s` bounds the whole call: what is being confirmed then keeps its last verdict, what had no turn is
        unknown.
        """
        pairs = list(asked)
        for source, _ in pairs:
            probe = self._setup.registry.get(source.probe)
            if probe is not None and probe.prepare is not None and not probe.third_party:
                with contextlib.suppress(
                    Exception
                ):  # the observation meets it again, and says what is missing or wrong
                    probe.prepare(source.config)
        observation = _HttpObservation(self._setup, kind)
        # Lower tiers enter the gates first; where all gates are open, they start first.
        order = sorted(range(len(pairs)), key=lambda i: pairs[i][0].tier)
        tasks = {i: asyncio.create_task(observation.confirmed(*pairs[i])) for i in order}
        try:
            if tasks:
                _, late = await asyncio.wait(tasks.values(), timeout=budget_s)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)
            seen = [observation.outcome(tasks[i], *pairs[i]) for i in range(len(pairs))]
            return await observation.own_network([source for source, _ in pairs], seen)
        finally:
            for task in tasks.values():
                task.cancel()
            await observation.close()


_SETTLED = frozenset({"assertion", "authentication", "too_large", "redirects", "address_refused"})
"""Answers that came whole and are the source's own: the same will come again in two seconds."""


class _HttpObservation:
    """One call of `check`: its sessions, gates and lag monitor."""

    def __init__(self, setup: _Setup, kind: Kind) -> None:
        self._p, self._kind = setup, kind
        self._resolver = Resolver()
        self._http = Http(self._resolver)
        self._gates = ConcurrencyLimits(setup.limits)
        self._lag = LagMonitor(setup.limits.lag_s)
        self._last: dict[tuple[str, int], Observation] = {}
        self._remote: set[str] = set()  # names of sources whose failure may be our own network's
        self._loop = asyncio.get_running_loop()

    async def close(self) -> None:
        self._lag.stop()
        await self._http.close()
        await self._resolver.close()

    async def confirmed(self, source: Source, slot: int) -> Observation:
        """Attempts until one does not fail, at most `confirm` more than one."""
        probe = self._p.registry.get(source.probe)
        if probe is None:
            text = f"there is no probe {source.probe!r}; there are {', '.join(self._p.registry)}"
            return self._observation(source, slot, ProbeResult(Status.UNKNOWN, "probe_error", text), 1, suspect=False)
        if probe.remote(source.config):
            self._remote.add(source.name)
        failed: list[ProbeResult] = []
        while True:
            entered = await self._gates.enter(source, probe)
            try:
                began = self._loop.time()
                result = self._ours(await self.attempt(source, probe), began)
                suspect = result.response_ms is not None and self._lag.lagged(began, self._loop.time())
            finally:
                self._gates.leave(entered)
            seen = self._observation(source, slot, result, len(failed) + 1, suspect=suspect, failed=failed)
            if not _passing(result) or not probe.confirms or len(failed) >= source.confirm:
                return seen
            self._last[source.name, slot] = seen
            delays = self._p.limits.confirm_delays_s or (0.0,)
            await asyncio.sleep(delays[min(len(failed), len(delays) - 1)])
            failed.append(result)

    def _ours(self, result: ProbeResult, began: float) -> ProbeResult:
        """A timeout while our own loop stood still says nothing about the source."""
        if result.reason != "timeout" or not self._lag.lagged(began, self._loop.time()):
            return result
        text = f"our own loop stood still meanwhile, so this says nothing about the source ({result.detail})"
        return replace(result, status=Status.UNKNOWN, reason="overloaded", detail=text)

    async def attempt(self, source: Source, probe: ProbeType) -> ProbeResult:
        """One observation within the source's deadline; whatever happens becomes a result."""
        times = Timing()
        TIMING.set(times)
        p = self._p
        context = ProbeContext(
            p.clock.now(),
            self._loop.time() + source.timeout_s,
            p.limits,
            p.secret,
            self._http,
            self._resolver,
            p.threads,
            p.heartbeats,
            p.platform,
        )
        try:
            if probe.third_party:
                return await plugin.observation(probe, source, context)
            async with asyncio.timeout_at(context.deadline):
                return await probe.probe(source, source.config, context)
        except Failed as failed:
            return failed.result
        except MissingSecret as error:
            return ProbeResult(Status.UNKNOWN, "missing_secret", str(error))
        except TimeoutError:
            what = f"waited for {times.stage}" if times.stage else "no answer"
            text = f"no complete answer within {source.timeout_s:g} s: {what}"
            return ProbeResult(Status.DOWN, "timeout", text, phases=times.phases())
        except PluginError as error:
            _LOG.warning("source %s: %s", source.name, error)
            return ProbeResult(Status.UNKNOWN, "plugin", str(error))
        except Exception as error:  # noqa: BLE001  one source's bug must not be another's
            _LOG.exception("source %s: probe %s broke", source.name, source.probe)
            text = f"probe {source.probe} broke: {type(error).__name__}: {error}; the log has the traceback"
            return ProbeResult(Status.UNKNOWN, "probe_error", text)

    def outcome(self, task: asyncio.Task[Observation], source: Source, slot: int) -> Observation:
        """What a task came to; one that was cut off keeps its last verdict, if it has one."""
        if not task.cancelled() and task.exception() is None:
            return task.result()
        last = self._last.get((source.name, slot))
        if last is not None:
            return last.evaluated(last.status, last.reason, f"{last.detail} (not confirmed: the tick ran out of time)")
        if task.cancelled():
            text = "the tick ran out of time before this source's turn; raise limits.concurrency or the interval"
            return self._observation(source, slot, ProbeResult(Status.UNKNOWN, "not_probed", text), 0, suspect=False)
        error = task.exception()
        _LOG.error("source %s: the prober broke", source.name, exc_info=error)
        text = f"the prober broke: {type(error).__name__}: {error}; the log has the traceback"
        return self._observation(source, slot, ProbeResult(Status.UNKNOWN, "probe_error", text), 0, suspect=False)

    async def own_network(self, sources: Sequence[Source], seen: list[Observation]) -> list[Observation]:
        """When most remote sources failed and every control endpoint fails as well, the failed ones are unknown."""
        p = self._p
        remote = [i for i, s in enumerate(sources) if s.name in self._remote and seen[i].status is not Status.UNKNOWN]
        failed = [i for i in remote if seen[i].status is Status.DOWN]
        if not p.control or not failed or 2 * len(failed) <= len(remote):
            return seen
        known = [(source, p.registry[source.probe]) for source in p.control if source.probe in p.registry]
        results = await asyncio.gather(*(self.attempt(source, probe) for source, probe in known))
        if not results or any(result.status in (Status.UP, Status.DEGRADED) for result in results):
            return seen
        names = ", ".join(source.name for source, _ in known)
        for i in failed:
            text = f"our own network: {names} failed with {len(failed)} of {len(remote)} sources ({seen[i].detail})"
            seen[i] = seen[i].evaluated(Status.UNKNOWN, "network", _clean(text))
        return seen

    def _observation(
        self,
        source: Source,
        slot: int,
        result: ProbeResult,
        attempts: int,
        *,
        suspect: bool,
        failed: Sequence[ProbeResult] = (),
    ) -> Observation:
        if failed:
            earlier = [{"reason": r.reason, "detail": _clean(r.detail)} for r in failed]
            result = replace(result, facts={**result.facts, "failed_attempts": earlier})
        if (clean := _clean(result.detail)) is not result.detail:
            result = replace(result, detail=clean)
        if result.sample is not None and source.quality is None and self._kind is Kind.SCHEDULED:
            result = replace(result, sample=None)  # no one scores it; a thousand unread samples a tick cost the store
        at = int(self._p.clock.now())
        return Observation.from_result(
            source.name, slot, at, result, kind=self._kind, attempts=attempts, suspect=suspect
        )


def _passing(result: ProbeResult) -> bool:
    """A failure that may be over in seconds: of the connection, or of a server that says so (5xx). A refusal (401, 403,
    404) and a failed assertion stay what they are; asking three times only costs the quota.
    """
    if result.status is not Status.DOWN or result.reason in _SETTLED:
        return False
    return result.http_status is None or result.http_status >= 500 or result.reason not in ("http_status", "missing")


def _clean(detail: str) -> str:
    """One bounded printable line: parts of it come from outside."""
    if len(detail) <= _DETAIL_CHARS and detail.isprintable():
        return detail
    line = "".join(c if c.isprintable() else " " for c in detail)
    return line if len(line) <= _DETAIL_CHARS else line[: _DETAIL_CHARS - 3] + "..."
