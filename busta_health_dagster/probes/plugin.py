"""Third parties' probes, kept apart: each observation runs in a thread and an event loop of its own, and what it returns is
checked.

One that raises, blocks its loop, exits, or returns nonsense makes its own source unknown. No one else notices.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.custom_metric import LARGEST, MOST, NAME
from busta_health_dagster.domain.errors import PluginError
from busta_health_dagster.domain.observation import Phases, ProbeResult, Sample, Status
from busta_health_dagster.domain.plugins import Unloaded
from busta_health_dagster.probes.dial import Resolver
from busta_health_dagster.probes.measure import json_safe, sample_of
from busta_health_dagster.probes.port import Failed, ProbeType

if TYPE_CHECKING:
    from busta_health_dagster.domain.plugins import PluginProblem
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.probes.port import ProbeContext, ProbeLimits

_REASON = re.compile(r"^[a-z][a-z0-9_]{0,39}$")
_NUMBERS = ("response_ms", "items", "data_age_s", "http_status", "size_bytes", "retry_after_s")
_PHASES = ("dns", "connect", "tls", "first_byte", "body")
_WHOLE = ("http_status", "size_bytes")
_LARGEST = 2**53
"""What those can be: ten times as much fits into a column of 64 bits, and no byte or second is lost in a float."""


def unloaded(kind: str, problem: PluginProblem) -> ProbeType:
    """A probe type whose every observation is unknown, with the reason why the plug-in is not there."""

    async def probe(source: Source, config: Any, context: ProbeContext) -> ProbeResult:
        del source, config, context
        raise Failed("plugin", str(problem), status=Status.UNKNOWN)

    return ProbeType(kind, Unloaded, probe, confirms=False, remote=lambda _config: False)


async def observation(kind: ProbeType, source: Source, context: ProbeContext) -> ProbeResult:
    """One attempt of a third party's probe.

    Raises:
        PluginError: it raised, blocked, or returned nonsense.
        TimeoutError: it waited for its source for longer than the deadline, without blocking anybody.
        Failed, MissingSecret: what it raised on purpose.
    """
    patience = source.timeout_s + context.limits.plugin_grace_s
    try:
        async with asyncio.timeout(patience):
            result = await context.threads.run(source.name, _in_own_loop, kind, source, context)
    except TimeoutError as error:
        if error.__cause__ is None and str(error) == _COOPERATIVE:
            raise
        text = f"probe {kind.kind} blocks: it neither answered nor let itself be cancelled after {patience:g} s"
        raise PluginError(text) from error
    return checked(kind.kind, result, context.limits)


_COOPERATIVE = "the probe waited for its source until the deadline"


def _in_own_loop(kind: ProbeType, source: Source, context: ProbeContext) -> Any:
    return asyncio.run(_own_observation(kind, source, context))


async def _own_observation(kind: ProbeType, source: Source, context: ProbeContext) -> Any:
    from busta_health_dagster.domain.errors import BustaError
    from busta_health_dagster.probes.fetch import Http

    resolver = Resolver()
    http = Http(resolver)
    deadline = asyncio.get_running_loop().time() + source.timeout_s
    own = replace(context, http=http, resolver=resolver, deadline=deadline)
    try:
        async with asyncio.timeout_at(deadline):
            return await kind.probe(source, source.config, own)
    except TimeoutError:
        raise TimeoutError(_COOPERATIVE) from None
    except (Failed, BustaError):
        raise
    except Exception as error:
        text = str(error).splitlines()[0][:200] if str(error) else "no message"
        raise PluginError(f"probe {kind.kind} raised {type(error).__name__}: {text}") from error
    finally:
        await http.close()
        await resolver.close()


def checked(kind: str, result: Any, limits: ProbeLimits) -> ProbeResult:
    """The result, if it is one: types right, numbers finite, everything bounded.

    Raises:
        PluginError: naming what is wrong with it.
    """

    def nonsense(what: str) -> PluginError:
        return PluginError(f"probe {kind} returned nonsense: {what}; a probe returns a ProbeResult")

    if not isinstance(result, ProbeResult):
        raise nonsense(f"{type(result).__name__} instead of a ProbeResult")
    if wrong := _fault(result):
        raise nonsense(wrong)
    sample = result.sample
    if sample is not None:
        sample = sample_of(sample.rows, limits, at=0, total=max(sample.total_rows, len(sample.rows)))
    took = result.response_ms if result.status in (Status.UP, Status.DEGRADED) else None
    metrics = {name: float(value) for name, value in result.metrics.items()}
    return replace(result, facts=json_safe(dict(result.facts)), sample=sample, response_ms=took, metrics=metrics)


def _fault(result: Any) -> str:
    """The first thing that is wrong with a ProbeResult whose fields may be anything; else nothing."""
    if not isinstance(result.status, Status):
        return f"status {result.status!r}"
    if not isinstance(result.reason, str) or not _REASON.match(result.reason):
        return f"reason {str(result.reason)[:60]!r}; a reason is a short code such as http_status"
    if not isinstance(result.detail, str):
        return f"detail of type {type(result.detail).__name__}"
    for name in (*_NUMBERS, "tls_days_left"):
        value = getattr(result, name)
        if value is not None and (wrong := _fault_of_number(name, value)):
            return wrong
    if result.phases is not None and not isinstance(result.phases, Phases):
        return f"phases of type {type(result.phases).__name__}"
    for name in _PHASES if result.phases is not None else ():
        value = getattr(result.phases, name)
        if value is not None and (wrong := _fault_of_number(f"phase {name}", value)):
            return wrong
    if wrong := _fault_of_metrics(result.metrics):
        return wrong
    if not isinstance(result.facts, Mapping):
        return f"facts of type {type(result.facts).__name__}"
    sample = result.sample
    if sample is not None and not (isinstance(sample, Sample) and isinstance(sample.rows, list | tuple)):
        return f"sample of type {type(sample).__name__}"
    return ""


def _fault_of_metrics(metrics: Any) -> str:
    """As the loader is with `metrics:` of a source: the store would refuse the observations of the whole tick for them."""
    if not isinstance(metrics, Mapping):
        return f"metrics of type {type(metrics).__name__}"
    if len(metrics) > MOST:
        return f"{len(metrics)} metrics, {MOST} at most"
    for name, value in metrics.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            return f"a metric named {str(name)[:60]!r}; a name is a small letter, then small letters, digits and _"
        if wrong := _fault_of_number(f"metric {name}", value):
            return wrong
        if abs(value) > LARGEST:
            return f"metric {name} of more than {LARGEST:g}"
    return ""


def _fault_of_number(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{name} {value!r}"
    if not -sys.float_info.max <= value <= sys.float_info.max:  # no NaN is, and an integer may be more than any float
        return f"{name} {value!r}" if isinstance(value, float) else f"{name} of too many digits"
    if name in _WHOLE and not isinstance(value, int):
        return f"{name} {value!r}, not a whole number"
    if value > _LARGEST and name in _NUMBERS:
        return f"{name} of more than {_LARGEST:,}"
    if value < 0 and name in _NUMBERS:
        return f"{name} {value!r}, less than nothing"
    return ""
