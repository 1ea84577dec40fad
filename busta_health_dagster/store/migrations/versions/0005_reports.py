"""Finished reports."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

Epoch = sa.BigInteger


def upgrade() -> None:
    op.create_table(
        "report",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False, comment="2026-W47"),
        sa.Column("since", Epoch, nullable=False),
        sa.Column("until", Epoch, nullable=False),
        sa.Column("written_at", Epoch, nullable=False),
        sa.Column("sent_at", Epoch, comment="when it was first put into the outbox; null: kept, told to nobody"),
        sa.Column("headline", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False, comment="JSON, zlib: the figures"),
        sa.PrimaryKeyConstraint("name", "period", name="pk_report"),
    )
