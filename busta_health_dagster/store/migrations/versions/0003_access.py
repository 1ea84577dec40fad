"""API tokens and sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

Epoch = sa.BigInteger
RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", RowId, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False, comment="SHA-256, hex"),
        sa.Column("created_at", Epoch, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("last_used_at", Epoch),
        sa.Column("revoked_at", Epoch),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("digest", name="uq_api_token_digest"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "session",
        sa.Column("digest", sa.Text, nullable=False, comment="SHA-256 of the cookie, hex"),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("csrf", sa.Text, nullable=False),
        sa.Column("expires_at", Epoch, nullable=False),
        sa.Column("token_id", RowId, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_session"),
        sa.ForeignKeyConstraint(["token_id"], ["api_token.id"], name="fk_session_token_id", ondelete="CASCADE"),
    )
