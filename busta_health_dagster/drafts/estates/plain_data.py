"""JSON and YAML of other tools as plain data."""

from __future__ import annotations

from typing import Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.units import parse_seconds
from busta_health_dagster.probes.json_text import parse_json
from busta_health_dagster.settings.document import Document

_ENDLESS_S = 1e9


def plain_data(name: str, text: str) -> Any:
    """What a file says, whichever of the two it is.

    Raises:
        BadInput: it is neither, with the place.
    """
    if text.lstrip()[:1] in {"{", "["}:
        data, why = parse_json(text.encode())
        if why is None:
            return data
    said: list[str] = []
    document = Document(name, text, lambda where, _path, message, _remedy: said.append(f"{where}: {message}"))
    if document.broken:
        raise BadInput(said[0])
    return document.value


def mappings(value: Any) -> list[dict[str, Any]]:
    """The mappings of a list; nothing of anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def texts(value: Any) -> list[str]:
    """The texts of a list, or a text alone."""
    if isinstance(value, str):
        return [value]
    return [str(one) for one in value if isinstance(one, str | int)] if isinstance(value, list) else []


def mapping(value: Any) -> dict[str, Any]:
    """A mapping, or an empty one."""
    return value if isinstance(value, dict) else {}


def seconds(value: Any) -> float | None:
    """`1m30s` or a number of seconds; None where it is neither."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if 0 < value < _ENDLESS_S else None
    try:
        found = float(parse_seconds(str(value)))
    except ValueError:
        return None
    return found if 0 < found < _ENDLESS_S else None
