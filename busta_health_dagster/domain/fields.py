"""Pydantic field types that settings, probes and channels share: the one place where `5m`, `99.5%` and secrets are
read.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from busta_health_dagster.domain.units import LONGEST_S, config_duration, parse_percent, parse_seconds


def _duration(value: Any) -> float:
    if isinstance(value, str):
        return float(parse_seconds(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"{value!r} has no unit; write 30s, 5m, 4h or 30d")  # noqa: TRY004  pydantic wants ValueError
    raise ValueError(f"{value!r} is not a duration; write 30s, 5m, 4h or 30d")


def _budget(value: Any) -> float:
    count, _, period = value.partition(" per ") if isinstance(value, str) else ("", "", "")
    if not count.strip().isdecimal() or not period.strip():
        raise ValueError(f"{value!r} is not a budget; write for instance 1 per 30d")
    if int(count) == 0:
        raise ValueError(
            f"{value!r} would silence every anomaly that is not certain; write 1 per 90d for a strict one, "
            "or shadow: true to be sent none"
        )
    return _positive(float(parse_seconds(period.strip()))) / int(count)


def _bounded(value: float) -> float:
    if not 0 <= value <= LONGEST_S:
        raise ValueError(f"{value:g} s is no duration between nothing and 10 years; write 30s, 5m, 4h or 30d")
    return value


def _readable(value: str) -> str:
    parse_seconds(value)
    return value


def _percent(value: Any) -> Fraction:
    if isinstance(value, Fraction):
        return value
    if isinstance(value, str):
        return parse_percent(value)
    raise ValueError(f"{value!r} has no unit; write it with a percent sign, for instance 99.5%")


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("must be longer than nothing; write for instance 45m")
    return value


_DURATION_SCHEMA = {
    "type": "string",
    "pattern": r"^(\d+(\.\d+)?\s*(ms|s|m|h|d|w|y)\s*)+$",
    "examples": ["30s", "5m", "4h", "30d"],
}
Duration = Annotated[
    float,
    BeforeValidator(lambda v: v if isinstance(v, float) else _duration(v)),
    AfterValidator(_bounded),
    PlainSerializer(config_duration, return_type=str),
    WithJsonSchema(_DURATION_SCHEMA),
]
"""Seconds as float; written `30s`, `5m`, `4h`, `30d`. A bare number is an error: no one knows its unit."""

Budget = Annotated[
    float,
    BeforeValidator(lambda v: v if isinstance(v, float) else _budget(v)),
    PlainSerializer(lambda s: f"1 per {config_duration(s)}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^[1-9]\d* per \S+$", "examples": ["1 per 30d", "2 per 7d"]}),
]
"""Seconds per occurrence as float; written `1 per 30d`, `2 per 7d`."""

DurationText = Annotated[str, Field(max_length=40), AfterValidator(_readable), WithJsonSchema(_DURATION_SCHEMA)]
"""A duration as it was written, and one that `parse_seconds` can read."""

PositiveDuration = Annotated[Duration, AfterValidator(_positive)]

Percent = Annotated[
    Fraction,
    BeforeValidator(_percent),
    PlainSerializer(lambda f: f"{float(f * 100):g}%", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*%$", "examples": ["99.5%"]}),
]
"""An exact share as a Fraction of 1; written `99.5%`."""


class Strict(BaseModel):
    """Base of every configuration model: unknown keys are errors, values do not change after loading."""

    # Built when first used: a command that reads touches four of the forty models, and a model costs about 3 ms.
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)


class SecretRef(Strict):
    """Where a secret lies: `{env: NAME}` or `{file: PATH}`. The value itself is never in the configuration."""

    env: str | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> SecretRef:
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret is written {env: NAME} or {file: PATH}")
        return self

    def __str__(self) -> str:
        return f"{{env: {self.env}}}" if self.env else f"{{file: {self.file}}}"


TextOrSecret = str | SecretRef
"""For values that may hold a secret (URLs with a password, headers): plain text where harmless, a reference where
not."""
