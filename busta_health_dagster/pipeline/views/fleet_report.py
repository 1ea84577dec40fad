"""The fleet as a table in Dagster's catalog: rendered when something changed, and every 15 minutes."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.pipeline.views.status import with_strips
from busta_health_dagster.svg.lines import polyline
from busta_health_dagster.wording.durations import duration_text, milliseconds_text
from busta_health_dagster.wording.glyphs import STATUS
from busta_health_dagster.wording.percentages import percent
from busta_health_dagster.wording.sentences import markdown_cell

if TYPE_CHECKING:
    from busta_health_dagster.domain.health import FleetHealth, SourceHealth
    from busta_health_dagster.pipeline.app.app import App

EVERY_S = 900
CAP_BYTES = 30_000
_LAST = "fleet_markdown"


def fleet_markdown_due(app: App, health: FleetHealth) -> str | None:
    """The table when the statuses differ from those last shown, or the last table is 15 minutes old; None otherwise."""
    with app.store.read() as uow:
        last = uow.meta.get(_LAST)
    if last is not None and last["statuses"] == _statuses(health) and health.at - last["at"] < EVERY_S:
        return None
    # The strips cost a read of the last 24 h, so they are asked for only when someone will see them.
    return fleet_markdown(with_strips(app, health))


def note_markdown(app: App, health: FleetHealth) -> None:
    """Remember what was shown, and when."""
    with app.store.write() as uow:
        uow.meta.put(_LAST, {"statuses": _statuses(health), "at": health.at})


def _statuses(health: FleetHealth) -> str:
    return hashlib.sha256("\n".join(f"{r.source} {r.shown}" for r in health.rows).encode()).hexdigest()


def fleet_markdown(health: FleetHealth) -> str:
    """A GFM table, worst first, at most 30 KB: Dagster renders neither raw HTML nor Mermaid, but pictures it does.

    Above the table a sparkline of how many sources were up over the last 24 h; in it each source's live strip.
    """
    counts = health.counts
    words = [f"{STATUS[s]} {counts[s]} {s}" for s in STATUS if counts[s]]
    lines = [f"**{' · '.join(words) or 'no sources'}** at {from_epoch(health.at):%Y-%m-%d %H:%M} UTC", ""]
    picture = sparkline(health)
    if picture:
        lines += [picture, ""]
    lines += ["| status | source | last 24 h | since | why | 30 d | response |", "|---|---|---|---|---|--:|--:|"]
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
    since = duration_text(health.at - row.since if row.since else None).replace(" ", "\u00a0")
    why = "" if row.shown == "up" else markdown_cell(row.detail or row.reason)
    strip = f"![24 h](/source-health/strip/{row.source}.svg?bars)"
    cells = (
        f"{STATUS[row.shown]}\u00a0{row.shown}",
        row.source,
        strip,
        since,
        why,
        percent(row.uptime.get("30d")),
        milliseconds_text(row.response_ms).replace(" ", "\u00a0"),
    )
    return f"| {' | '.join(cells)} |"


def sparkline(health: FleetHealth) -> str:
    """How many sources were up in each half hour, as an SVG in a data URI; the alt text says it in words."""
    columns = list(zip(*health.strips.values(), strict=False))
    seen = [[word for word in column if word is not None] for column in columns]
    well = [sum(word in {"up", "maintenance"} for word in words) / len(words) if words else None for words in seen]
    known = [share for share in well if share is not None]
    if len(known) < 2:
        return ""
    step = 360 / (len(well) - 1)
    points = polyline((i * step, 36 - share * 32) for i, share in enumerate(well) if share is not None)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="360" height="40">'
        f'<polyline fill="none" stroke="#2f6fd0" stroke-width="2" points="{points}"/></svg>'
    )
    encoded = base64.b64encode(svg.encode()).decode()
    text = f"Sources up over 24 h: {percent(100 * known[-1])} now, {percent(100 * min(known))} at worst"
    return f"![{text}](data:image/svg+xml;base64,{encoded}) {text}"
