"""Any text as the name of a source: a small letter, then small letters, digits and underscores, 63 at most."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 63


def name_text(text: str) -> str:
    """`https://feeds.example.com/NFL/rss` -> `feeds_example_com_nfl_rss`; "" where nothing of it can stand in a name."""
    bare = re.sub(r"^[a-z][a-z0-9+.-]*://(?:www\.)?", "", text.strip(), flags=re.IGNORECASE)
    plain = unicodedata.normalize("NFKD", bare).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:LONGEST].strip("_")
