"""Sentences: their first letter, and text that came from outside."""

from __future__ import annotations

import re

_LINK = re.compile(r"(?i)\b(https?|ftp)://")


def capital(text: str) -> str:
    """The first letter in upper case; the others stay as they are."""
    return text[:1].upper() + text[1:]


def one_line(text: str) -> str:
    """Text that came from outside, on one line and without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def clean(text: str, limit: int = 300) -> str:
    """Text that came from a source: one line, no control characters, no live links, cut at `limit`."""
    flat = _LINK.sub(lambda m: m[0].lower().replace("tt", "xx").replace("ftp", "fxp"), one_line(text))
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"
