"""Alerts, their transitions, the outbox, planned work, the audit log and notes on incidents."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Epoch = sa.BigInteger
RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", RowId, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("severity", sa.SmallInteger, nullable=False),
        sa.Column("shadow", sa.Boolean, nullable=False),
        sa.Column("watched", sa.Boolean, nullable=False, comment="verdicts must still reach it"),
        sa.Column("pending_at", Epoch),
        sa.Column("opened_at", Epoch),
        sa.Column("resolved_at", Epoch),
        sa.Column("data", sa.Text, nullable=False, comment="JSON: the whole alert, its frozen policy included"),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
        sqlite_autoincrement=True,
    )
    active, watched = sa.text("state IN ('pending', 'open')"), sa.text("watched")
    op.create_index("uq_alert_active", "alert", ["fingerprint"], unique=True, sqlite_where=active, postgresql_where=active)
    op.create_index("ix_alert_watched", "alert", ["id"], sqlite_where=watched, postgresql_where=watched)
    for column in ("fingerprint", "opened_at", "resolved_at"):
        op.create_index(f"ix_alert_{column}", "alert", [column])
    op.create_table(
        "alert_transition",
        sa.Column("id", RowId, nullable=False),
        sa.Column("alert_id", RowId, nullable=False),
        sa.Column("at", Epoch, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("from_state", sa.Text),
        sa.Column("to_state", sa.Text, nullable=False),
        sa.Column("severity", sa.SmallInteger, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("slot", Epoch),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("notify", sa.Text, nullable=False, comment="JSON list of channels"),
        sa.Column("numbers", sa.Text, nullable=False, comment="JSON"),
        sa.Column("considered", sa.Text, nullable=False, comment="JSON: the routes looked at"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_transition"),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_alert_transition_alert_id", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alert_transition_alert_id", "alert_transition", ["alert_id"])
    op.create_index("ix_alert_transition_at", "alert_transition", ["at"])
    op.create_table(
        "suppression",
        sa.Column("id", RowId, nullable=False),
        sa.Column("alert_id", RowId),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("at", Epoch, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_suppression"),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_suppression_alert_id", ondelete="CASCADE"),
    )
    op.create_index("ix_suppression_alert_id", "suppression", ["alert_id"])
    op.create_index("ix_suppression_at", "suppression", ["at"])
    op.create_table(
        "pass_lease",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("until", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_pass_lease"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", RowId, nullable=False),
        sa.Column("key", sa.Text, nullable=False, comment="idempotency key"),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("thread", sa.Text, nullable=False),
        sa.Column("severity", sa.SmallInteger, nullable=False),
        sa.Column("alert_ids", sa.Text, nullable=False, comment="JSON list"),
        sa.Column("payload", sa.Text, nullable=False, comment="JSON: the notice"),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("due_at", sa.Float(53), nullable=False),
        sa.Column("state", sa.Text, nullable=False, comment="waiting | sending | done | dead"),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("lease_until", sa.Float(53)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("finished_at", sa.Float(53)),
        sa.Column("receipt", sa.Text, nullable=False, comment="JSON: what a later message of the thread needs"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
        sqlite_autoincrement=True,
    )
    unsent = sa.text("state IN ('waiting', 'sending')")
    op.create_index("ix_outbox_unsent", "outbox", ["due_at"], sqlite_where=unsent, postgresql_where=unsent)
    op.create_index("ix_outbox_thread_channel", "outbox", ["thread", "channel"])
    op.create_index("ix_outbox_finished_at", "outbox", ["finished_at"])
    op.create_table(
        "delivery_attempt",
        sa.Column("id", RowId, nullable=False),
        sa.Column("outbox_id", RowId, nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False, comment="delivered | retry | dead"),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_attempt"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name="fk_delivery_attempt_outbox_id", ondelete="CASCADE"),
    )
    op.create_index("ix_delivery_attempt_outbox_id", "delivery_attempt", ["outbox_id"])
    op.create_index("ix_delivery_attempt_channel_at", "delivery_attempt", ["channel", "at"])
    op.create_table(
        "maintenance_window",
        sa.Column("id", RowId, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("selector", sa.Text, nullable=False, comment="JSON"),
        sa.Column("start", sa.Text, nullable=False, comment="local, without zone"),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("duration_s", sa.BigInteger, nullable=False),
        sa.Column("rrule", sa.Text),
        sa.Column("exdates", sa.Text, nullable=False, comment="JSON list"),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", Epoch, nullable=False),
        sa.Column("removed_at", Epoch),
        sa.PrimaryKeyConstraint("id", name="pk_maintenance_window"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit",
        sa.Column("id", RowId, nullable=False),
        sa.Column("at", Epoch, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_table(
        "incident_note",
        sa.Column("id", RowId, nullable=False),
        sa.Column("incident", sa.Text, nullable=False),
        sa.Column("at", Epoch, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="note | cause"),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incident_note"),
    )
    op.create_index("ix_incident_note_incident", "incident_note", ["incident"])
