"""What comes with status 200 in place of data: a login page, an error document, a pointer to the file."""

from __future__ import annotations

import re
from typing import Literal

Format = Literal["csv", "json", "jsonl", "parquet"]
_SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".geojson": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_PACKED = (".gz", ".bz2", ".xz")
_HTML = re.compile(rb"<(!doctype html|html|head|body|script)[\s>]", re.IGNORECASE)
_MARKUP = re.compile(rb"<[!?/a-zA-Z]")
_OBJECT = re.compile(rb"\{\s*\"[^\"]*\"\s*:")
_POINTERS = ((b"version https://git-lfs.github.com/spec/", "Git LFS"), (b"/annex/objects/", "git-annex"))
PEEK = 1024
"""How much of the beginning tells."""


def format_of(name: str) -> Format | None:
    """By suffix; compression suffixes are looked through."""
    lower = name.lower()
    for packed in _PACKED:
        lower = lower.removesuffix(packed)
    return next((kind for suffix, kind in _SUFFIXES.items() if lower.endswith(suffix)), None)


def not_data(head: bytes, kind: Format | None) -> str | None:
    """Why these first bytes cannot be data of this kind (None: of a kind that is not known); None: they may be."""
    start = head[:PEEK].removeprefix(b"\xef\xbb\xbf").lstrip()
    for mark, tool in _POINTERS:
        if start.startswith(mark):
            return f"a {tool} pointer, not the file itself; fetch it where it is stored"
    if kind is None:
        return None
    if _HTML.match(start):
        return f"an HTML page where {kind} was expected (a login or error page?); it starts with {_quoted(start)}"
    if kind == "csv" and (_MARKUP.match(start) or _OBJECT.match(start)):
        what = "JSON" if start.startswith(b"{") else "markup"
        return f"{what} where {kind} was expected (an error document?); it starts with {_quoted(start)}"
    return None


def is_page(head: bytes) -> bool:
    """Is this an HTML page?"""
    return _HTML.match(head[:PEEK].removeprefix(b"\xef\xbb\xbf").lstrip()) is not None


def _quoted(start: bytes) -> str:
    return repr(start[:40].decode("utf-8", "replace"))
