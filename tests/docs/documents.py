"""The documents as a reader meets them: their fenced blocks, and every `busta` command that they and deploy/ name."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
GENERATED = {"cli.md"}
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(path for path in (ROOT / "docs").glob("*.md") if path.name not in GENERATED),
    *sorted((ROOT / "deploy").rglob("*.md")),
]
DEPLOYED = sorted(
    path for path in (ROOT / "deploy").rglob("*") if path.is_file() and path.suffix not in {".md", ".json", ".pyc"}
)
_FENCED = re.compile(r"^(?P<in> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^|\n)\n((?: {4}[^\n]*\n)+)")
_SET = r"((?:[A-Z_]+=\S+ +)*)"
_BUSTA = r"(?:\.venv/bin/|/opt/busta/\.venv/bin/)?busta(?= |$)"
_SPAN = re.compile(rf"`((?:sudo |docker compose exec code )?{_SET}{_BUSTA}[^`\n]*)`")
_IN_A_SHELL = re.compile(rf"(?:^|[;&|(] *|\b(?:sudo|env|exec|code) +| -- +|(?= /opt)){_SET} *{_BUSTA}")
"""Where a command begins, also one of another user, or of a container (`docker compose run code`)."""
_AT_THE_START = re.compile(rf"^ *(?:\$ |ExecStart=|sudo |docker compose exec code )?{_SET}{_BUSTA}")
_ENDS = {"|", "&&", "||", ";", ">", ">>", "<", "&", ")"}


@dataclass(frozen=True)
class Command:
    """`words` are what stands after `busta`. One that is `whole` stands in a block, to be typed as it is; prose may name a command
    without its arguments.
    """

    where: str
    environ: dict[str, str]
    words: list[str]
    whole: bool


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _FENCED.finditer(text):
            if match["language"] in languages:
                depth = len(match["in"])
                inner = "".join(line[depth:] for line in match["text"].splitlines(keepends=True))
                found.append(Block(page, text.count("\n", 0, match.start()) + 2, match["language"], inner))
    return found


def commands() -> list[Command]:
    found: list[Command] = []
    for block in blocks("", "sh", "bash"):
        found += _commands(block.where, block.text, _IN_A_SHELL if block.language else _AT_THE_START)
    for page in PAGES:
        name, text = str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")
        for match in _INDENTED.finditer(text):
            found += _commands(name, match[1], _AT_THE_START)
        found += _spans(name, _FENCED.sub("", text))
    for path in DEPLOYED:
        name, text = str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        found += [*_commands(name, text, _AT_THE_START), *_spans(name, text)]
    return found


def _spans(where: str, prose: str) -> Iterator[Command]:
    for span in _SPAN.findall(" ".join(prose.split("\n"))):
        for command in _commands(where, span[0], _AT_THE_START):
            yield replace(command, whole=False)


def _commands(where: str, text: str, at: re.Pattern[str]) -> Iterator[Command]:
    for line in text.replace("\\\n", " ").splitlines():
        for start in at.finditer(line):
            environ = dict(word.split("=", 1) for word in start[1].split())
            yield Command(where, environ, _words(line[start.end() :]), whole=True)


def _words(rest: str) -> list[str]:
    lexer = shlex.shlex(rest, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words = []
    for word in lexer:
        if word in _ENDS:
            break
        words.append(word)
    return words
