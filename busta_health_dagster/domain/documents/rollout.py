"""Sources that are introduced, as documents."""

from __future__ import annotations

from typing_extensions import TypedDict


class WouldHaveSent(TypedDict):
    """What a rule would have sent about a source, had it been live; `messages` by channel, repeats left out."""

    rule: str
    alerts: int
    open: int
    lasted_s: int
    messages: dict[str, int]


class RolloutRow(TypedDict):
    """A source with `rollout`: until when its rules notify no one, and what they would have sent."""

    source: str
    until: str
    shadow: bool
    since: str
    config: str
    rules: list[WouldHaveSent]
