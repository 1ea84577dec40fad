"""A job can wait behind several sensors, such as one for each of its schedules.

What the table holds is written again by the sensors within five minutes, so it begins empty.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

Epoch = sa.BigInteger


def upgrade() -> None:
    op.drop_table("gated_job")
    op.create_table(
        "gated_job",
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("sensor", sa.Text, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("sources", sa.Text, nullable=False, comment="JSON list of names"),
        sa.Column("next_at", Epoch),
        sa.Column("evaluated_at", Epoch, nullable=False),
        sa.Column("held_since", Epoch),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("location", "sensor", "job", name="pk_gated_job"),
    )
