"""The panel of what the last weeks have sent: the same numbers as `busta alerts noise`, the most unheeded first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.wording.numbers import DASH

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.alerts import NoiseTable

_ROWS = 6


def noise_view(noise: NoiseTable | None) -> dict[str, Any] | None:
    """Rows and totals as the page writes them; None where no one has read them."""
    if noise is None:
        return None
    items = noise["items"]
    return {
        "per_week": f"{noise['per_week']:.1f}",
        "more": max(len(items) - _ROWS, 0),
        "rows": [
            {
                "source": item["source"],
                "rule": item["rule"],
                "per_week": f"{item['per_week']:.1f}",
                "acted": _percent(item["acknowledged_percent"]),
                "alone": _percent(item["self_resolved_percent"]),
                "unheeded": item["acknowledged_percent"] == 0,
            }
            for item in items[:_ROWS]
        ],
    }


def _percent(share: float | None) -> str:
    return DASH if share is None else f"{share:g}%"
