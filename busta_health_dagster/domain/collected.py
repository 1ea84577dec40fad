"""What a data source of the platform's own delivered, as the bridge hands it to the probe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Collected(NamedTuple):
    """Rows, the name that the source gives itself, and its metadata as small facts."""

    rows: Sequence[Any]
    name: str
    facts: Mapping[str, Any] = {}
