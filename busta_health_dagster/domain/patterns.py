"""Regular expressions from a configuration, in linear time: one with 25 bytes to read held the loop for minutes, and every
neighbour was timed by it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator

_CANNOT = (
    (("(?=", "(?!"), "a lookahead"),
    (("(?<=", "(?<!"), "a lookbehind"),
    (("(?>",), "an atomic group"),
    (("(?P=", "\\1", "\\2", "\\3"), "a reference back to a group"),
    (("*+", "++", "?+"), "a possessive repeat"),
    (("(?(",), "a condition"),
)


MOST_STEPS = 5_000
"""Of a compiled pattern: 5,000 of them take 60 ms for 60 KB, and 200 times `(a|b|c){1000}` held a tick for a minute."""


@lru_cache(maxsize=2048)
def pattern(text: str) -> Any:
    """The compiled pattern.

    Raises:
        ValueError: it is none, or says what no engine matches in linear time.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(text, options)
    except re2.error as error:
        why = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        named = next((name for marks, name in _CANNOT if any(mark in text for mark in marks)), None)
        if named is not None:
            raise ValueError(
                f"{text!r} has {named}, which cannot be matched in linear time (RE2); write it without"
            ) from error
        raise ValueError(f"{text!r} is not a regular expression: {why}") from error
    if compiled.programsize > MOST_STEPS:  # linear in the text, times this
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        raise ValueError(
            f"{shown!r} is too large a pattern ({compiled.programsize:,} steps, {MOST_STEPS:,} at most); repeat less"
        )
    return compiled


def found(expression: str, text: str, *, whole: bool = False) -> bool:
    """Is it in the text, or, with `whole`, all of it?

    Raises:
        ValueError: it is no pattern that can be used.
    """
    compiled, data = pattern(expression), text.encode("utf-8", "replace")  # half an emoji is no UTF-8
    return (compiled.fullmatch if whole else compiled.search)(data) is not None


def first_group(expression: str, text: str) -> str | None:
    """What the first group of the pattern holds where it is first found; None where it is not.

    Raises:
        ValueError: it is no pattern that can be used.
    """
    match = pattern(expression).search(text.encode("utf-8", "replace"))
    return None if match is None or match.group(1) is None else match.group(1).decode("utf-8", "replace")


def _check(text: str) -> str:
    pattern(text)
    return text


Regex = Annotated[str, AfterValidator(_check)]
"""A field that holds a regular expression; one that is none, or not linear, is an error at load."""
