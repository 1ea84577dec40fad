"""Quality scores with their checks, failing rows, learned shapes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

Epoch = sa.BigInteger
RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "quality_result",
        sa.Column("id", RowId, nullable=False),
        sa.Column("source_id", sa.Integer, nullable=False),
        sa.Column("at", Epoch, nullable=False, comment="when it was scored"),
        sa.Column("data_at", Epoch, nullable=False, comment="when what it judged was taken"),
        sa.Column("suite", sa.Text, nullable=False),
        sa.Column("score", sa.Float(53), comment="null: no data"),
        sa.Column("raw", sa.Float(53)),
        sa.Column("half_width", sa.Float(53)),
        sa.Column("coverage", sa.Float(53), nullable=False),
        sa.Column("provisional", sa.Boolean, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("total_rows", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("dimensions", sa.Text, nullable=False, comment="JSON: dimension -> 0-100"),
        sa.PrimaryKeyConstraint("id", name="pk_quality_result"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_quality_result_source_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_quality_result_source_id_id", "quality_result", ["source_id", "id"])
    op.create_index("ix_quality_result_at", "quality_result", ["at"])
    op.create_table(
        "quality_checks",
        sa.Column("result_id", RowId, nullable=False, autoincrement=False),
        sa.Column("at", Epoch, nullable=False),
        sa.Column("detail", sa.LargeBinary, nullable=False, comment="JSON, zlib: checks, caps, notes"),
        sa.PrimaryKeyConstraint("result_id", name="pk_quality_checks"),
        sa.ForeignKeyConstraint(
            ["result_id"], ["quality_result.id"], name="fk_quality_checks_result_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_quality_checks_at", "quality_checks", ["at"])
    op.create_table(
        "failing_row",
        sa.Column("id", RowId, nullable=False),
        sa.Column("source_id", sa.Integer, nullable=False),
        sa.Column("at", Epoch, nullable=False),
        sa.Column("check", sa.Text, nullable=False),
        sa.Column("row", sa.BigInteger, nullable=False),
        sa.Column("of", sa.BigInteger, nullable=False),
        sa.Column("keys", sa.Text, nullable=False, comment="JSON"),
        sa.Column("shown", sa.Text, nullable=False, comment="JSON: values, masked"),
        sa.PrimaryKeyConstraint("id", name="pk_failing_row"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_failing_row_source_id"),
    )
    op.create_index("ix_failing_row_source_id", "failing_row", ["source_id"])
    op.create_index("ix_failing_row_at", "failing_row", ["at"])
    op.create_table(
        "schema_snapshot",
        sa.Column("source_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("shape", sa.Text, nullable=False, comment="JSON: columns, rows, truncated"),
        sa.Column("learned_at", Epoch, nullable=False),
        sa.Column("seen", sa.Integer, nullable=False),
        sa.Column("drifting_since", Epoch),
        sa.PrimaryKeyConstraint("source_id", name="pk_schema_snapshot"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_schema_snapshot_source_id"),
    )
