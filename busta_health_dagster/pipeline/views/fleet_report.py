"""The fleet in a few words, for Dagster's catalog: how many are how, and what is wrong with which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.glyphs import STATUS, STATUS_WORD

if TYPE_CHECKING:
    from busta_health_dagster.domain.health import FleetHealth, SourceHealth

COLUMNS = ("source", "is", "why")
ROWS_AT_MOST = 25
"""It is written at every tick, twice."""
_WHY_LETTERS = 160


def in_short(health: FleetHealth) -> str:
    """■ 1 down · ● 11 up, at 08:25 UTC."""
    words = [f"{STATUS[s]} {n} {STATUS_WORD[s]}" for s, n in health.counts.items() if n]
    return f"{' · '.join(words) or 'no sources'}, at {from_epoch(health.at):%H:%M} UTC"


def what_is_wrong(health: FleetHealth) -> list[tuple[str, ...]]:
    """Everything that is not well, worst first, as rows of COLUMNS; what does not fit is counted. What is up and past a limit
    comes last.
    """
    bad = [row for row in health.rows if row.unhealthy or row.but]
    rows = [_row(health, row) for row in bad[:ROWS_AT_MOST]]
    if len(bad) > len(rows):
        rows.append((f"{len(bad) - len(rows):,} more", "", "none worse than these"))
    return rows


def _row(health: FleetHealth, row: SourceHealth) -> tuple[str, ...]:
    since = f" for {duration_text(health.at - row.shown_since)}" if row.shown_since else ""
    why = (f"but {row.but}" if row.but else row.why)[:_WHY_LETTERS]
    return row.source, f"{STATUS[row.shown]} {row.shown}{since}", why
