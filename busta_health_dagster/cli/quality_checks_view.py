"""The checks of a source over 30 days as a table: a letter a day, and since when one fails."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from busta_health_dagster.cli.glyphs import glyph_set
from busta_health_dagster.cli.tables import Columns
from busta_health_dagster.domain.units import from_epoch, from_iso
from busta_health_dagster.wording import percentages

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.quality import CheckHistories, CheckHistoryRow

_STYLES = {"failed": "red", "could not run": "red", "passed": "green"}


def history_table(found: CheckHistories) -> Columns:
    """One line a check. A day reads `.` where every validation passed it, `x` where none did, `-` where some did, and is blank where
    none came to a verdict.
    """
    from rich.text import Text

    table = Columns(
        ("STATE", "CHECK", "30 DAYS", "PASSING", "FAILING SINCE (UTC)", "OWNER", "SEVERITY", "DIMENSION"),
        right=frozenset({"PASSING"}),
        drop=("DIMENSION", "SEVERITY", "OWNER", "30 DAYS"),
    )
    signs, dash = glyph_set().checks, glyph_set().dash
    last = from_epoch(from_iso(found["until"])).date()
    for row in found["checks"]:
        sign = {"failed": "failed", "could not run": "failed", "passed": "passed", "noted": "noted"}.get(
            row["state"], "not evaluated"
        )
        since = row["failing_since"]
        table.add(
            Text(f"{signs[sign]} {row['state']}", style=_STYLES.get(row["state"], "default")),
            Text(row["id"]),
            days_text(row, last, found["window_days"]),
            glyph_set().write(percentages.percent(row["passing"])),
            dash if since is None else f"{from_epoch(from_iso(since)):%d %b %H:%M}",
            Text(", ".join(row["owners"]) or dash),
            row["severity"],
            row["dimension"],
        )
    return table


def days_text(row: CheckHistoryRow, last: date, window: int) -> str:
    """Oldest first, the last letter is today."""
    by_day = {day["day"]: day for day in row["days"]}
    letters = []
    for back in reversed(range(window)):
        day = by_day.get((last - timedelta(days=back)).isoformat())
        if day is None:
            letters.append(" ")
        else:
            letters.append("." if day["passed"] == day["evaluated"] else "x" if not day["passed"] else "-")
    return "".join(letters)
