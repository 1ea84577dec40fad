"""The map of the rooms is the house: the picture is the import graph's, and each room says of itself what the page says of it."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PIPELINE = ROOT / "busta_health_dagster" / "pipeline"
PAGE = ROOT / "docs" / "architecture.md"


def drawer():
    spec = importlib.util.spec_from_file_location("draw_rooms", ROOT / "docs" / "draw_rooms.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows() -> dict[str, tuple[str, str]]:
    """Room -> (what belongs there, what it may import), as the page says."""
    part = PAGE.read_text(encoding="utf-8").partition("## The rooms of `pipeline/`")[2].partition("\n## ")[0]
    return {
        room: (what, may) for room, what, may in re.findall(r"^\| `(\w+)/` \| (.+) \| (.+) \|$", part, re.MULTILINE)
    }


def test_the_picture_is_drawn_from_the_imports_of_today() -> None:
    module = drawer()
    assert module.PICTURE.read_text(encoding="utf-8") == module.draw(), "run: python docs/draw_rooms.py"


def test_the_table_has_every_room_from_the_ground_up() -> None:
    assert list(rows()) == list(reversed(drawer().PIPELINE))
    assert set(rows()) == {p.name for p in PIPELINE.iterdir() if p.is_dir() and (p / "__init__.py").exists()}


def test_each_room_says_the_same_of_itself() -> None:
    for room, (what, may) in rows().items():
        own = " ".join((ast.get_docstring(ast.parse((PIPELINE / room / "__init__.py").read_text())) or "").split())
        assert own.startswith(what), room
        assert f"May import: {may}" in own, room


def test_the_unit_tests_stand_where_the_code_stands() -> None:
    """A folder of tests is a room of the package: who changes one finds the other."""
    package, unit = ROOT / "busta_health_dagster", ROOT / "tests" / "unit"
    folders = [path.relative_to(unit) for path in unit.rglob("*") if path.is_dir() and path.name != "__pycache__"]
    assert [str(folder) for folder in folders if not (package / folder).is_dir()] == []
    assert [path.name for path in (unit / "pipeline").glob("test_*.py")] == []
