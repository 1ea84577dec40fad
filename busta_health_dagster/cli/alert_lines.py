"""Alerts as lines of a terminal: the list, and what happens next. Shape, word and colour say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from busta_health_dagster.cli.glyphs import ALERT_COLOURS
from busta_health_dagster.cli.tables import Columns
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from busta_health_dagster.cli.glyphs import GlyphSet
    from busta_health_dagster.domain.documents.alerts import AlertBrief, AlertList, AlertRow, AlertsBehind

HEADER = ("", "SEVERITY", "ID", "SOURCE", "RULE", "OPEN FOR", "STEP", "ACKNOWLEDGED", "NEXT")
LEAST = (2, 9, 4, 16, 13, 9, 9, 16, 0)
DROP = ("STEP", "NEXT")
"""What a narrow terminal does without: `busta alerts show ID` has both."""
ONE_LINE = 120


def aligned(rows: Iterable[Sequence[str]], gap: str = "  ") -> list[str]:
    """Rows with their columns under each other; the last one is as long as it is."""
    found = [list(row) for row in rows]
    if not found:
        return []
    widths = [max(len(row[i]) for row in found) for i in range(len(found[0]))]
    return [gap.join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in found]


def hanging(line: str, width: int) -> list[str]:
    """A line that is too long for a terminal, broken between words; what follows stands under its last column."""
    import textwrap

    if len(line) <= width:
        return [line]
    column = line.rstrip().rfind("  ") + 2
    indent = len(line) - len(line.lstrip()) + 2
    hang = column if indent < column <= width * 0.7 else indent
    return textwrap.wrap(line, width, subsequent_indent=" " * hang)


def list_lines(found: AlertList, letters: GlyphSet) -> list[Columns | Text]:
    """The table, then what stands behind it, then where to ask on."""
    lines: list[Columns | Text] = []
    rows = found["items"]
    if rows:
        table = Columns(HEADER, drop=DROP, least=LEAST)
        for row in rows:
            shape, *cells = _cells(row, letters)
            table.add(Text(shape, style=ALERT_COLOURS[shown_as(row)]), *cells)
        lines.append(table)
    lines += [Text(f"{c['text']}: {_ids(c['alerts'])}") for c in found["summary"]["causes"]]
    lines += [Text(line) for line in _summary(found["summary"])]
    if rows:
        lines.append(Text(f"Ask why: busta alerts explain {rows[0]['id']}"))
    return lines


def show_lines(a: AlertRow, letters: GlyphSet) -> list[Text]:
    """One alert as it stands: a headline, then its facts; what does not apply is left out."""
    head = Text(f"{letters.alerts[shown_as(a)]} {a['id']} {a['source']} {a['rule']}")
    head.append(f" ({a['label']})" if a["label"] else "")
    head.append(f": {a['state']}, {a['severity']}" + (" (shadow)" if a["shadow"] else ""))
    head.stylize(ALERT_COLOURS[shown_as(a)], 0, len(letters.alerts[shown_as(a)]))
    step = f"L{a['step']} of {a['steps']}" + (f" of policy {a['policy']}" if a["policy"] else "")
    hold = f"{a['acknowledged']}, until {a['acked_until']}" + (f": {a['note']}" if a["note"] else "")
    snoozed = f"by {a['snoozed_by']} until {a['snoozed_until']}" if a["snoozed_until"] else None
    facts = (
        ("reason", a["reason"]),
        ("first bad", a["first_bad_at"]),
        ("last bad", a["last_bad_at"]),
        ("pending", a["pending_at"]),
        ("opened", a["opened_at"]),
        ("resolved", a["resolved_at"]),
        ("why resolved", a["resolve_reason"]),
        ("open for", None if a["open_s"] is None else duration_text(a["open_s"])),
        ("step", step if a["steps"] else None),
        ("acknowledged", hold if a["acked_by"] else "no"),
        ("snoozed", snoozed),
        ("held by", a["suppressed_by"]),
        ("flapping", "yes" if a["flapping"] else None),
        ("reopened", f"{a['reopened']} times" if a["reopened"] else None),
        ("notified", ", ".join(a["notified"]) or "none"),
        ("next", a["coming"]),
        ("group", a["group"]),
        ("part of", f"what {a['cause']} has in common" if a["cause"] else None),
    )
    lines = aligned((f"  {key}", value) for key, value in facts if value)
    return [head, *map(Text, lines), Text(f"Ask why: busta alerts explain {a['id']}")]


def shown_as(alert: AlertRow) -> str:
    """What an alert shows: its severity while it is open, else its state."""
    if alert["state"] in {"resolved", "cancelled"}:
        return "resolved"
    return "pending" if alert["state"] == "pending" else alert["severity"]


def _cells(a: AlertRow, letters: GlyphSet) -> tuple[str, ...]:
    step = f"L{a['step']} of {a['steps']}" if a["steps"] else letters.dash
    return (
        letters.alerts[shown_as(a)],
        "shadow" if a["shadow"] else a["severity"],
        str(a["id"]),
        a["source"],
        a["rule"] + (f" ({a['label']})" if a["label"] else ""),
        letters.dash if a["open_s"] is None else duration_text(a["open_s"]),
        step,
        a["acknowledged"],
        a["coming"],
    )


def _ids(ids: Sequence[int]) -> str:
    return f"alert{'s' if len(ids) != 1 else ''} {', '.join(map(str, ids))}"


def _summary(behind: AlertsBehind) -> list[str]:
    """One line, or, where much stands behind the list, one each."""
    parts = [f"{behind['open']} open, {behind['unacknowledged']} not acknowledged."]
    if behind["pending"]:
        parts.append(f"{len(behind['pending'])} pending ({_named(behind['pending'], progress=True)}).")
    if behind["held"]:
        parts.append(f"{len(behind['held'])} held by maintenance ({_named(behind['held'])}).")
    if behind["inhibited"]:
        parts.append(f"{len(behind['inhibited'])} suppressed by another alert ({_named(behind['inhibited'])}).")
    if behind["shadow"]:
        parts.append(f"{len(behind['shadow'])} shadow, not sent ({_named(behind['shadow'])}).")
    whole = " ".join(parts)
    return [whole] if len(whole) <= ONE_LINE else parts


def _named(alerts: Sequence[AlertBrief], *, progress: bool = False) -> str:
    named = [f"{a['id']} {a['source']} {a['rule']}" + (f", {a['progress']}" if progress else "") for a in alerts[:3]]
    return "; ".join(named) + (f"; {len(alerts) - 3} more" if len(alerts) > 3 else "")
