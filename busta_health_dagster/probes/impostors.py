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
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,200})</title>", re.IGNORECASE)
_PASSWORD = re.compile(rb"<input\b[^>]{0,500}\btype\s*=\s*[\"']?password\b", re.IGNORECASE)
_LOGIN = re.compile(r"\b(log|sign)[ -]?(in|on)\b|\bsso\b|\bauth(enticate|entication|orize)?\b", re.IGNORECASE)
_TEXT = re.compile(rb"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_PAGE_BYTES, _FEW_WORDS = 256 * 1024, 120
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


def login_page(body: bytes, path: str) -> str | None:
    """What a page says of itself that asks who one is instead of showing data (None: it is no such page). `path` is that of
    the address it came from in the end. A page with much to read that has a login somewhere is none.
    """
    page = body[:_PAGE_BYTES]
    if not is_page(page) and _TITLE.search(page) is None:
        return None
    found = _TITLE.search(page)
    title = " ".join(found[1].decode("utf-8", "replace").split()) if found else ""
    asks = _PASSWORD.search(page) is not None
    named = _LOGIN.search(title) is not None or _LOGIN.search(path.replace("/", " ")) is not None
    brief = len(_TEXT.sub(b"", page).split()) < _FEW_WORDS
    return (title or "without a title") if (asks and brief) or (named and (asks or brief)) else None


def _quoted(start: bytes) -> str:
    return repr(start[:40].decode("utf-8", "replace"))
