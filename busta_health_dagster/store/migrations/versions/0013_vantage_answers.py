"""Sources can be observed from several vantage points: what each of them saw, per source and slot."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

Epoch = sa.BigInteger


def upgrade() -> None:
    op.create_table(
        "vantage_answer",
        sa.Column("slot", Epoch, nullable=False, autoincrement=False),
        sa.Column("source_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("vantage", sa.Text, nullable=False),
        sa.Column("verdict", sa.SmallInteger, nullable=False),
        sa.Column("response", sa.BigInteger),
        sa.Column("items", sa.BigInteger),
        sa.Column("data_age", sa.BigInteger),
        sa.Column("trace", sa.LargeBinary, nullable=False),
        sa.Column("facts", sa.Text, comment="JSON, until the slot is closed"),
        sa.PrimaryKeyConstraint("slot", "source_id", "vantage", name="pk_vantage_answer"),
        sqlite_with_rowid=False,
    )
