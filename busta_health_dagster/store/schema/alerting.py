"""What we think of it and who was notified: alerts, their transitions, the outbox, planned work, silences, and who did what."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, SmallInteger, Table, Text, text

from busta_health_dagster.store.schema import metadata
from busta_health_dagster.store.schema.types import Epoch, row_id

# Postgres has the same conditions, from the migrations: naming them here would load its dialect, 0.1 CPU s, in every
# command that reads.
_ACTIVE = text("state IN ('pending', 'open')")
_WATCHED = text("watched")
_UNSENT = text("state IN ('waiting', 'sending')")

alert = Table(
    "alert",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("shadow", Boolean, nullable=False),
    Column("watched", Boolean, nullable=False, comment="verdicts must still reach it"),
    Column("pending_at", Epoch),
    Column("opened_at", Epoch),
    Column("resolved_at", Epoch),
    Column("data", Text, nullable=False, comment="JSON: the whole alert, its frozen policy included"),
    Index(
        "uq_alert_active", "fingerprint", unique=True, sqlite_where=_ACTIVE
    ),  # invariant 1: one active alert per fingerprint, whatever runs twice
    Index("ix_alert_watched", "id", sqlite_where=_WATCHED),
    Index(None, "fingerprint"),
    Index(None, "opened_at"),
    Index(None, "resolved_at"),
    sqlite_autoincrement=True,
)

alert_transition = Table(
    "alert_transition",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("alert_id", ForeignKey("alert.id", ondelete="CASCADE"), nullable=False),
    Column("at", Epoch, nullable=False),
    Column("event", Text, nullable=False),
    Column("from_state", Text),
    Column("to_state", Text, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("step", Integer, nullable=False),
    Column("slot", Epoch),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("notify", Text, nullable=False, comment="JSON list of channels"),
    Column("numbers", Text, nullable=False, comment="JSON"),
    Column("considered", Text, nullable=False, comment="JSON: the routes looked at"),
    Index(None, "alert_id"),
    Index(None, "at"),
    sqlite_autoincrement=True,
)

suppression = Table(
    "suppression",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("alert_id", ForeignKey("alert.id", ondelete="CASCADE")),
    Column("fingerprint", Text, nullable=False),
    Column("at", Epoch, nullable=False),
    Column("channel", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index(None, "alert_id"),
    Index(None, "at"),
)

pass_lease = Table(
    "pass_lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Float(53), nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("key", Text, nullable=False, unique=True, comment="idempotency key"),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("alert_ids", Text, nullable=False, comment="JSON list"),
    Column("payload", Text, nullable=False, comment="JSON: the notice"),
    Column("created_at", Float(53), nullable=False),
    Column("due_at", Float(53), nullable=False),
    Column("state", Text, nullable=False, comment="waiting | sending | done | dead"),
    Column("attempts", Integer, nullable=False),
    Column("owner", Text),
    Column("lease_until", Float(53)),
    Column("reason", Text, nullable=False),
    Column("finished_at", Float(53)),
    Column("receipt", Text, nullable=False, comment="JSON: what a later message of the thread needs"),
    Index("ix_outbox_unsent", "due_at", sqlite_where=_UNSENT),
    Index(None, "thread", "channel"),
    Index(None, "finished_at"),
    sqlite_autoincrement=True,
)

delivery_attempt = Table(
    "delivery_attempt",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("outbox_id", ForeignKey("outbox.id", ondelete="CASCADE"), nullable=False),
    Column("at", Float(53), nullable=False),
    Column("channel", Text, nullable=False),
    Column("outcome", Text, nullable=False, comment="delivered | retry | dead"),
    Column("reason", Text, nullable=False),
    Index(None, "outbox_id"),
    Index(None, "channel", "at"),
)

maintenance_window = Table(
    "maintenance_window",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("selector", Text, nullable=False, comment="JSON"),
    Column("start", Text, nullable=False, comment="local, without zone"),
    Column("zone", Text, nullable=False),
    Column("duration_s", BigInteger, nullable=False),
    Column("rrule", Text),
    Column("exdates", Text, nullable=False, comment="JSON list"),
    Column("reason", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Epoch, nullable=False),
    Column("removed_at", Epoch),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("at", Epoch, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "at"),
)

silence = Table(
    "silence",
    metadata,
    Column("id", Text, primary_key=True),
    Column("matchers", Text, nullable=False, comment="JSON list"),
    Column("starts_at", Epoch, nullable=False),
    Column("ends_at", Epoch, nullable=False, comment="moved forward when it is ended early"),
    Column("created_by", Text, nullable=False, comment="the name that was given"),
    Column("comment", Text, nullable=False),
    Column("actor", Text, nullable=False, comment="who was let in by the door"),
    Column("updated_at", Epoch, nullable=False),
    Index(None, "ends_at"),
)

incident_note = Table(
    "incident_note",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("incident", Text, nullable=False),
    Column("at", Epoch, nullable=False),
    Column("author", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="note | cause"),
    Column("text", Text, nullable=False),
    Index(None, "incident"),
)
