"""One word per thing: the words that the glossary has replaced are in no name of the package."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "busta_health_dagster"
ALLOWED = {
    ("demo", "story"): "a scenario of the demo is told as a story",
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


@cache
def replaced_phrases() -> re.Pattern[str]:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").split("## Prose")[1]
    rows = [row.split("|")[1] for row in text.splitlines() if row.startswith("| ")]
    phrases = [phrase.strip() for row in rows[1:] for phrase in row.split(",")]
    return re.compile(rf"(?i)\b({'|'.join(map(re.escape, phrases))})\b")


def prose(path: Path) -> list[str]:
    """The sentences of a file: comments and texts of several words of a module, all but the code of a document."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return re.split(r"```.*?```|`[^`\n]*`", text, flags=re.DOTALL)
    if path.suffix != ".py":
        return re.split(r"\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", text, flags=re.DOTALL)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [t.string for t in tokens if t.type not in {tokenize.NAME, tokenize.OP} and " " in t.string.strip()]


def test_no_sentence_uses_a_replaced_phrase() -> None:
    assert replaced_phrases().search("It is told to nobody anew.")
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"]
    files += [p for p in (ROOT / "docs").glob("*.md") if p.name != "glossary.md"]
    files += [
        p
        for p in PACKAGE.rglob("*")
        if p.suffix in {".py", ".html", ".j2"} and not re.search("store/(schema|migrations)", p.as_posix())
    ]
    found = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files
        for sentence in prose(path)
        for match in replaced_phrases().finditer(sentence)
    }
    assert not found, f"write plainly, docs/glossary.md says how: {sorted(found)}"
