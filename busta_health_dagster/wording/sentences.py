"""Sentences: their first letter, and text that came from outside."""

from __future__ import annotations

import re

_LINK = re.compile(r"(?i)\b(https?|ftp)://")


def capital(text: str) -> str:
    """The first letter in upper case; the others stay as they are."""
    return text[:1].upper() + text[1:]


def clean(text: str, limit: int = 300) -> str:
    """Text that came from a source: one line, no control characters, no live links, cut at `limit`."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    flat = _LINK.sub(lambda m: m[0].lower().replace("tt", "xx").replace("ftp", "fxp"), flat)
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"
