"""The fleet in a few words: which status a row shows, how many have which, and whether the monitor answers at all. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from busta_health_dagster.cli.glyphs import COLOURS, GlyphSet
from busta_health_dagster.domain.health import WORST_FIRST
from busta_health_dagster.domain.units import from_epoch, from_iso
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.glyphs import STATUS_COUNTED
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.domain.documents.alerts import AlertRow
    from busta_health_dagster.domain.documents.sources import Fleet, SourceRow


@dataclass(frozen=True, slots=True)
class Lost:
    """Since when (epoch) no one answers, and why: what is drawn is what was known before."""

    since: int
    why: str


def shown_in(fleet: Fleet, row: SourceRow) -> str:
    """The status a row shows. Where the monitor did not report for too long, nothing is known of any source."""
    return "unknown" if fleet["stale"] else row["shown"]


def header(fleet: Fleet, width: int, letters: GlyphSet, lost: Lost | None = None, *, live: bool = False) -> list[Text]:
    at = from_iso(fleet["at"])
    right = f"{from_epoch(at):%H:%M:%S} UTC"
    if lost is not None:
        right += f" {letters.dot} CONNECTION LOST"
        gone = f"{from_epoch(lost.since):%H:%M:%S} ({duration_text(at - lost.since)})"
        trust = "Treat all as unknown." if fleet["stale"] else "Below: what was known then."
        second = Text(f"{letters.shapes['unknown']} No answer since {gone}. {trust} {lost.why}", style="bold red")
    elif fleet["stale"]:
        right += f" {letters.dot} STALE"
        tick = fleet["tick_at"]
        since = (
            "has never reported" if tick is None else f"has not reported since {from_epoch(from_iso(tick)):%H:%M:%S}"
        )
        age = "" if tick is None else f" ({duration_text(at - from_iso(tick))})"
        second = Text(f"{letters.shapes['unknown']} The monitor {since}{age}. Treat all as unknown.", style="bold red")
    else:
        left = max(0, from_iso(fleet["next_tick_at"]) - at) if fleet["next_tick_at"] else 0
        right += (f" {letters.dot} live" if live else "") + f" {letters.dot} next check in {duration_text(left)}"
        second = _counts(fleet, width, letters)
    first = Text("Source health", style="bold")
    first.append(" " * max(1, width - first.cell_len - len(right)) + right, style="default")
    lines = [first, second]
    if fleet["config_problem"]:
        problem = fleet["config_problem"].splitlines()[0]
        lines.append(Text(f"! Configuration not accepted, the last good one rules: {problem}", style="bold yellow"))
    return lines


def _counts(fleet: Fleet, width: int, letters: GlyphSet) -> Text:
    line = Text()
    for status in WORST_FIRST:
        count = fleet["counts"][status]
        if count or status == "up":
            line.append(f"{letters.shapes[status]} {count} {STATUS_COUNTED[status]}  ", style=COLOURS[status])
    alerts = sum(row["open_alerts"] for row in fleet["sources"])
    waiting = sum(a["acked_by"] is None for a in open_alerts(fleet))
    tail = f"{plural(alerts, 'alert')}" + (f", {waiting} not acknowledged" if waiting else "")
    if width - line.cell_len <= len(tail):
        tail = f"{plural(alerts, 'alert')}"
    line.append(" " * max(1, width - line.cell_len - len(tail)) + tail)
    return line


def open_alerts(fleet: Fleet) -> list[AlertRow]:
    """Open alerts of the sources that are shown."""
    names = {row["source"] for row in fleet["sources"]}
    return [a for a in fleet["alerts"] if a["source"] in names]


def counted(fleet: Fleet, rows: Iterable[SourceRow]) -> str:
    """The worst first: 1 down, 3 degraded, 7 up."""
    found = Counter(shown_in(fleet, row) for row in rows)
    return ", ".join(f"{found[status]:,} {STATUS_COUNTED[status]}" for status in WORST_FIRST if found[status])
