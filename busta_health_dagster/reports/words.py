"""Numbers as the report says them. Shares and scores are floored: what is shown never flatters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from busta_health_dagster.domain.units import duration_text, floor_to, floored, from_epoch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.report import Figure, SlaRow, Week

DASH = "—"
MINUS = "−"
SHAPES = {"down": "■", "degraded": "▲", "up": "●", "maintenance": "◆", "unknown": "○"}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def exact(value: float) -> Fraction:
    """The decimal that was written: 99.13 is 9913/100, not the binary neighbour below it."""
    return Fraction(str(value))


def share(value: float | None, places: int = 2) -> str:
    """99.49, floored; 100.00 only when nothing at all was bad."""
    return DASH if value is None else _signed(floored(exact(value), places), places)


def budget(value: float | None) -> str:
    return share(value, 1)


def score(value: float | None) -> str:
    return DASH if value is None else f"{floored(exact(round(value, 6)), 1):.1f}"


def response(ms: float | None) -> str:
    if ms is None:
        return DASH
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.2f} s"


def limit(ms: float | None) -> str:
    if ms is None:
        return DASH
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def took(seconds: float | None) -> str:
    return DASH if seconds is None else duration_text(max(seconds, 0))


def percent_change(value: float | None) -> str:
    """+124 %, −1 %; 0 % is no change."""
    if value is None:
        return DASH
    whole = round(value)
    return "0 %" if whole == 0 else f"{'+' if whole > 0 else MINUS}{abs(whole):,} %"


def change(now: float | None, before: float | None, places: int = 2) -> str:
    """The difference of what is shown, so that the reader's own subtraction gives the same: +0.25, −0.80, 0.00."""
    if now is None or before is None:
        return DASH
    difference = round(floored(exact(now), places) - floored(exact(before), places), places)
    if difference == 0:
        return f"{0:.{places}f}"
    return f"{'+' if difference > 0 else MINUS}{abs(difference):,.{places}f}"


def slope(value: float | None) -> str:
    if value is None:
        return DASH
    shown = round(value, 2)
    return "0.00" if shown == 0 else f"{'+' if shown > 0 else MINUS}{abs(shown):.2f}"


def count(value: float | None) -> str:
    return DASH if value is None else f"{value:,.0f}"


def plural(n: float, one: str, many: str = "") -> str:
    return f"{n:,.0f} {one if n == 1 else many or one + 's'}"


def spelled(n: int) -> str:
    """Up to twelve in letters, as prose has it."""
    return NUMBERS[n] if 0 <= n < len(NUMBERS) else f"{n:,}"


def some(n: int, one: str, many: str = "") -> str:
    return f"{spelled(n)} {one if n == 1 else many or one + 's'}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """a, b and c; of more than `most` + 1 the rest is counted."""
    if len(names) > most + 1:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Calendar:
    """Instants as the configured zone writes them."""

    week: Week

    def local(self, epoch: int) -> datetime:
        return from_epoch(epoch).astimezone(ZoneInfo(self.week.zone))

    def day(self, epoch: int) -> str:
        """Mon 16 November"""
        at = self.local(epoch)
        return f"{at:%a} {at.day} {at:%b}"

    def moment(self, epoch: int) -> str:
        """Fri 20 Nov 08:40"""
        return f"{self.day(epoch)} {self.local(epoch):%H:%M}"

    def short(self, epoch: int) -> str:
        """20 Nov 08:40"""
        at = self.local(epoch)
        return f"{at.day} {at:%b %H:%M}"

    def since(self, epoch: int) -> str:
        """02:30 today, or with its day."""
        today = self.local(self.week.as_of).date()
        return f"{self.local(epoch):%H:%M} today" if self.local(epoch).date() == today else self.moment(epoch)

    def span(self, start: int, end: int) -> str:
        """Thu 19 Nov 07:00–09:00; with its zone where the clocks change in between: 02:00 CEST–02:00 CET."""
        first, last = self.local(start), self.local(end)
        same = first.date() == last.date()
        if first.utcoffset() != last.utcoffset():
            return f"{self.moment(start)} {first:%Z}–{'' if same else self.day(end) + ' '}{last:%H:%M %Z}"
        return f"{self.moment(start)}–{self.local(end):%H:%M}" if same else f"{self.moment(start)} – {self.moment(end)}"

    @property
    def title(self) -> str:
        """Mon 16 to Sun 22 November 2026, UTC"""
        first, last = self.local(self.week.since), self.local(self.week.ends - 1)
        head = f"{first:%a} {first.day}"
        if first.year != last.year:
            head += f" {first:%B %Y}"
        elif first.month != last.month:
            head += f" {first:%B}"
        return f"{head} to {last:%a} {last.day} {last:%B %Y}, {self.week.zone}"


def figure(one: Figure) -> tuple[str, str, str, str]:
    """(value, unit, last week's, change) as texts."""
    if one.unit == "%":
        return share(one.now), "%", share(one.before), change(one.now, one.before)
    if one.unit == "s":
        return took(one.now), "", took(one.before), _longer(one.now, one.before)
    if one.name.startswith("Quality"):
        return score(one.now), "", score(one.before), change(_ten(one.now), _ten(one.before), 1)
    unit = f"of {one.of}" if one.of is not None and one.now is not None else ""
    return count(one.now), unit, count(one.before), change(one.now, one.before, 0)


def is_worse(one: Figure) -> bool:
    """Of what is shown: 96.3 after 96.3 is no loss, whatever the third decimal says."""
    if one.now is None or one.before is None or not one.worse:
        return False
    changed = figure(one)[3]
    return changed.startswith("+" if one.worse == "up" else MINUS)


def fell(row: SlaRow) -> bool:
    """Did its week get visibly worse?"""
    return row.week is not None and row.week_before is not None and row.week - row.week_before <= -0.5


def _longer(now: float | None, before: float | None) -> str:
    if now is None or before is None:
        return DASH
    difference = _as_shown(now) - _as_shown(before)
    if abs(difference) < 60:
        return "0 min"
    return f"{'+' if difference > 0 else MINUS}{duration_text(abs(difference))}"


def _as_shown(seconds: float) -> int:
    """Durations of a day and more are told in hours, shorter ones in minutes."""
    return floor_to(seconds, 3600 if seconds >= 86400 else 60)


def _ten(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _signed(value: float, places: int) -> str:
    return f"{value:,.{places}f}".replace("-", MINUS)
