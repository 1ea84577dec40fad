"""`sources health --watch` as text: worst first, one reason line under what is not well. Pure: values in, lines out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from busta_health_dagster.cli.shapes import COLOURS, WORDS, Alphabet, sparkline
from busta_health_dagster.domain.health import WORST_FIRST
from busta_health_dagster.domain.units import duration_text, floored, from_epoch, milliseconds_text

if TYPE_CHECKING:
    from busta_health_dagster.domain.health import FleetHealth, SourceHealth

WIDE = 120
_NARROW_BARS = 16
_WIDE_BARS = 48


def render(fleet: FleetHealth, *, width: int, height: int, letters: Alphabet, note: str = "") -> list[Text]:
    """Lines of at most `width` columns, at most `height` of them: the worst sources stay, the rest become one line.

    `note` stands in the footer (`Ctrl-C stops`). A stale monitor turns every status into NO DATA and says so on line 2.
    """
    wide = width >= WIDE
    lines = [*_header(fleet, width, letters), Text(""), _columns(wide)]
    footer = [Text(""), *_legend(wide, letters, note)]
    blocks = [_block(fleet, row, letters, wide=wide) for row in fleet.rows]
    room = height - len(lines) - len(footer)
    shown, used = 0, 0
    for block in blocks:
        last = shown == len(blocks) - 1
        if used + len(block) + (0 if last else 1) > room:
            break
        used += len(block)
        shown += 1
    for block in blocks[:shown]:
        lines.extend(block)
    rest = fleet.rows[shown:]
    if rest:
        lines.append(_rest(fleet, rest, letters))
    lines.extend(footer)
    for line in lines:
        line.truncate(width, overflow="ellipsis" if letters.dash == "—" else "crop")
    return lines


def _header(fleet: FleetHealth, width: int, letters: Alphabet) -> list[Text]:
    clock = f"{from_epoch(fleet.at):%H:%M:%S} UTC"
    if fleet.stale_monitor:
        right = f"{clock} {letters.dot} STALE"
        since = (
            "has never reported"
            if fleet.tick_at is None
            else f"has not reported since {from_epoch(fleet.tick_at):%H:%M:%S}"
        )
        age = "" if fleet.tick_at is None else f" ({duration_text(fleet.at - fleet.tick_at)})"
        second = Text(f"{letters.shapes['unknown']} The monitor {since}{age}. Treat all as unknown.", style="bold red")
    else:
        left = max(0, (fleet.next_tick_at or fleet.at) - fleet.at)
        right = f"{clock} {letters.dot} live {letters.dot} next check in {left // 60}:{left % 60:02d}"
        second = Text()
        for status in WORST_FIRST:
            count = fleet.counts[status]
            if count or status == "up":
                name = "no data" if status == "unknown" else status
                second.append(f"{letters.shapes[status]} {count} {name}  ", style=COLOURS[status])
        alerts = sum(row.open_alerts for row in fleet.rows)
        tail = f"{alerts} alert{'' if alerts == 1 else 's'}"
        second.append(" " * max(1, width - second.cell_len - len(tail)) + tail)
    first = Text("Source health", style="bold")
    first.append(" " * max(1, width - first.cell_len - len(right)) + right, style="default")
    lines = [first, second]
    if fleet.config_problem:
        lines.append(
            Text(
                f"! Configuration not accepted, the last good one rules: {fleet.config_problem.splitlines()[0]}",
                style="bold yellow",
            )
        )
    return lines


def _columns(wide: bool) -> Text:
    if wide:
        bars = "LAST 24 H, ONE BAR PER 30 MIN".ljust(_WIDE_BARS)
        shares = f"{'24 H %':>6} {'7 D %':>6} {'30 D %':>6}"
        head = (
            f"{'STATUS':<11}{'SOURCE':<19}{'KIND · TIER':<13}{bars} {shares} {'RESPONSE':>8} {'QUAL':>5} {'BUDGET%':>7}"
        )
    else:
        head = f"{'STATUS':<11}{'SOURCE':<19}{'LAST 24 H':<{_NARROW_BARS}} {'30 D %':>6} {'RESPONSE':>8} {'QUAL':>5} {'BUDGET%':>7}"
    return Text(head, style="bold")


def _block(fleet: FleetHealth, row: SourceHealth, letters: Alphabet, *, wide: bool) -> list[Text]:
    status = "unknown" if fleet.stale_monitor else row.shown
    line = Text()
    line.append(f"{letters.shapes[status]} {WORDS[status]:<9}", style=COLOURS[status])
    line.append(f"{_fit(row.source, 18):<19}", style="bold" if row.unhealthy else "default")
    if wide:
        line.append(f"{_fit(f'{row.type} {letters.dot} {row.tier}', 12):<13}")
    bars = _WIDE_BARS if wide else _NARROW_BARS
    for word in _resample(fleet.strips.get(row.source, ()), bars):
        line.append(letters.bars[word or "unknown"], style=COLOURS[word or "unknown"])
    dash = letters.dash
    answered = status in {"up", "degraded", "maintenance"} and row.response_ms is not None
    code = str(row.http_status) if status == "down" and row.http_status else dash
    response = milliseconds_text(row.response_ms) if answered else code
    shares = [_share(row.uptime.get(w), dash) for w in (("24h", "7d", "30d") if wide else ("30d",))]
    quality = dash if row.quality is None or status in {"down", "unknown"} else f"{floored(row.quality, 1):.1f}"
    budget = dash if row.budget_left is None else f"{floored(row.budget_left, 1):.1f}".replace("-", letters.minus)
    line.append("".join(f" {share:>6}" for share in shares) + f" {response:>8} {quality:>5} {budget:>7}")
    lines = [line]
    reason = _reason(fleet, row, status)
    if reason:
        text = Text(" " * 11 + reason, style=COLOURS[status])
        if wide and fleet.responses.get(row.source):
            text.truncate(77, pad=True)
            values = list(fleet.responses[row.source])[-16:]
            text.append(f" response 24 h  {sparkline(values, letters)}", style="default")
        lines.append(text)
    return lines


def _reason(fleet: FleetHealth, row: SourceHealth, status: str) -> str:
    if fleet.stale_monitor:
        if row.observed_at is None:
            return "never seen"
        seen = f"last seen {WORDS[row.status]} at {from_epoch(row.observed_at):%H:%M}"
        return f"{seen}, {milliseconds_text(row.response_ms)}" if row.response_ms is not None else seen
    if status == "up":
        return ""
    if status == "maintenance" and row.maintenance_until is not None:
        return f"{row.reason or 'planned work'} until {from_epoch(row.maintenance_until):%H:%M}; alerts held"
    what = row.detail or row.reason
    return f"{what}; for {duration_text(fleet.at - row.since)}" if row.since else what


def _rest(fleet: FleetHealth, rest: tuple[SourceHealth, ...], letters: Alphabet) -> Text:
    worst = min(
        (row for row in rest if row.uptime.get("30d") is not None), key=lambda r: r.uptime["30d"] or 0.0, default=None
    )
    status = "unknown" if fleet.stale_monitor else rest[0].shown
    tail = f", worst {_share(worst.uptime['30d'], '')} ({worst.source})" if worst else ""
    return Text(f"{letters.shapes[status]} {WORDS[status]:<9}{len(rest)} more{tail}", style=COLOURS[status])


def _legend(wide: bool, letters: Alphabet, note: str) -> list[Text]:
    bars = letters.bars
    words = (
        ("up", "up"),
        ("degraded", "degraded"),
        ("down", "down"),
        ("maintenance", "maintenance"),
        ("unknown", "no data"),
    )
    keys = "  ".join(f"{bars[status]} {word}" for status, word in words)
    more = f"More: busta alerts list {letters.dot} busta sources info NAME"
    if wide:
        scale = f"{letters.dot} response: each on its own scale from 0, {letters.no_answer} no answer"
        return [Text(f"24 h: {keys} {scale}    {note}", style="dim")]
    return [
        Text(f"{keys}  {letters.dot} one bar: worst of 90 min", style="dim"),
        Text(f"{note} {more}".strip(), style="dim"),
    ]


def _share(value: float | None, dash: str) -> str:
    if value is None:
        return dash
    return "100" if value >= 100 else f"{floored(value, 2):.2f}"


def _fit(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "~"


def _resample(strip: tuple[str | None, ...], bars: int) -> list[str | None]:
    """The worst word of each group, so that a short outage cannot vanish between two bars."""
    if not strip:
        return [None] * bars
    out: list[str | None] = []
    for i in range(bars):
        part = strip[i * len(strip) // bars : max((i + 1) * len(strip) // bars, i * len(strip) // bars + 1)]
        known = [word for word in part if word is not None]
        ranked = ("down", "degraded", "maintenance", "up", "unknown")
        out.append(min(known, key=ranked.index) if known else None)
    return out
