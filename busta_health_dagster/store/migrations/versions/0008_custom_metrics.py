"""Custom metrics of sources: their names, the newest values, and their rollups."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

Epoch = sa.BigInteger


def upgrade() -> None:
    op.create_table(
        "metric_name",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.UniqueConstraint("name", name="uq_metric_name_name"),
    )
    for table, start in (("metric_hour", "hour"), ("metric_day", "day")):
        op.create_table(
            table,
            sa.Column(start, Epoch, nullable=False, autoincrement=False, comment="its start, UTC"),
            sa.Column("source_id", sa.Integer, nullable=False, autoincrement=False),
            sa.Column("stats", sa.LargeBinary, nullable=False, comment="per metric: count, sum, lowest, highest"),
            sa.PrimaryKeyConstraint(start, "source_id", name=f"pk_{table}"),
            sqlite_with_rowid=False,
        )
    with op.batch_alter_table("source_state") as state:
        state.add_column(sa.Column("metrics", sa.Text, comment="JSON: custom metrics"))
