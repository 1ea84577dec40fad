"""Whether a process has a living child: Dagster's code server answers through one, and does not notice when it dies."""

from __future__ import annotations

from pathlib import Path

_PROC = Path("/proc")
ALONE_S = 10.0
"""At its start, and while it changes one for another, a process may be without its child for a while."""


def has_living_child(pid: int) -> bool | None:
    """None: this system does not say (no /proc), or the process has gone."""
    try:
        lists = [(task / "children").read_text() for task in (_PROC / str(pid) / "task").iterdir()]
    except OSError:
        return None
    return any(_lives(child) for listed in lists for child in listed.split())


def _lives(pid: str) -> bool:
    try:
        state = (_PROC / pid / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}
