"""Light observations leave what the newest full one said of the data."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    with op.batch_alter_table("source_state") as state:
        state.add_column(sa.Column("data_of", sa.Text, comment="JSON: the newest full observation, while light ones follow it"))
