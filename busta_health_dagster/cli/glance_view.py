"""`busta` alone as text: one line for each source that is not well, the worst first. Pure: a document in, lines out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from busta_health_dagster.cli.glyphs import COLOURS, GlyphSet
from busta_health_dagster.cli.health_layout import SOURCE, STATUS, fit
from busta_health_dagster.cli.health_summary import counted, header, shown_in
from busta_health_dagster.cli.health_view import reason
from busta_health_dagster.wording.glyphs import STATUS_LABEL

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.sources import Fleet

_LINES = 10
_MORE = "busta --help: every command. More: busta sources health"


def glance(fleet: Fleet, *, width: int, letters: GlyphSet) -> list[Text]:
    """At most ten lines of at most `width` columns; the sources that have no room are counted by their status."""
    lines = [*header(fleet, width, letters), Text("")]
    unwell = [row for row in fleet["sources"] if shown_in(fleet, row) != "up" or row["reservations"]]
    room = _LINES - len(lines) - 2
    for row in unwell[:room]:
        status = shown_in(fleet, row)
        line = Text(f"{letters.shapes[status]} {STATUS_LABEL[status]:<{STATUS - 2}}", style=COLOURS[status])
        line.append(f"{fit(row['source'], SOURCE - 1, letters):<{SOURCE}}", style="bold")
        line.append(reason(fleet, row, status, letters, room=width - STATUS - SOURCE))
        lines.append(line)
    if rest := unwell[room:]:
        lines.append(Text(f"and {len(rest):,} more: {counted(fleet, rest)}"))
    lines.append(Text(f"{_MORE} {letters.dot} busta alerts list", style="dim"))
    for line in lines:
        line.truncate(width, overflow="ellipsis" if letters.cut == "…" else "crop")
    return lines
