"""What every answer over the web may say beside its body: a certificate that ends soon, too many requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.observation import ProbeResult, Status
from busta_health_dagster.domain.retry_after import longest_pause_s, retry_after
from busta_health_dagster.probes.port import Finding
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.probes.fetch import Fetched


def certificate_findings(not_after: float | None, config: Any, now: float) -> tuple[float | None, list[Finding]]:
    """Days left, and a warning when they are fewer than `cert_days`."""
    if not_after is None:
        return None, []
    days = (not_after - now) / 86400
    if days >= config.cert_days:
        return days, []
    return days, [
        Finding(
            "warning",
            "certificate",
            f"the certificate ends in {days:.1f} days (limit {config.cert_days:g})",
        )
    ]


def rate_limited(got: Fetched, source: Source, now: float, seen: Mapping[str, Any]) -> ProbeResult:
    """What a 429 means: degraded, and a pause that is never longer than ours."""
    wait = retry_after(got.headers.get("Retry-After"), now)
    longest = longest_pause_s(source.interval_s)
    pause = "" if not wait else f"; asks for a pause of {duration_text(wait)}"
    if wait is not None and wait > longest:
        pause += f", gets {duration_text(longest)}"
    detail = f"{got.answered} 429, too many requests{pause}"
    return ProbeResult(Status.DEGRADED, "rate_limited", detail, retry_after_s=wait, **seen)
