"""A small note in a file beside the store: what the store cannot hold, because it is the store that is ill, or because
anyone who knows it has no store. It keeps its blocks on the disk while nothing is wrong, so that it can be written on a full one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BYTES = 2048


def read_note(path: Path) -> str:
    """The note; empty while nothing is wrong.

    Raises:
        OSError: it is there and cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return ""


def write_note(path: Path, text: str) -> None:
    """In place, and always as long.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("r+b" if path.exists() else "wb") as stream:
        stream.write(text.encode()[:BYTES].ljust(BYTES))


def reserved(path: Path) -> bool:
    """Does the note have its blocks already?"""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False
