"""One word per thing: the words that the glossary has replaced are in no name of the package."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "busta_health_dagster"
ALLOWED = {
    ("demo", "story"): "a scenario of the demo is notified as a story",
    ("store/migrations", ""): "a migration keeps the names of its day",
    ("home.py", "trouble"): "the file of 0.1.0 in a home keeps its name",
    ("store_failure.py", "trouble"): "the file of 0.1.0 in a home keeps its name",
    ("feed.py", "trouble"): "",
    ("metrics.py", "trouble"): "",
}


@cache
def replaced() -> frozenset[str]:
    rows = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    columns = [row.split("|")[3] for row in rows if row.startswith("| ") and row.count("|") == 4]
    return frozenset(word.strip() for column in columns[1:] for word in column.split(",") if word.strip())


def words(name: str) -> set[str]:
    """`OldName`, `old_name` -> old, name."""
    return {part.lower() for part in re.split(r"_|(?<=[a-z0-9])(?=[A-Z])", name) if part}


def names(path: Path) -> set[str]:
    found = {path.stem}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.add(node.name)
            case ast.Name(ctx=ast.Store()):
                found.add(node.id)
            case ast.arg():
                found.add(node.arg)
    return found


def allowed(path: Path, word: str) -> bool:
    place = path.relative_to(PACKAGE).as_posix()
    return any((place.startswith(where) or path.name == where) and word.startswith(w) for where, w in ALLOWED)


def test_the_replaced_words_are_read_from_the_glossary() -> None:
    assert {"look", "told", "beat", "notice", "seat"} <= replaced()


def test_no_name_uses_a_replaced_word() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in PACKAGE.rglob("*.py")
        for name in names(path)
        for word in words(name) & replaced()
        if not allowed(path, word)
    }
    assert sorted(found) == []
