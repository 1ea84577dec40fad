"""The fleet as a table in Dagster's catalog: rendered when something changed, and every 15 minutes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import duration_text, floored, from_epoch, milliseconds_text

if TYPE_CHECKING:
    from busta_health_dagster.domain.health import FleetHealth, SourceHealth
    from busta_health_dagster.pipeline.app import App

EVERY_S = 900
CAP_BYTES = 30_000
SHAPES = {"down": "■", "degraded": "▲", "maintenance": "◆", "up": "●", "unknown": "○"}
_LAST = "fleet_markdown"


def fleet_markdown_due(app: App, health: FleetHealth) -> str | None:
    """The table when the statuses differ from those last shown, or the last table is 15 minutes old; None otherwise."""
    with app.store.read() as uow:
        last = uow.meta.get(_LAST)
    if last is not None and last["statuses"] == _statuses(health) and health.at - last["at"] < EVERY_S:
        return None
    return fleet_markdown(health)


def note_markdown(app: App, health: FleetHealth) -> None:
    """Remember what was shown, and when."""
    with app.store.write() as uow:
        uow.meta.put(_LAST, {"statuses": _statuses(health), "at": health.at})


def _statuses(health: FleetHealth) -> str:
    return hashlib.sha256("\n".join(f"{r.source} {r.shown}" for r in health.rows).encode()).hexdigest()


def fleet_markdown(health: FleetHealth) -> str:
    """A GFM table, worst first, at most 30 KB: Dagster renders neither raw HTML nor Mermaid."""
    counts = health.counts
    words = [f"{SHAPES[s]} {counts[s]} {s}" for s in SHAPES if counts[s]]
    lines = [f"**{' · '.join(words) or 'no sources'}** at {from_epoch(health.at):%Y-%m-%d %H:%M} UTC", ""]
    lines += ["| status | source | since | why | 30 d % | response |", "|---|---|---|---|--:|--:|"]
    size = sum(len(line.encode()) + 1 for line in lines)
    for shown, row in enumerate(health.rows):
        line = _line(health, row)
        size += len(line.encode()) + 1
        if size > CAP_BYTES - 200:
            lines += ["", f"{len(health.rows) - shown} more, none worse than these."]
            break
        lines.append(line)
    return "\n".join(lines)


def _line(health: FleetHealth, row: SourceHealth) -> str:
    since = f"{duration_text(health.at - row.since)}" if row.since else "—"
    uptime = row.uptime.get("30d")
    share = "—" if uptime is None else f"{floored(uptime, 2):.2f}"
    why = "" if row.shown == "up" else cell(row.detail or row.reason)
    return f"| {SHAPES[row.shown]} {row.shown} | {row.source} | {since} | {why} | {share} | {milliseconds_text(row.response_ms)} |"


def cell(text: str) -> str:
    """Text from a source inside a Markdown table: no mark-up, no link, no image, no new cell."""
    clean = " ".join(text.split())[:200]
    for sign in "\\`*_{}[]<>()#+-!|~":
        clean = clean.replace(sign, f"\\{sign}") if sign in "\\`*_[]<>|~!" else clean
    return clean.replace("://", ":\u200b//")
