"""What the detector has learned."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

Epoch = sa.BigInteger


def upgrade() -> None:
    op.create_table(
        "baseline",
        sa.Column("source_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("slot", Epoch, nullable=False, comment="the newest slot that the detector has seen"),
        sa.Column("quality_at", Epoch, nullable=False, comment="instant of the newest quality score that it has seen"),
        sa.Column("written_at", Epoch, nullable=False),
        sa.Column("verdict", sa.Text, comment="JSON: what it said of that slot"),
        sa.Column("hot", sa.LargeBinary, nullable=False, comment="11 KB, rewritten with every poll"),
        sa.PrimaryKeyConstraint("source_id", name="pk_baseline"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_baseline_source_id"),
    )
    op.create_table(
        "baseline_history",
        sa.Column("source_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("written_at", Epoch, nullable=False),
        sa.Column("cold", sa.LargeBinary, nullable=False, comment="three weeks of clean polls, at most 85 KB"),
        sa.PrimaryKeyConstraint("source_id", name="pk_baseline_history"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_baseline_history_source_id"),
    )
