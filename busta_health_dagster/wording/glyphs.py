"""The sign and the word of each status, severity, alert state and check result. No sign has two meanings."""

from __future__ import annotations

from typing import Final

STATUS: Final = {"down": "■", "degraded": "▲", "maintenance": "◆", "off_season": "◇", "up": "●", "unknown": "○"}
STATUS_LABEL: Final = {
    "down": "DOWN",
    "degraded": "DEGRADED",
    "maintenance": "MAINT",
    "off_season": "OFF",
    "up": "UP",
    "unknown": "NO DATA",
}
STATUS_WORD: Final = {
    "down": "down",
    "degraded": "degraded",
    "maintenance": "in maintenance",
    "off_season": "off season",
    "up": "up",
    "unknown": "without data",
}
STATUS_COUNTED: Final = {
    "down": "down",
    "degraded": "degraded",
    "maintenance": "maintenance",
    "off_season": "off season",
    "up": "up",
    "unknown": "no data",
}
"""Behind a count or alone: 2 maintenance, 1 no data. In a sentence it is STATUS_WORD."""
SEVERITY: Final = {"critical": "!!", "warning": "!", "info": "i"}
ALERT_STATE: Final = {"pending": "…", "resolved": "✓", "cancelled": "✓"}
CHECK: Final = {"passed": "✓", "failed": "✗", "noted": "i", "not evaluated": "?"}


def alert_glyph(state: str, severity: str) -> str:
    """An open alert shows its severity; one that is pending or over shows its state."""
    return ALERT_STATE.get(state) or SEVERITY[severity]
