"""The gate as documents."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict


class OverrideRow(TypedDict):
    """A gate that a person opened or closed by hand; it expires by itself."""

    state: Literal["open", "closed"]
    since: str
    until: str
    reason: str
    by: str


class UsableRow(TypedDict):
    """May anything downstream use this source, and why."""

    source: str
    usable: bool
    reason: str
    status: str
    observed_at: str | None
    override: OverrideRow | None


class GatedJobRow(TypedDict):
    """A job behind the gate: when it runs next, and since when it waits."""

    job: str
    location: str
    sources: list[str]
    next_at: str | None
    evaluated_at: str
    held_since: str | None
    held_s: int | None
    reason: str


class GateState(TypedDict):
    """The gate of some sources, and the jobs behind it: `gate status -o json`. `usable`: each of them is."""

    at: str
    usable: bool
    sources: list[UsableRow]
    jobs: list[GatedJobRow]
