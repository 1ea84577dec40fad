"""A value of any shape, configured or observed, in one line as people read it."""

from __future__ import annotations

from typing import Any


def plain(value: Any) -> str:
    """`reason: http_status, detail: answered 503; reason: ...`: parts of an object by comma, of a list by semicolon; what is empty
    is left out. Never the notation of a programming language.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        parts = ((key, plain(part)) for key, part in value.items())
        return ", ".join(f"{str(key).replace('_', ' ')}: {part}" for key, part in parts if part)
    if isinstance(value, list | tuple):
        parts_of = [plain(part) for part in value]
        separator = "; " if any(isinstance(part, dict | list | tuple) for part in value) else ", "
        return separator.join(part for part in parts_of if part)
    return str(value)
