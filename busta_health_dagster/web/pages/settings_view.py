"""The resolved configuration to read, and what the doctor says of it. Secrets are references; nothing can be changed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import yaml
from pydantic import BaseModel

from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.settings.settings_model import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pydantic.fields import FieldInfo

    from busta_health_dagster.domain.errors import Problem

_LEVELS = {"error": "down", "warning": "degraded", "note": "unknown"}
_PARTS = {
    "rules": "Rules",
    "channels": "Channels",
    "escalations": "Escalations",
    "routes": "Routes",
    "on_call": "On call",
    "inhibit": "Inhibitions",
    "grouping": "Grouping",
    "consumers": "Consumers",
    "windows": "Maintenance windows of the file",
    "events": "Known events",
    "control": "Control endpoints",
}


def settings_view(shown: Mapping[str, Any], problems: Sequence[Problem], scrub: Callable[[str], str]) -> dict[str, Any]:
    """`shown` is the document of `busta config show`; `scrub` takes out every secret that a text should not hold."""

    def text(value: Any) -> str:
        return scrub(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110))

    return {
        "problems": [(_LEVELS.get(p.level, "unknown"), p) for p in problems],
        "errors": sum(p.level == "error" for p in problems),
        "warnings": sum(p.level == "warning" for p in problems),
        "dir": shown["config_dir"],
        "files": shown["files"],
        "sha": str(shown["sha"])[:12],
        "loaded_at": shown["loaded_at"],
        "tick": shown["tick"],
        "settings": [
            (key, scrub(_plain(value)), meaning) for key, value, meaning in _rows(Settings, shown["settings"])
        ],
        "sources": [
            (s["name"], s["type"], s["probe"], s["interval"], s["from"].rsplit("/", 1)[-1]) for s in shown["sources"]
        ],
        "parts": [(name, _count(shown[key]), text(shown[key])) for key, name in _PARTS.items() if shown.get(key)],
    }


def _rows(model: type[BaseModel], values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any, str]]:
    """(key, value, meaning) of every setting, nested ones with their path."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        value, inner = values.get(key), _model_in(field)
        if inner is not None and isinstance(value, dict):
            yield from _rows(inner, value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value, field.description or ""


def _model_in(field: FieldInfo) -> type[BaseModel] | None:
    kinds = (field.annotation, *get_args(field.annotation))
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel) and k is not SecretRef), None)


def _plain(value: Any) -> str:
    if value is None or value in ([], {}):
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_plain(v)}" for k, v in value.items())
    return str(value)


def _count(value: Any) -> int:
    return len(value) if isinstance(value, list) else 1
