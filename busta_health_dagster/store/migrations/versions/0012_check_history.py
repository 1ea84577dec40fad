"""Each check of a suite has a history of its own: 30 days, and since when it fails."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

Epoch = sa.BigInteger


def upgrade() -> None:
    op.create_table(
        "check_history",
        sa.Column("source_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("at", Epoch, nullable=False),
        sa.Column("checks", sa.LargeBinary, nullable=False, comment="JSON, zlib: a row of days for each check"),
        sa.PrimaryKeyConstraint("source_id", name="pk_check_history"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_check_history_source_id"),
    )
    op.create_index("ix_check_history_at", "check_history", ["at"])
