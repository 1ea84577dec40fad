"""A message as words, before any format: what every payload is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace

from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.units import from_epoch

LOUD = frozenset({NotificationKind.OPENED, NotificationKind.ESCALATED, NotificationKind.RENOTIFIED})
"""Worth telling the whole channel even where the message itself is changed in place."""


@dataclass(frozen=True, slots=True)
class At:
    """An instant inside a sentence. Slack shows it in the reader's zone, mail in UTC."""

    epoch: int

    def utc(self, today: int | None = None, *, zone: bool = True) -> str:
        """`07:50 UTC`, with the date where it is not that of `today`."""
        at = from_epoch(self.epoch)
        day = "" if today is None or at.date() == from_epoch(today).date() else f"{at.day} {at:%b} "
        return f"{day}{at:%H:%M}{' UTC' if zone else ''}"


Part = str | At


@dataclass(frozen=True, slots=True)
class Line:
    """A labelled sentence. `joins`: in flowing text it follows the line before without its label."""

    label: str
    parts: tuple[Part, ...]
    joins: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """A plain link; acknowledging needs no public endpoint."""

    id: str
    label: str
    url: str
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """`notification` is the one line that a phone shows; `reply` goes below a message that is changed in place, and
    with `reply_loud` to the whole channel. `word` is the severity or the state. `table` is text in plain columns.
    """

    shape: str
    word: str
    headline: str
    summary: str
    notification: str
    lines: tuple[Line, ...] = ()
    buttons: tuple[Button, ...] = ()
    context: tuple[Part, ...] = ()
    reply: tuple[Part, ...] = ()
    reply_loud: bool = False
    entries: tuple[Entry, ...] = ()
    table: str = ""

    def without_buttons(self) -> Text:
        """The same text, for a format that has its links elsewhere."""
        return replace(self, buttons=())

    def marked(self, mark: str) -> Text:
        """The same text, with this in front of it wherever it is read."""
        return replace(
            self,
            headline=f"{mark}: {self.headline}",
            summary=f"{mark}: {self.summary}",
            notification=f"{mark}: {self.notification}",
            reply=(f"{mark}: ", *self.reply) if self.reply else (),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One source of a group: shape, name, link, what about it."""

    shape: str
    name: str
    url: str | None
    tail: str


def flat(parts: tuple[Part, ...], today: int | None = None) -> str:
    """Parts as one plain text in UTC."""
    return "".join(p if isinstance(p, str) else p.utc(today) for p in parts)
