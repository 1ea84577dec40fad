"""Field types that only the four files use: names, whole minutes, sizes, local times, selectors."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from busta_health_dagster.domain.fields import PositiveDuration, Strict
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.units import config_duration

_NAME = r"^[a-z][a-z0-9_]{0,62}$"
_LABEL = r"^[a-z][a-z0-9_-]{0,62}$"
_GROUP = r"^[A-Za-z0-9_]{1,63}$"
_TAG_KEY = re.compile(r"([A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}")
_TAG_VALUE = re.compile(r"[A-Za-z0-9_.-]{0,63}")
_ASSET_PART = re.compile(r"[A-Za-z0-9_.\-]+")
_OWNER = re.compile(r"team:[^\s:]+|[^@\s]+@[^@\s]+\.[^@\s]+")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)")
_BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_DURATION_SCHEMA = {"type": "string", "pattern": r"^(\d+(\.\d+)?\s*(ms|s|m|h|d|w|y)\s*)+$"}


def _matching(pattern: str, rule: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.match(value):
            fixed = re.sub(r"[^a-z0-9_]+", "_", value.strip().lower()).strip("_")[:63]
            instead = f"; {fixed}" if compiled.match(fixed) else ""
            raise ValueError(f"{value!r} cannot be a name here: {rule}{instead}")
        return value

    return AfterValidator(check)


Name = Annotated[
    str,
    _matching(_NAME, "a small letter, then small letters, digits and _, 63 at most"),
    Field(json_schema_extra={"pattern": _NAME}),
]
"""Of a source or a type: it becomes part of an asset key."""
Label = Annotated[
    str,
    _matching(_LABEL, "a small letter, then small letters, digits, _ and -, 63 at most"),
    Field(json_schema_extra={"pattern": _LABEL}),
]
"""Of a rule, channel, escalation or window."""
Group = Annotated[
    str, _matching(_GROUP, "letters, digits and _, 63 at most"), Field(json_schema_extra={"pattern": _GROUP})
]


def _minutes(seconds: float) -> float:
    if seconds < 60:
        raise ValueError(f"{config_duration(seconds)} is shorter than a minute, the shortest interval; 1m")
    if seconds % 60:
        nearest = config_duration(seconds // 60 * 60)
        raise ValueError(f"{config_duration(seconds)} is not a whole number of minutes; {nearest}")
    return seconds


Interval = Annotated[PositiveDuration, AfterValidator(_minutes)]
"""Whole minutes, at least one. Seconds as float."""


def _size(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"{value} has no unit; write 500KB, 10MB or 1GiB")  # noqa: TRY004  pydantic wants ValueError
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"{value!r} is not a size; write 500KB, 10MB or 1GiB")
    return int(float(match[1]) * _BYTES[match[2]])


def size_text(count: int) -> str:
    """The shortest exact way to write a size: 10000000 -> `10MB`."""
    for unit in ("GiB", "GB", "MiB", "MB", "KiB", "KB"):
        if count and count % _BYTES[unit] == 0:
            return f"{count // _BYTES[unit]}{unit}"
    return f"{count}B"


Size = Annotated[
    int,
    BeforeValidator(_size),
    WithJsonSchema({"type": "string", "pattern": f"^{_SIZE.pattern}$", "examples": ["10MB"]}),
]
"""Bytes; written `10MB` or `1MiB`."""


def _local(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        at = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(f"{value!r} is not a local time; write 2026-11-26T02:00") from None
    if at.tzinfo is not None:
        raise ValueError(
            f"{value!r} carries an offset; write the local time, {at:%Y-%m-%dT%H:%M}, and the zone beside it"
        )
    return at


LocalTime = Annotated[
    datetime,
    BeforeValidator(_local),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?$"}),
]
"""A naive local time: `2026-11-26T02:00`. Its zone is a field of its own."""


def zone(value: str) -> str:
    """An IANA zone name, checked against the tz database."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a directory of the database, such as "Europe"
        from busta_health_dagster.wording.suggestions import near

        guess = near(value, available_timezones()) or "an IANA name such as America/New_York or UTC"
        raise ValueError(f"{value!r} is not a zone of the tz database; {guess}") from None
    return value


Zone = Annotated[str, AfterValidator(zone)]


def tags(value: dict[str, str]) -> dict[str, str]:
    """Tags become Dagster's, which takes letters, digits and `_.-` only (so no `99.5%`)."""
    for key, text in value.items():
        if not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(text):
            raise ValueError(
                f"the tag {key}: {text!r} cannot be a tag in Dagster; letters, digits, _ . and -, 63 at most"
            )
    return value


def _owner(value: str) -> str:
    if not _OWNER.fullmatch(value):
        team = re.sub(r"[^A-Za-z0-9_-]+", "-", value)
        raise ValueError(f"{value!r} is neither a team nor a mail address; team:{team} or name@example.com")
    return value


def _asset_key(value: str) -> str:
    parts = value.split("/")
    if not all(_ASSET_PART.fullmatch(part) for part in parts):
        raise ValueError(f"{value!r} is no asset key; write its parts with / between them: odds/raw")
    return value


AssetKeyText = Annotated[str, AfterValidator(_asset_key), Field(json_schema_extra={"examples": ["odds/raw"]})]
"""An asset key of Dagster, as its pages write it."""


def _provider(value: str) -> str:
    if not value.strip() or len(value) > 100 or not value.isprintable():
        raise ValueError(f"{value[:40]!r} names no provider; 1 to 100 printable characters, such as the-odds-api")
    return value.strip()


def _globs(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("an empty list matches nothing; leave it out to match all, or name what it is about")
    return value


Provider = Annotated[str, AfterValidator(_provider)]
"""Who delivers a source."""
Globs = Annotated[tuple[str, ...], AfterValidator(_globs)]
"""Names in which * matches anything."""
Score = Annotated[float, Field(ge=0, le=100)]
"""A quality score."""
Tags = Annotated[dict[str, str], AfterValidator(tags)]
Owner = Annotated[str, AfterValidator(_owner), Field(json_schema_extra={"examples": ["team:data"]})]
Word = Literal["info", "warning", "critical"]


class SelectFields(Strict):
    """Criteria that must all hold; within one criterion any value will do. An empty `select` matches everything."""

    names: tuple[str, ...] = Field((), description="Names of sources.")
    types: tuple[str, ...] = Field((), description="Types of sources.")
    tags: dict[str, str] = Field(default_factory=dict, description="Tags that must all be there with this value.")
    tiers: tuple[int, ...] = Field((), description="Tiers, 1 is the most important.")
    owners: tuple[str, ...] = Field((), description="Owners; one of them will do.")
    groups: tuple[str, ...] = Field((), description="Groups.")

    def domain(self) -> Selector:
        return Selector(**{name: getattr(self, name) for name in type(self).model_fields})


class AlertSelectFields(SelectFields):
    """As `select`, and the rule and severity of the alert."""

    rules: tuple[str, ...] = Field((), description="Names of rules.")
    severities: tuple[Word, ...] = Field((), description="Severities of the alert now.")
