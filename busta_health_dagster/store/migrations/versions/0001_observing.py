"""Sources, observations, rollups, and what the monitor remembers of itself."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Epoch = sa.BigInteger
RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _observations() -> list[sa.Column[Any]]:
    return [
        sa.Column("verdict", sa.SmallInteger, nullable=False, comment="status | 4 in maintenance | 8 suspect | (attempts - 1) << 4"),
        sa.Column("response", sa.BigInteger, comment="tenths of milliseconds"),
        sa.Column("items", sa.BigInteger),
        sa.Column("data_age", sa.BigInteger, comment="seconds"),
        sa.Column("trace", sa.LargeBinary, nullable=False, comment="everything else, packed"),
    ]


def _per_source(table: str) -> list[Any]:
    return [
        sa.Column("source_id", sa.Integer, sa.ForeignKey("source.id", name=f"fk_{table}_source_id"), nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("source_id", name=f"pk_{table}"),
    ]


def upgrade() -> None:
    op.create_table(
        "source",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("interval_s", sa.Integer, nullable=False),
        sa.Column("origin", sa.Text, nullable=False, comment="config | import"),
        sa.Column("added_at", Epoch, nullable=False),
        sa.Column("removed_at", Epoch),
        sa.PrimaryKeyConstraint("id", name="pk_source"),
        sa.UniqueConstraint("name", name="uq_source_name"),
    )
    op.create_table(
        "reason",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reason"),
        sa.UniqueConstraint("code", name="uq_reason_code"),
    )
    op.create_table(
        "observation",
        sa.Column("slot", Epoch, nullable=False, autoincrement=False),
        sa.Column("source_id", sa.Integer, nullable=False, autoincrement=False),
        *_observations(),
        sa.PrimaryKeyConstraint("slot", "source_id", name="pk_observation"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "manual_observation",
        sa.Column("id", RowId, nullable=False),
        sa.Column("source_id", sa.Integer, nullable=False),
        sa.Column("slot", Epoch, nullable=False),
        *(sa.Column(c.name, c.type, nullable=c.nullable) for c in _observations()),
        sa.PrimaryKeyConstraint("id", name="pk_manual_observation"),
    )
    op.create_index("ix_manual_observation_slot", "manual_observation", ["slot"])
    op.create_table(
        "source_state",
        *_per_source("source_state"),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("since", Epoch, nullable=False),
        sa.Column("slot", Epoch, nullable=False),
        sa.Column("observed_at", Epoch, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("response_ms", sa.Float(53)),
        sa.Column("items", sa.BigInteger),
        sa.Column("data_age_s", sa.Float(53)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("http_status", sa.Integer),
        sa.Column("tls_days_left", sa.Float(53)),
        sa.Column("phases", sa.Text, comment="JSON, milliseconds"),
        sa.Column("facts", sa.Text, nullable=False, comment="JSON"),
        sa.Column("quality", sa.Float(53)),
        sa.Column("quality_at", Epoch),
        sa.Column("evaluated_slot", Epoch, nullable=False),
        sa.Column("not_before", Epoch, nullable=False),
        sa.Column("first_slot", Epoch, comment="oldest scheduled observation ever stored"),
        sa.Column("last_slot", Epoch, comment="newest one"),
    )
    for table, key, said in (
        ("rollup_hour", "hour", ("its start", "noise from midnight UTC to the end of the hour")),
        ("rollup_day", "day", ("its start, UTC", "noise of everything before the day")),
    ):
        op.create_table(
            table,
            sa.Column(key, Epoch, nullable=False, autoincrement=False, comment=said[0]),
            sa.Column("source_id", sa.Integer, nullable=False, autoincrement=False),
            sa.Column("total", sa.LargeBinary, nullable=False, comment=said[1]),
            sa.PrimaryKeyConstraint(key, "source_id", name=f"pk_{table}"),
            sqlite_with_rowid=False,
        )
    op.create_table(
        "sample",
        *_per_source("sample"),
        sa.Column("taken_at", Epoch, nullable=False),
        sa.Column("total_rows", sa.BigInteger, nullable=False),
        sa.Column("truncated", sa.Boolean, nullable=False),
        sa.Column("rows", sa.LargeBinary, nullable=False, comment="JSON, zlib"),
    )
    op.create_table(
        "heartbeat",
        *_per_source("heartbeat"),
        sa.Column("at", Epoch, nullable=False),
        sa.Column("ok", sa.Boolean, nullable=False),
        sa.Column("items", sa.BigInteger),
        sa.Column("message", sa.Text, nullable=False),
    )
    op.create_table(
        "reported",
        *_per_source("reported"),
        sa.Column("outcomes", sa.Text, nullable=False, comment="JSON: check -> verdict last told to Dagster"),
        sa.Column("at", Epoch, nullable=False),
    )
    op.create_table(
        "rule_window",
        *_per_source("rule_window"),
        sa.Column("state", sa.Text, nullable=False, comment="JSON: what the rules remember; a cache of the observations"),
    )
    op.create_table(
        "event_log",
        sa.Column("id", RowId, nullable=False),
        sa.Column("at", Epoch, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False, comment="JSON"),
        sa.PrimaryKeyConstraint("id", name="pk_event_log"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_event_log_at", "event_log", ["at"])
    op.create_table(
        "meta",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
    op.create_table(
        "counter",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counter"),
    )
