"""Silences by matchers, for tools that speak Alertmanager's API."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

Epoch = sa.BigInteger


def upgrade() -> None:
    op.create_table(
        "silence",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("matchers", sa.Text, nullable=False, comment="JSON list"),
        sa.Column("starts_at", Epoch, nullable=False),
        sa.Column("ends_at", Epoch, nullable=False, comment="moved forward when it is ended early"),
        sa.Column("created_by", sa.Text, nullable=False, comment="the name that was given"),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False, comment="who was let in by the door"),
        sa.Column("updated_at", Epoch, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_silence"),
    )
    op.create_index("ix_silence_ends_at", "silence", ["ends_at"])
