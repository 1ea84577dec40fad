"""JSON out of bytes: in the encoding they are in, and a sentence when it is none."""

from __future__ import annotations

import json
import math
from typing import Any


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


DECODER = json.JSONDecoder(parse_constant=lambda _name: None, parse_float=_finite)
"""Neither NaN, which is not JSON, nor 1e999, which is: no comparison should meet them, and no store takes them."""


def parse_json(body: bytes, charset: str = "utf-8") -> tuple[Any, str | None]:
    """The document, or why it is none. JSON is UTF-8, 16 or 32, whatever its label says; where it is none of them, the
    label counts.
    """
    try:
        return DECODER.decode(_decoded(body, charset)), None
    except (ValueError, RecursionError) as error:
        start = body[:40].decode("utf-8", "replace")
        why = _why(error)
        return None, f"not JSON ({why}); it starts with {start!r}" if body else "the body is empty, JSON wanted"


def as_written(body: bytes, charset: str = "utf-8") -> Any:
    """The document of a body that `parse_json` took, with the numbers that no comparison should meet: for messages alone."""
    return json.loads(_decoded(body, charset))


def _why(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return (
        "not in the encoding that it says" if isinstance(error, UnicodeDecodeError) else "a number of too many digits"
    )


def _decoded(body: bytes, charset: str) -> str:
    encoding = json.detect_encoding(body)
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        return body.decode(charset)
