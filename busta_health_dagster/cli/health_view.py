"""`sources health --watch` as text: worst first, one reason line under what is not up. Pure: a document in, lines out."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from busta_health_dagster.cli.alert_lines import aligned, shown_as
from busta_health_dagster.cli.glyphs import ALERT_COLOURS, COLOURS, GlyphSet, sparkline
from busta_health_dagster.cli.health_layout import (
    KIND,
    LAYOUTS,
    SOURCE,
    STATUS,
    Layout,
    column_heads,
    fit,
    legend,
    resample,
    response_width,
)
from busta_health_dagster.cli.health_summary import Lost, counted, header, open_alerts, shown_in
from busta_health_dagster.domain.units import from_epoch, from_iso
from busta_health_dagster.wording import numbers, percentages
from busta_health_dagster.wording.durations import duration_text, milliseconds_text
from busta_health_dagster.wording.glyphs import STATUS_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from busta_health_dagster.domain.documents.sources import Fleet, SourceRow

_INDENT = " " * STATUS


def render(
    fleet: Fleet,
    *,
    width: int,
    height: int,
    letters: GlyphSet,
    note: str = "",
    live: bool = False,
    lost: Lost | None = None,
) -> list[Text]:
    """Lines of at most `width` columns, at most `height` of them: the worst sources stay, the rest become one line.

    `note` stands in the footer (`Ctrl-C stops`); `live` is said in the head. A stale monitor turns every status into NO
    DATA and says so on line 2.
    """
    layout = next(one for one in LAYOUTS if width >= one.width)
    lines = [*header(fleet, width, letters, lost, live=live), Text(""), column_heads(layout, letters)]
    footer = [Text(""), *legend(layout, letters, note)]
    rows = fleet["sources"]
    alerts = _alerts(fleet, letters, room=max(0, height // 4 - 2)) if layout.kind else []
    blocks = [_block(fleet, row, letters, layout, width) for row in rows]
    room = height - len(lines) - len(footer) - len(alerts)
    count, used = 0, 0
    for block in blocks:
        last = count == len(blocks) - 1
        if used + len(block) + (0 if last else 1) > room:
            break
        used += len(block)
        count += 1
    for block in blocks[:count]:
        lines.extend(block)
    if rows[count:]:
        lines.append(_rest(fleet, rows[count:]))
    lines += [*alerts, *footer]
    for line in lines:
        line.truncate(width, overflow="ellipsis" if letters.cut == "…" else "crop")
    return lines


def _block(fleet: Fleet, row: SourceRow, letters: GlyphSet, layout: Layout, width: int) -> list[Text]:
    status = shown_in(fleet, row)
    unwell = status in {"down", "degraded", "unknown"}
    line = Text()
    line.append(f"{letters.shapes[status]} {STATUS_LABEL[status]:<9}", style=COLOURS[status])
    line.append(f"{fit(row['source'], SOURCE - 1, letters):<{SOURCE}}", style="bold" if unwell else "default")
    if layout.kind:
        kind = f"{fit(row['type'], KIND - 5, letters)} {letters.dot} {row['tier']}"
        line.append(f"{kind:<{KIND}}")
    for word, run in groupby(resample(fleet["strips"].get(row["source"], ()), layout.bars)):
        line.append(letters.bars[word or "unknown"] * len(list(run)), style=COLOURS[word or "unknown"])
    dash = letters.dash
    answered = status in {"up", "degraded", "maintenance", "off_season"} and row["response_ms"] is not None
    code = f"HTTP {row['http_status']}" if status == "down" and row["http_status"] else dash
    response = milliseconds_text(row["response_ms"]) if answered else code
    line.append(
        "".join(f" {letters.write(percentages.share(row['uptime'].get(w))):>6}" for w in layout.windows)
        + f" {response:>{response_width(layout)}}"
    )
    if layout.money:
        quality = row["quality"]
        score = letters.write(numbers.score(None if status in {"down", "unknown"} else quality))
        left = letters.write(percentages.budget(row["budget_left"]))
        line.append(f" {score:>5} {left:>7}")
    lines = [line]
    why = reason(fleet, row, status, letters, room=(77 if layout.kind else width) - STATUS)
    if why:
        text = Text(_INDENT + why, style=COLOURS[status])
        if layout.kind and fleet["responses"].get(row["source"]):
            text.truncate(77, pad=True)
            values = list(fleet["responses"][row["source"]])[-16:]
            text.append(f" response 24 h  {sparkline(values, letters)}", style="default")
        lines.append(text)
    return lines


def reason(fleet: Fleet, row: SourceRow, status: str, letters: GlyphSet, *, room: int) -> str:
    """Why; then for how long, who has it and what comes next, as far as there is room: a cut reason tells nothing."""
    if status == "up" and not fleet["stale"] and not row["reservations"]:
        return ""
    parts = list(_notified(fleet, row, status))
    said = fit(parts[0], room, letters)
    for part in parts[1:]:
        if len(said) + len(part) + 2 <= room:
            said += f"; {part}"
    return said


def _notified(fleet: Fleet, row: SourceRow, status: str) -> Iterator[str]:
    """What there is to say of a source that is not up, the most important first."""
    if fleet["stale"]:
        if row["observed_at"] is None:
            yield "never seen"
            return
        yield f"last seen {STATUS_LABEL[row['last_status']]} at {from_epoch(from_iso(row['observed_at'])):%H:%M}"
        if row["response_ms"] is not None:
            yield milliseconds_text(row["response_ms"])
        return
    if status == "up":
        for n, past in enumerate(row["reservations"]):
            yield past if n else f"but {past}"
        return
    if status == "off_season":
        until = row["off_season_until"]
        yield "off season" if until is None else f"off season until {from_epoch(from_iso(until)):%Y-%m-%d %H:%M}"
        yield "answers" if row["last_status"] in {"up", "degraded"} else row["reason"]
        return
    if status == "maintenance" and row["maintenance_until"] is not None:
        yield f"maintenance until {from_epoch(from_iso(row['maintenance_until'])):%H:%M}"
        yield "alerts held"
        if row["status"] != "up":
            yield row["reason"]
        return
    yield row["reason"]
    if row["since"]:
        yield f"for {duration_text(from_iso(fleet['at']) - from_iso(row['since']))}"
    alert = next((a for a in fleet["alerts"] if a["source"] == row["source"]), None)
    if alert is not None:
        yield "not acknowledged" if alert["acked_by"] is None else str(alert["acked_by"])
        if alert["next"] is not None:
            yield alert["coming"]


def _alerts(fleet: Fleet, letters: GlyphSet, *, room: int) -> list[Text]:
    """Open alerts with the steps of their ladder that were reached, and what comes next."""
    found = open_alerts(fleet)
    if not found or not room:
        return []
    at = from_iso(fleet["at"])
    rows = []
    for a in found[:room]:
        ladder = "".join(f"[L{n}]" if n <= a["step"] else f" L{n} " for n in range(1, a["steps"] + 1))
        has = "not acknowledged" if a["acked_by"] is None else a["acknowledged"]
        age = duration_text(at - from_iso(a["opened_at"])) if a["opened_at"] else letters.dash
        rows.append(
            (
                f"{letters.alerts[shown_as(a)]:<2} {a['severity']}",
                str(a["id"]),
                a["source"],
                a["rule"],
                f"{age:>9}",
                ladder,
                has,
                f"next: {a['coming']}",
            )
        )
    lines = [Text("")]
    for n, (a, text) in enumerate(zip(found, aligned(rows), strict=False)):
        line = Text(f"{'ALERTS' if n == 0 else '':<{STATUS}}")
        line.append(text[:2], style=ALERT_COLOURS[shown_as(a)])
        line.append(text[2:])
        lines.append(line)
    if len(found) > room:
        lines.append(Text(f"{_INDENT}{len(found) - room} more: busta alerts list"))
    return lines


def _rest(fleet: Fleet, rest: Sequence[SourceRow]) -> Text:
    worst = min(
        (row for row in rest if row["uptime"].get("30d") is not None),
        key=lambda r: r["uptime"]["30d"] or 0.0,
        default=None,
    )
    worst_30d = f"; worst {percentages.percent(worst['uptime']['30d'])} ({worst['source']})" if worst else ""
    text = f"{_INDENT}{len(rest):,} more: {counted(fleet, rest)}{worst_30d}"
    return Text(text, style=COLOURS[shown_in(fleet, rest[0])])
