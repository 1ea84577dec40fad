"""Dates in URLs, parameters, bodies, paths and queries: `{today}`, `{today-1d:%Y/%m/%d}`, `{now:%Y%m%dT%H}`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

_DATE = re.compile(r"\{(today|now)(?:([+-]\d{1,4})([dhmw]))?(?::([^{}]*%[^{}]*))?\}")
_MEANT = re.compile(r"\{(?:today|now)\b[^{}]*\}?")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ELAPSED = ("m", "h")
_REMEDY = "write {today}, {today-1d}, {today:%Y%m%d} or {now-1h:%Y%m%dT%H}"


def fill(text: str, now: float, zone: str) -> str:
    """The text with its dates, as they are at `now` in `zone`. Hours and minutes are elapsed time, also where clocks change;
    days and weeks keep the time of day.
    """
    if "{" not in text:
        return text
    utc, home = datetime.fromtimestamp(now, UTC), ZoneInfo(zone)
    local = utc.astimezone(home)

    def date(match: re.Match[str]) -> str:
        word, count, unit, style = match.groups()
        at = local
        if count:
            step = timedelta(**{_UNITS[unit]: int(count)})
            at = (utc + step).astimezone(home) if unit in _ELAPSED else local + step
        if style:
            return at.strftime(style)
        return at.date().isoformat() if word == "today" else at.isoformat(timespec="seconds")

    return _DATE.sub(date, text)


def fill_all(value: Any, now: float, zone: str) -> Any:
    """The same for every text inside of a mapping or a list."""
    if isinstance(value, str):
        return fill(value, now, zone)
    if isinstance(value, dict):
        return {name: fill_all(inner, now, zone) for name, inner in value.items()}
    return [fill_all(inner, now, zone) for inner in value] if isinstance(value, list) else value


def _only_dates(value: Any) -> Any:
    if isinstance(value, list):
        return [_only_dates(inner) for inner in value]
    if isinstance(value, str) and (brace := re.search(r"[{}]", rest := _DATE.sub("", value))):
        raise ValueError(f"{rest[brace.start() :][:40]!r} is no date; {_REMEDY}")
    return value


def _no_broken_date(value: Any) -> Any:
    if isinstance(value, str):
        if wrong := _MEANT.search(_DATE.sub("", value)):
            raise ValueError(f"{wrong[0]!r} is no date; {_REMEDY}")
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _no_broken_date(inner)
    return value


OnlyDates = AfterValidator(_only_dates)
"""For texts where a brace means nothing else."""

WithDates = AfterValidator(_no_broken_date)
"""For texts that have braces of their own (JSON, GraphQL, SQL): only what is meant as a date must be one."""

DatedText = Annotated[str, OnlyDates]
