"""Texts of other people's code, such as the error of their run, as messages and pages may carry them: on one line, and without
our secrets or theirs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from busta_health_dagster.settings.secret import MASK
from busta_health_dagster.settings.secret_scanner import SHAPES, SMELLS, URL_PASSWORD, URL_QUERY, is_secret_parameter

if TYPE_CHECKING:
    from busta_health_dagster.settings.secret import Secrets

_MOST_CHARS = 300
_READ_CHARS = 4_000
# A word is entered at its beginning only and never given back: the time grows with the text, however it repeats itself.
_NAMED = re.compile(
    rf"(?i)((?<![\w-])(?=[\w-]*?(?:{'|'.join(SMELLS)}|api-key))[\w-]++[\"']?\s*[=:]+\s*(?:bearer\s+|basic\s+)?)"
    r"([\"']?)([^\s\"'&,;]+)"
)


def foreign_text(text: str | None, secrets: Secrets) -> str:
    """Scrubbed first, then cut, so that no half of a secret is left. We know our secrets by value."""
    return " ".join(masked(secrets.scrub((text or "")[:_READ_CHARS])).split())[:_MOST_CHARS]


def masked(text: str) -> str:
    """Without the secrets of others: we know them by the name that stands before them (`token=...`), by their place in a URL,
    or by their shape.
    """
    text = URL_PASSWORD.sub(lambda m: m.group(0).replace(f":{m.group(1)}@", f":{MASK}@"), text)
    text = URL_QUERY.sub(lambda m: f"{m[0][0]}{m[1]}={MASK}" if is_secret_parameter(m[1]) else m[0], text)
    return SHAPES.sub(MASK, _NAMED.sub(rf"\1\2{MASK}", text))
