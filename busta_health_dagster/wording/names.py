"""Any text as the name of a source: a small letter, then small letters, digits and underscores, 63 at most."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

LONGEST = 63


def name_text(text: str) -> str:
    """`https://feeds.example.com/NFL/rss` -> `feeds_example_com_nfl_rss`; "" where nothing of it can stand in a name."""
    bare = re.sub(r"^[a-z][a-z0-9+.-]*://(?:www\.)?", "", text.strip(), flags=re.IGNORECASE)
    plain = unicodedata.normalize("NFKD", bare.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:LONGEST].strip("_")


def unique_name(text: str, otherwise: str, taken: Collection[str]) -> str:
    """A name after the text, or after `otherwise` where nothing of that can stand in one; with a number where it is taken."""
    base = name_text(text) or name_text(otherwise) or "source"
    if not base[0].isalpha():
        base = f"s_{base}"[:LONGEST].rstrip("_")
    name, number = base, 2
    while name in taken:
        name = f"{base[: LONGEST - len(str(number)) - 1].rstrip('_')}_{number}"
        number += 1
    return name
