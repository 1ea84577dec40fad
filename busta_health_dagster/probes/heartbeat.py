"""`probe: heartbeat`: no one is asked; a pipeline tells us that it ran, and its silence is the failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.fields import Duration, Strict
from busta_health_dagster.domain.observation import ProbeResult, Status
from busta_health_dagster.domain.units import iso
from busta_health_dagster.probes.port import ProbeContext, ProbeType
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from busta_health_dagster.domain.source import Source


class HeartbeatConfig(Strict):
    """Silence longer than the source's interval and `grace` together is down."""

    grace: Duration = 300.0


async def probe(source: Source, config: HeartbeatConfig, context: ProbeContext) -> ProbeResult:
    last = context.heartbeats(source.name)
    if last is None:
        text = f"no beat has ever arrived; send one with `busta sources heartbeat {source.name}`"
        return ProbeResult(Status.UNKNOWN, "not_beaten", text)
    silence, allowed = max(0.0, context.now - last.at), source.interval_s + config.grace
    seen: dict[str, Any] = {"data_age_s": silence, "items": last.items, "facts": {"newest": iso(last.at)}}
    if silence > allowed:
        text = f"silent for {duration_text(silence)}, at most {duration_text(allowed)} allowed"
        return ProbeResult(Status.DOWN, "silent", text, **seen)
    if not last.ok:
        said = f": {last.message[:200]}" if last.message else ""
        return ProbeResult(
            Status.DOWN, "reported", f"the pipeline reported a failure {duration_text(silence)} ago{said}", **seen
        )
    return ProbeResult(Status.UP, detail=f"last beat {duration_text(silence)} ago", **seen)


HEARTBEAT = ProbeType("heartbeat", HeartbeatConfig, probe, confirms=False, remote=lambda _config: False)
