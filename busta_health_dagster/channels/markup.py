"""Text -> rows in the mark-up of a chat: one writer for the channels that differ in nothing but their escaping and their limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.channels.text import flat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from busta_health_dagster.channels.text import Text
    from busta_health_dagster.domain.notification import Notification

NAMED = 10
"""Of a group so many sources by name."""


@dataclass(frozen=True, slots=True)
class Markup:
    """How a format writes. `strong` gets escaped text, `link` an escaped label and a URL that is ours, `block` text as it is."""

    escape: Callable[[str], str]
    strong: Callable[[str], str]
    link: Callable[[str, str], str]
    block: Callable[[str], str]


PLAIN = Markup(lambda t: t, lambda t: f"{t}:", lambda label, url: f"{label}: {url}", lambda t: t)


def lead(text: Text) -> str:
    """The first line: the source's shape and what is wrong."""
    return f"{text.shape} {text.headline}".strip()


def labelled(text: Text, today: int) -> list[tuple[str, str]]:
    """(label, sentence) of each line in UTC; a line that joins is part of the one before."""
    rows: list[tuple[str, str]] = []
    for line in text.lines:
        said = flat(line.parts, today)
        if line.joins and rows:
            rows[-1] = (rows[-1][0], f"{rows[-1][1]} {said}")
        else:
            rows.append((line.label, said))
    return rows


def entries(text: Text) -> list[str]:
    """The sources of a group, worst first; the last row says how many more there are."""
    shown = [f"{e.shape} {e.name} · {e.tail}" for e in text.entries[:NAMED]]
    rest = len(text.entries) - NAMED
    return [*shown, f"{rest} more"] if rest > 0 else shown


def written(
    notification: Notification, text: Text, markup: Markup, limit: int, size: Callable[[str], int] = len
) -> str:
    """Everything below the first line, within `limit` by `size`. Whole rows are left out, never halves, and links last."""
    links = " · ".join(markup.link(markup.escape(b.label), b.url) for b in text.buttons)
    room = limit - (size(links) + 1 if links else 0)
    rows = bounded(tuple(_rows(text, notification.at, markup, room // 2, size)), room, size)
    return "\n".join([*rows, links] if links else rows)


def bounded(rows: Sequence[str], limit: int, size: Callable[[str], int] = len) -> list[str]:
    """The first rows that fit with their line ends; `…` stands for the rest."""
    kept: list[str] = []
    used = 0
    for index, row in enumerate(rows):
        more = size(row) + 1
        reserve = 4 if index < len(rows) - 1 else 0  # for the ellipsis, which is 3 bytes, and its line end
        if used + more + reserve > limit:
            kept.append("…")
            break
        kept.append(row)
        used += more
    return kept


def cut(text: str, limit: int, size: Callable[[str], int] = len) -> str:
    """The text, or as much of it as fits with an ellipsis."""
    if size(text) <= limit:
        return text
    room = limit - size("…")
    kept = text[: max(room, 0)]
    while kept and size(kept) > room:
        kept = kept[: -max(1, (size(kept) - room) // 4)]
    return f"{kept.rstrip()}…"


def utf16(text: str) -> int:
    """The length as most chats count it: an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf8(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _rows(text: Text, today: int, markup: Markup, block_limit: int, size: Callable[[str], int]) -> Iterator[str]:
    for label, said in labelled(text, today):
        yield f"{markup.strong(markup.escape(label))} {markup.escape(said)}" if label else markup.escape(said)
    for entry in entries(text):
        yield markup.escape(entry)
    if text.table:
        yield markup.block("\n".join(bounded(text.table.splitlines(), block_limit, size)))
    if text.context:
        yield markup.escape(flat(text.context, today))
