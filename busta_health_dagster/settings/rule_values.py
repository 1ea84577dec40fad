"""The `value:` of a rule, read by the unit of its metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.units import parse_percent, parse_seconds
from busta_health_dagster.settings.fields import Size
from busta_health_dagster.wording.suggestions import meant, near

if TYPE_CHECKING:
    from collections.abc import Callable


def value_of(metric: str, raw: Any) -> float | str:
    """The value as rules compare it: milliseconds, seconds of age, percent, a score, days, bytes, or a status' word.

    Raises:
        ValueError: not of this metric's unit; the text says what to write.
    """
    return _READ.get(metric, _custom)(raw)


def _status(raw: Any) -> str:
    words = [status.word for status in Status]
    if raw not in words:
        raise ValueError(f"{raw!r} is not a status; value: {meant(str(raw), words)}")
    return str(raw)


def _milliseconds(raw: Any) -> float:
    return float(_seconds_of(raw, "5s") * 1000)


def _age(raw: Any) -> float | str:
    if isinstance(raw, str) and (raw == "max_data_age" or near(raw, ["max_data_age"])):
        if raw == "max_data_age":
            return raw
        raise ValueError(f"{raw!r} is not an age; value: max_data_age")
    return float(_seconds_of(raw, "26h, or max_data_age for the source's own limit"))


def _seconds_of(raw: Any, example: str) -> Any:
    if isinstance(raw, str):
        return parse_seconds(raw)
    raise ValueError(f"{raw!r} has no unit; value: {example}")


def _percentage(raw: Any) -> float:
    """`5%` -> 5.0."""
    if isinstance(raw, str):
        return float(parse_percent(raw) * 100)
    raise ValueError(f"{raw!r} has no unit; value: 5%")


def _score(raw: Any) -> float:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        if not 0 <= raw <= 100:
            raise ValueError(f"{raw} is no score; a score lies between 0 and 100")
        return float(raw)
    return _percentage(raw)


def _number(raw: Any) -> float:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return float(raw)
    raise ValueError(f"{raw!r} is not a number; value: 50")


def _days(raw: Any) -> float:
    return float(_seconds_of(raw, "14d") / 86400)


def _bytes(raw: Any) -> float:
    from pydantic import TypeAdapter, ValidationError

    try:
        return float(TypeAdapter(Size).validate_python(raw))
    except ValidationError as why:
        raise ValueError(str(why.errors()[0]["ctx"]["error"])) from None


def _custom(raw: Any) -> float:
    """The value of a custom metric: a number, or a duration where it is an age."""
    return float(parse_seconds(raw)) if isinstance(raw, str) else _number(raw)


_READ: dict[str, Callable[[Any], float | str]] = {
    "status": _status,
    "response_ms": _milliseconds,
    "data_age_s": _age,
    "quality": _score,
    "failed": _percentage,
    "items": _number,
    "attempts": _number,
    "tls_days_left": _days,
    "size_bytes": _bytes,
}
