"""Alerts as lines of a terminal: the list, and what happens next. Shape, word and colour say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from busta_health_dagster.domain.alert import Alert, AlertState
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.units import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from busta_health_dagster.cli.shapes import Alphabet
    from busta_health_dagster.pipeline.alert_view import Listing, Row

HEADER = ("", "SEVERITY", "ID", "SOURCE", "RULE", "OPEN FOR", "STEP", "ACKNOWLEDGED", "NEXT")
NARROWEST = (1, 9, 4, 16, 13, 9, 9, 16, 0)
_STATUS_OF = {Severity.CRITICAL: "down", Severity.WARNING: "degraded", Severity.INFO: "up"}
_COLOURS = {"down": "red", "degraded": "yellow", "up": "green", "unknown": "default"}


def short(seconds: float) -> str:
    """5 h 56 m, as columns have room for it."""
    return duration_text(seconds).replace(" min", " m")


def aligned(rows: Iterable[Sequence[str]], least: Sequence[int] = (), gap: str = "  ") -> list[str]:
    """Rows with their columns under each other; the last one is as long as it is."""
    found = [list(row) for row in rows]
    if not found:
        return []
    widths = [max(len(row[i]) for row in found) for i in range(len(found[0]))]
    widths = [max(w, least[i] if i < len(least) else 0) for i, w in enumerate(widths)]
    return [gap.join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in found]


def list_lines(listing: Listing, letters: Alphabet) -> list[Text]:
    """The table, then what stands behind it, then where to ask on."""
    lines: list[Text] = []
    if listing.rows:
        cells = [_cells(row, letters) for row in listing.rows]
        texts = aligned([HEADER, *cells], NARROWEST)
        lines.append(Text(texts[0], style="bold"))
        for row, text in zip(listing.rows, texts[1:], strict=True):
            line = Text(text)
            line.stylize(_COLOURS[kind_of(row.alert)], 0, 1)
            lines.append(line)
    lines.append(Text(_summary(listing)))
    if listing.rows:
        lines.append(Text(f"Ask why: busta alerts explain {listing.rows[0].alert.id}"))
    return lines


def kind_of(alert: Alert) -> str:
    """Which shape an alert has."""
    if alert.state in {AlertState.RESOLVED, AlertState.CANCELLED}:
        return "up"
    return "unknown" if alert.state is AlertState.PENDING else _STATUS_OF[alert.severity]


def _cells(row: Row, letters: Alphabet) -> tuple[str, ...]:
    a = row.alert
    step = f"L{a.step} of {a.steps}" if a.steps else letters.dash
    return (
        letters.shapes[kind_of(a)], "shadow" if a.shadow else a.severity.word, str(a.id), a.source,
        a.rule + (f" ({a.label})" if a.label else ""), letters.dash if row.open_s is None else short(row.open_s), step,
        row.acknowledged, row.coming,
    )  # fmt: skip


def _summary(listing: Listing) -> str:
    parts = [f"{listing.open} open, {listing.unacknowledged} not acknowledged."]
    if listing.pending:
        parts.append(f"{len(listing.pending)} pending ({_named(listing.pending, progress=True)}).")
    if listing.held:
        parts.append(f"{len(listing.held)} held by maintenance ({_named(listing.held)}).")
    if listing.inhibited:
        parts.append(f"{len(listing.inhibited)} kept quiet by another alert ({_named(listing.inhibited)}).")
    if listing.shadow:
        parts.append(f"{len(listing.shadow)} on trial, told to nobody ({_named(listing.shadow)}).")
    return " ".join(parts)


def _named(alerts: Sequence[Alert], *, progress: bool = False) -> str:
    named = [f"{a.id} {a.source} {a.rule}" + (f", {a.progress}" if progress else "") for a in alerts[:3]]
    return "; ".join(named) + (f"; {len(alerts) - 3} more" if len(alerts) > 3 else "")
