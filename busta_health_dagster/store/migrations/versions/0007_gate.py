"""The gate, and the version of the data that Dagster was last notified of."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

Epoch = sa.BigInteger
RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("reported", sa.Column("version", sa.Text, comment="data version last sent as a materialization"))
    op.add_column("reported", sa.Column("version_at", Epoch, nullable=False, server_default="0"))
    op.create_table(
        "gate_override",
        sa.Column("id", RowId, nullable=False),
        sa.Column("source_id", sa.Integer, nullable=False),
        sa.Column("usable", sa.Boolean, nullable=False),
        sa.Column("since", Epoch, nullable=False),
        sa.Column("until", Epoch, nullable=False, comment="moved forward when it is ended early"),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gate_override"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_gate_override_source_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_gate_override_source_id_until", "gate_override", ["source_id", "until"])
    op.create_table(
        "gated_job",
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("sources", sa.Text, nullable=False, comment="JSON list of names"),
        sa.Column("next_at", Epoch),
        sa.Column("evaluated_at", Epoch, nullable=False),
        sa.Column("held_since", Epoch),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("location", "job", name="pk_gated_job"),
    )
