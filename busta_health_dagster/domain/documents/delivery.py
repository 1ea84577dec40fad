"""Delivery as documents: messages that are not delivered, and what a channel says to a test."""

from __future__ import annotations

from typing_extensions import TypedDict

from busta_health_dagster.domain.documents.alerts import Number


class Undelivered(TypedDict):
    """A message that has not been delivered, and why."""

    id: int
    key: str
    state: str
    channel: str
    kind: str
    severity: str
    alerts: list[int]
    text: str
    created_at: str
    due_at: str | None
    attempts: int
    why: str


class Outbox(TypedDict):
    """What waits to be sent, and the dead letters, newest first: `alerts outbox -o json`."""

    at: str
    counts: dict[str, int]
    oldest_age_s: Number
    messages: list[Undelivered]


class ChannelAnswer(TypedDict):
    """What a channel said to a test message: `alerts test -o json`. `answer` is delivered, later or rejected."""

    channel: str
    kind: str
    where: str
    answer: str
    reason: str
    remedy: str
    took_s: Number
    fallback: str | None
    dead: int
    dead_since: str | None
    dead_alerts: list[int]
