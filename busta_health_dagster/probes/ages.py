"""How old data are: where their times stand, which of them counts, and what is said when none can be read."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, model_validator

from busta_health_dagster.domain.fields import Strict
from busta_health_dagster.domain.units import iso
from busta_health_dagster.probes.json_path import JsonPath
from busta_health_dagster.probes.port import Finding
from busta_health_dagster.probes.time_text import from_number, from_text

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOLERATED_FUTURE_S = 300.0
_OLDEST = 788_918_400.0  # 1995-01-01: 0, -1, a season, an Excel serial and 20261129 are no epochs
_NEWEST_EPOCH_S = 86_400.0  # ahead of now; a number beyond is none either, while a text is a kick-off
_FORMATS = ("auto", "iso", "epoch", "epoch_ms", "rfc2822")
_WORDS = {
    "yyyy": "%Y",
    "yy": "%y",
    "mmmm": "%B",
    "mmm": "%b",
    "dd": "%d",
    "HH": "%H",
    "hh": "%I",
    "ss": "%S",
    "SSS": "%f",
    "EEEE": "%A",
    "EEE": "%a",
    "a": "%p",
    "XXX": "%z",
    "Z": "%z",
    "z": "%Z",
}
_WORD = re.compile(r"'[^']*'|([A-Za-z])\1*")


def _known_zone(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{zone!r} is not a time zone; write for instance America/New_York") from error
    return zone


def _known_format(style: str) -> str:
    if style in _FORMATS:
        return style
    if "%" not in style:
        other = f"; here format: '{_strptime(style)}'" if "yy" in style.lower() else ""
        raise ValueError(
            f"{style!r} is no format; write {', '.join(_FORMATS)} or a pattern of strptime such as %Y-%m-%d{other}"
        )
    try:
        at = datetime(2026, 11, 23, 7, 50, tzinfo=UTC)
        datetime.strptime(at.strftime(style), style)  # noqa: DTZ007  only whether it can be read
    except (ValueError, re.error) as error:
        raise ValueError(
            f"{style!r} is no pattern of strptime: {error}; write for instance %Y-%m-%d %H:%M:%S"
        ) from error
    return style


def _strptime(pattern: str) -> str:
    """`yyyy-MM-dd HH:mm` in strptime's spelling: a month before the hours, a minute behind them."""
    hours = re.search("[Hh]", pattern)

    def word(match: re.Match[str]) -> str:
        text = match[0]
        if text.startswith("'"):
            return text[1:-1]
        if text.lower() in ("mm", "m"):
            behind = hours is not None and match.start() > hours.start()
            both = "m" in pattern and "M" in pattern
            return "%M" if (text.islower() if both else behind) else "%m"
        return next((_WORDS[key] for key in (text, text.lower(), text * 2, text.lower() * 2) if key in _WORDS), text)

    return _WORD.sub(word, pattern)


Zone = Annotated[str, AfterValidator(_known_zone)]
"""A zone of the IANA database, such as America/New_York."""

TimeFormat = Annotated[str, AfterValidator(_known_format)]
"""How a time is written; what can never be read is an error at load."""


class DataAge(Strict):
    """Where the time of an item stands. The newest counts, unless `oldest`.

    `format`: `auto` (ISO 8601, RFC 2822, epoch seconds to nanoseconds ...), `iso`, `epoch`, `epoch_ms`, `rfc2822`, or a
    strptime pattern. `zone` is that of times written without one.
    """

    path: JsonPath | None = None
    header: str | None = None
    column: str | None = None
    format: TimeFormat = "auto"
    zone: Zone = "UTC"
    oldest: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> DataAge:
        if sum(place is not None for place in (self.path, self.header, self.column)) != 1:
            raise ValueError(
                "data_age names one place: {path: $[*].updated}, {header: Last-Modified} or {column: updated_at}"
            )
        return self

    def stands_in(self, items: str | None) -> bool:
        """Is the time one of each item, so that no items means no time?"""
        if self.column is not None:
            return True
        if self.path is None:
            return False
        root = "$" if items is None else items.removesuffix("[*]")
        return self.path.startswith((f"{root}[", f"{root}.")) and (items is not None or self.path.startswith("$[*]"))


