"""docs/configuration.md lists every key of settings.yaml, with its meaning as the schema says it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.settings.settings_model import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8").splitlines()


def models_in(field: FieldInfo) -> Iterator[type[BaseModel]]:
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not SecretRef:
            yield kind


def keys(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, str, str]]:
    """(section, key, description) of every key, nested ones in a section of their own."""
    for name, field in model.model_fields.items():
        shown = field.alias or name
        yield path, shown, field.description or ""
        for inner in models_in(field):
            yield from keys(inner, f"{path}.{shown}".lstrip("."))


@pytest.mark.parametrize(("section", "key", "meaning"), list(keys(Settings)))
def test_every_setting_is_documented(section: str, key: str, meaning: str) -> None:
    start = next(
        i for i, line in enumerate(PAGE) if line.startswith(f"`{section}`:" if section else "## settings.yaml")
    )
    rows = []
    for line in PAGE[start + 1 :]:
        if line.startswith("|"):
            rows.append(line)
        elif rows:
            break
    mine = [row for row in rows if row.startswith(f"| `{key}` |")]
    assert mine, f"docs/configuration.md, section {section or 'settings.yaml'}, has no row for {key}"
    assert mine[0].endswith(f"| {meaning} |")
