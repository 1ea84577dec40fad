"""One line for Nagios and Icinga: `STATE - text | perfdata`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.wording.glyphs import STATUS_WORD
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.sources import Fleet

STATES = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}
_CODE = {"up": 0, "maintenance": 0, "off_season": 0, "degraded": 1, "down": 2, "unknown": 3}
_RANK = (2, 3, 1, 0)
"""Critical rules, then unknown: what cannot be seen is worse than what is merely slow."""


def line(fleet: Fleet) -> tuple[str, int]:
    """The line and its exit code. A source that times out is CRITICAL; UNKNOWN is kept for what we could not look
    at.
    """
    if fleet["stale"]:
        return "UNKNOWN - the monitor has not reported; start it with `busta up`", 3
    rows = fleet["sources"]
    codes = {row["source"]: _CODE[row["shown"]] for row in rows}
    if not codes:
        return "UNKNOWN - no source is configured", 3
    code = next(c for c in _RANK if c in codes.values())
    if code:
        text = listed([f"{r['source']} {r['shown']}: {r['reason']}" for r in rows if codes[r["source"]] == code], 5)
    else:
        well = ", ".join(f"{count:,} {STATUS_WORD[status]}" for status, count in fleet["counts"].items() if count)
        but = listed([f"{r['source']}, but {'; '.join(r['reservations'])}" for r in rows if r["reservations"]], 5)
        text = f"{well}: {but}" if but else well
    perf = [
        f"{name}={fleet['counts'][name]}" for name in ("down", "degraded", "unknown", "maintenance", "off_season", "up")
    ]
    if len(rows) == 1:
        row = rows[0]
        values = {
            "response": _unit(row["response_ms"], "ms"),
            "data_age": _unit(row["data_age_s"], "s"),
            "items": _unit(row["items"], ""),
            "quality": _unit(row["quality"], "%"),
        }
        perf = [f"{name}={value}" for name, value in values.items() if value]
    clean = " ".join(text.replace("|", "/").split())
    return f"{STATES[code]} - {clean}" + (f" | {' '.join(perf)}" if perf else ""), code


def _unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:g}{unit}"
