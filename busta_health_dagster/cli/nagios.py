"""One line for Nagios and Icinga: `STATE - text | perfdata`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from busta_health_dagster.domain.health import FleetHealth

STATES = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}
_CODE = {"up": 0, "maintenance": 0, "degraded": 1, "down": 2, "unknown": 3}
_RANK = (2, 3, 1, 0)
"""Critical rules, then unknown: what cannot be seen is worse than what is merely slow."""


def line(fleet: FleetHealth) -> tuple[str, int]:
    """The line and its exit code. A source that times out is CRITICAL; UNKNOWN is kept for what we could not look
    at.
    """
    if fleet.stale_monitor:
        return "UNKNOWN - the monitor has not reported; start it with `busta up`", 3
    codes = {row.source: _CODE[row.shown] for row in fleet.rows}
    if not codes:
        return "UNKNOWN - no source is configured", 3
    code = next(c for c in _RANK if c in codes.values())
    named = [
        f"{row.source} {row.shown}: {row.detail or row.reason}"
        for row in fleet.rows
        if codes[row.source] == code and code
    ]
    text = "; ".join(named[:5]) + (f"; {len(named) - 5} more" if len(named) > 5 else "")
    counts = fleet.counts
    if not text:
        text = f"{len(codes)} sources healthy"
    perf = [f"{name}={counts[name]}" for name in ("down", "degraded", "unknown", "maintenance", "up")]
    if len(fleet.rows) == 1:
        row = fleet.rows[0]
        values = {
            "response": _unit(row.response_ms, "ms"),
            "data_age": _unit(row.data_age_s, "s"),
            "items": _unit(row.items, ""),
        }
        values["quality"] = _unit(row.quality, "%")
        perf = [f"{name}={value}" for name, value in values.items() if value]
    clean = " ".join(text.replace("|", "/").split())
    return f"{STATES[code]} - {clean}" + (f" | {' '.join(perf)}" if perf else ""), code


def _unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:g}{unit}"
