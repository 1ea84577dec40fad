"""The keys of a suggested entry, and what speaks for each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.drafts.writing import comments, written
from busta_health_dagster.wording.sentences import one_line

_NICE_S = (900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 93600, 172800, 259200, 604800, 1209600, 2592000)


@dataclass(slots=True)
class Suggestion:
    """`keys` in the order of the entry; `why` by key; `notes` stand above the entry."""

    keys: dict[str, Any] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def put(self, key: str, value: Any, why: str) -> None:
        self.keys[key] = value
        self.why[key] = one_line(why)

    def drop(self, key: str, because: str) -> None:
        """Take a key back that the configuration refuses."""
        self.keys.pop(key, None)
        self.notes.append(f"{key} was left out: {because}")

    def text(self, head: str) -> str:
        """A file of sources with this one entry, the evidence as comments."""
        notes = comments((head, *self.notes))
        lines = []
        for key, value in self.keys.items():
            flow = None if isinstance(value, dict | list) else False  # small mappings on one line
            first, *rest = written({key: value}, flow=flow)
            why = f"   # {self.why[key]}" if self.why.get(key) else ""
            lines += [f"{first}{why}", *rest]
        body = "".join(f"  {'- ' if number == 0 else '  '}{line}\n" for number, line in enumerate(lines))
        return f"{notes}version: 1\n\nsources:\n{body}"


def nice_age(seconds: float) -> str:
    """The next round age above: 50 minutes -> `1h`."""
    for nice in _NICE_S:
        if seconds <= nice:
            return config_duration(nice)
    return config_duration(math.ceil(seconds / 2592000) * 2592000)
