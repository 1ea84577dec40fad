"""What a payload may cost in memory once it is parsed: decoded bytes say little about it.

`[{},{},...]` of 30 MiB becomes 800 MiB of objects, so JSON is weighed by its signs before anybody parses it.
"""

from __future__ import annotations

from busta_health_dagster.probes.port import Failed

_OBJECT, _LIST, _KEY, _VALUE, _CELL = 150, 72, 36, 40, 60
"""Bytes that CPython takes for each, about; a small payload is never refused for the error in it."""


def parsed_bytes(body: bytes) -> int:
    """Memory that a JSON text takes once it is parsed, about."""
    objects, lists = body.count(b"{"), body.count(b"[")
    return len(body) + objects * _OBJECT + lists * _LIST + body.count(b":") * _KEY + body.count(b",") * _VALUE


def table_bytes(body: bytes, delimiter: str) -> int:
    """Memory that CSV takes as rows, about: a dictionary each, a text for each cell."""
    return len(body) + body.count(b"\n") * (_OBJECT + _LIST) + body.count(delimiter.encode()) * _CELL


def refuse_memory(size: int, bound: int) -> None:
    """Raises:
    Failed: `too_large`, more than `bound` bytes of memory.
    """
    if size > bound:
        raise Failed(
            "too_large",
            f"would take about {size / 2**20:,.0f} MiB of memory, {bound / 2**20:,.0f} MiB allowed (limits.memory); "
            "let it deliver fewer records at once, or JSON lines",
        )


def refuse_decoded(size: int, cap: int) -> None:
    """Raises:
    Failed: `too_large`, more than `cap` decoded bytes.
    """
    if size > cap:
        raise Failed("too_large", f"more than {cap:,} bytes when decoded; cut there (max_bytes)")
