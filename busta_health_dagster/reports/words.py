"""Instants in the zone of the report, and its numbers against those of the week before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.wording import durations, numbers, percentages

if TYPE_CHECKING:
    from busta_health_dagster.domain.report import Figure, SlaRow, Week


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
        return percentages.share(one.now), "%", percentages.share(one.before), numbers.change(one.now, one.before)
    if one.unit == "s":
        texts = durations.duration_text(one.now), durations.duration_text(one.before)
        return texts[0], "", texts[1], durations.duration_change(one.now, one.before)
    if one.name.startswith("Quality"):
        moved = numbers.change(_ten(one.now), _ten(one.before), 1)
        return numbers.score(one.now), "", numbers.score(one.before), moved
    unit = f"of {one.of}" if one.of is not None and one.now is not None else ""
    return numbers.count(one.now), unit, numbers.count(one.before), numbers.change(one.now, one.before, 0)


def is_worse(one: Figure) -> bool:
    """Of what is shown: 96.3 after 96.3 is no loss, whatever the third decimal says."""
    if one.now is None or one.before is None or not one.worse:
        return False
    changed = figure(one)[3]
    return changed.startswith("+" if one.worse == "up" else numbers.MINUS)


def fell(row: SlaRow) -> bool:
    """Did its week get visibly worse?"""
    return row.week is not None and row.week_before is not None and row.week - row.week_before <= -0.5


def _ten(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