class ColumnAge(Strict):
    """The column with the time of a row; the newest counts, unless `oldest`."""

    column: str
    format: TimeFormat = "auto"
    zone: Zone = "UTC"
    oldest: bool = False


class AgeOf(NamedTuple):
    """`age_s` is None when no time could be read. Times more than five minutes ahead are counted, not used: they would
    hide staleness.
    """

    age_s: float | None
    future: int = 0
    unreadable: int = 0


class Ages:
    """Takes times one by one, and keeps only what `found` needs. A time before 1995, or a number that leads more than a
    day ahead, is no time.
    """

    def __init__(self, spec: DataAge, now: float) -> None:
        self._style, self.zone, self._oldest, self._now = spec.format, spec.zone, spec.oldest, now
        self._latest = now + _TOLERATED_FUTURE_S  # further ahead than clocks differ: it says nothing about age
        self._best: float | None = None
        self._future = self._unreadable = 0

    def take(self, value: Any) -> None:
        if value is None:
            return
        if isinstance(value, list):
            for one in value:
                self.take(one)
            return
        style, zone = self._style, self.zone
        epoch = from_text(value, style, zone) if type(value) is str else to_epoch(value, style, zone)
        if epoch is None or epoch < _OLDEST or (epoch > self._now + _NEWEST_EPOCH_S and _is_number(value)):
            self._unreadable += 1
        elif epoch > self._latest:
            self._future += 1
        elif self._best is None or (epoch < self._best if self._oldest else epoch > self._best):
            self._best = epoch

    @property
    def counted(self) -> tuple[float, float]:
        """The epochs between which a time counts."""
        return _OLDEST, self._latest

    def found(self) -> AgeOf:
        return AgeOf(None if self._best is None else max(0.0, self._now - self._best), self._future, self._unreadable)

    def facts(self) -> dict[str, Any]:
        """`newest` tells one content from another; there is none where the oldest time was asked for."""
        facts: dict[str, Any] = {}
        if self._best is not None and not self._oldest:
            facts["newest"] = iso(int(self._best))
        if self._future:
            facts["future_times"] = self._future
        if self._unreadable:
            facts["unreadable_times"] = self._unreadable
        return facts


def in_future(epoch: float, now: float) -> bool:
    """Further ahead than clocks differ: such a time says nothing about age."""
    return epoch > now + _TOLERATED_FUTURE_S


def ages_of(values: Iterable[Any], spec: DataAge, now: float) -> Ages:
    """All of `values` taken."""
    ages = Ages(spec, now)
    for value in values:
        ages.take(value)
    return ages


def age_of(values: Iterable[Any], spec: DataAge, now: float) -> AgeOf:
    """The age in seconds of the newest (or oldest) time among `values`."""
    return ages_of(values, spec, now).found()


def _is_number(value: Any) -> bool:
    return not isinstance(value, str | date) or (isinstance(value, str) and value.strip().lstrip("+-").isdigit())


def to_epoch(value: Any, style: str = "auto", zone: str = "UTC") -> float | None:
    """Epoch seconds of what stands in a payload; None when it is not a time."""
    if isinstance(value, date):
        at = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001
        try:
            return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).timestamp()
        except (ValueError, OverflowError):  # 0001-01-01, 9999-12-31: never, and for ever
            return None
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        try:
            return from_number(float(value), style)
        except (OverflowError, ValueError):  # an integer of 400 digits; a signalling NaN of a database
            return None
    return from_text(value, style, zone) if isinstance(value, str) else None


def age_findings(found: AgeOf, place: str, items: int | None) -> list[Finding]:
    """A time that was asked for and cannot be read is a warning: a source whose age no one can tell is not healthy. No
    items (None: the time stands outside them): no age.
    """
    if found.age_s is not None or items == 0:
        return []
    return [Finding("warning", "age_unknown", f"data_age: {no_age_text(found)} at {place}")]


def no_age_text(found: AgeOf) -> str:
    """Why these times tell no age."""
    if not found.future or found.unreadable:
        return "no time can be read"
    return "the only time lies in the future" if found.future == 1 else f"all {found.future} times lie in the future"


def cell(row: Any, column: str) -> Any:
    """What a row has in a column; `meta.updated` is looked for inside of `meta` where no column has that name."""
    if not isinstance(row, dict):
        return None
    if column in row or "." not in column:
        return row.get(column)
    value: Any = row
    for name in column.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
