"""The widths of `sources health`: which columns fit a terminal, their heads and the legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from busta_health_dagster.cli.glyphs import GlyphSet
from busta_health_dagster.domain.health import WORST_FIRST

if TYPE_CHECKING:
    from collections.abc import Sequence


STATUS, SOURCE, KIND = 11, 19, 14


@dataclass(frozen=True, slots=True)
class Layout:
    """What fits: so many bars under which title, which windows, and whether type, quality and budget have room."""

    width: int
    bars: int
    title: str
    windows: tuple[str, ...] = ("30d",)
    kind: bool = False
    money: bool = True


LAYOUTS = (
    Layout(138, 48, "LAST 24 H, ONE BAR PER 30 MIN", ("24h", "7d", "30d"), kind=True),
    Layout(114, 24, "LAST 24 H, BY THE HOUR", ("24h", "7d", "30d"), kind=True),
    Layout(80, 16, "LAST 24 H"),
    Layout(55, 8, "24 H", money=False),
    Layout(46, 0, "", money=False),
    Layout(0, 0, "", (), money=False),
)
"""Widest first. A column is left out rather than cut: half a number is a wrong number."""


_HEADS = {"24h": "24 H %", "7d": "7 D %", "30d": "30 D %"}


def column_heads(layout: Layout, letters: GlyphSet) -> Text:
    head = f"{'STATUS':<{STATUS}}{'SOURCE':<{SOURCE}}"
    if layout.kind:
        head += f"{f'KIND {letters.dot} TIER':<{KIND}}"
    head += layout.title.ljust(layout.bars) + "".join(f" {_HEADS[w]:>6}" for w in layout.windows)
    return Text(
        head + f" {'RESPONSE':>{response_width(layout)}}" + (f" {'QUAL':>5} {'BUDGET%':>7}" if layout.money else ""),
        style="bold",
    )


def response_width(layout: Layout) -> int:
    """Of the column of response times: 1 min 05 s fits wherever there is room for it."""
    return 10 if layout.windows else 8


def legend(layout: Layout, letters: GlyphSet, note: str) -> list[Text]:
    bars = letters.bars
    keys = "  ".join(f"{bars[status]} {status}" for status in ("up", "degraded", "down", "maintenance"))
    keys += f"  {bars['unknown']} no data"
    more = f"{note} More: busta alerts list".strip()
    if layout.money:
        more += f" {letters.dot} busta sources info NAME"
    if layout.kind:
        scale = f"{letters.dot} response: each on its own scale from 0, {letters.no_answer} no answer"
        return [Text(f"24 h: {keys} {scale}", style="dim"), Text(more, style="dim")]
    if not layout.money:
        return [Text(keys if layout.bars else "", style="dim"), Text(more, style="dim")]
    return [
        Text(f"{keys}  {letters.dot} one bar: worst of {24 * 60 // layout.bars} min", style="dim"),
        Text(more, style="dim"),
    ]


def fit(text: str, size: int, letters: GlyphSet) -> str:
    return text if len(text) <= size else text[: size - 1].rstrip() + letters.cut


def resample(strip: Sequence[str | None], bars: int) -> list[str | None]:
    """The worst word of each group, so that neither a short outage nor a time in which no one knew vanishes between bars."""
    if not strip:
        return [None] * bars
    if len(strip) == bars:
        return list(strip)
    out: list[str | None] = []
    for i in range(bars):
        part = strip[i * len(strip) // bars : max((i + 1) * len(strip) // bars, i * len(strip) // bars + 1)]
        known = [word for word in part if word is not None]
        out.append(min(known, key=WORST_FIRST.index) if known else None)
    return out
