"""What we saw: sources, observations, their rollups, and what the monitor remembers of itself.

Two tables hold running totals, so that a window of any length is the difference of two readings (`noise`):
`rollup_hour.total` counts from midnight UTC to the end of that hour, `rollup_day.total` everything before that day.
Both have rows only for hours and days in which something was seen; the reading at an instant is the newest row before
it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)

from busta_health_dagster.store.schema import metadata
from busta_health_dagster.store.schema.types import Epoch, row_id

source = Table(
    "source",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("interval_s", Integer, nullable=False),
    Column("origin", Text, nullable=False, comment="config | import"),
    Column("added_at", Epoch, nullable=False),
    Column("removed_at", Epoch),
)

reason = Table(
    "reason",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
)

# (slot, source_id): one tick's rows lie together, so a tick touches few pages; verdict and trace: see `packing`.
observation = Table(
    "observation",
    metadata,
    Column("slot", Epoch, primary_key=True, autoincrement=False),
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column(
        "verdict",
        SmallInteger,
        nullable=False,
        comment="status | 4 in maintenance | 8 suspect | (attempts - 1) << 4",
    ),
    Column("response", BigInteger, comment="tenths of milliseconds"),
    Column("items", BigInteger),
    Column("data_age", BigInteger, comment="seconds"),
    Column("trace", LargeBinary, nullable=False, comment="everything else, packed"),
    sqlite_with_rowid=False,
)

manual_observation = Table(
    "manual_observation",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("source_id", Integer, nullable=False),
    Column("slot", Epoch, nullable=False),
    Column("verdict", SmallInteger, nullable=False),
    Column("response", BigInteger),
    Column("items", BigInteger),
    Column("data_age", BigInteger),
    Column("trace", LargeBinary, nullable=False),
    Index(None, "slot"),
)

source_state = Table(
    "source_state",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True, autoincrement=False),
    Column("status", SmallInteger, nullable=False),
    Column("since", Epoch, nullable=False),
    Column("slot", Epoch, nullable=False),
    Column("observed_at", Epoch, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("response_ms", Float(53)),
    Column("items", BigInteger),
    Column("data_age_s", Float(53)),
    Column("attempts", Integer, nullable=False),
    Column("http_status", Integer),
    Column("tls_days_left", Float(53)),
    Column("phases", Text, comment="JSON, milliseconds"),
    Column("facts", Text, nullable=False, comment="JSON"),
    Column("quality", Float(53)),
    Column("quality_at", Epoch),
    Column("evaluated_slot", Epoch, nullable=False),
    Column("not_before", Epoch, nullable=False),
    Column("first_slot", Epoch, comment="oldest scheduled observation ever stored"),
    Column("last_slot", Epoch, comment="newest one"),
    Column("metrics", Text, comment="JSON: custom metrics"),
    Column("data_of", Text, comment="JSON: the newest full observation, while light ones follow it"),
)

rollup_hour = Table(
    "rollup_hour",
    metadata,
    Column("hour", Epoch, primary_key=True, autoincrement=False, comment="its start"),
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("total", LargeBinary, nullable=False, comment="noise from midnight UTC to the end of the hour"),
    sqlite_with_rowid=False,
)

rollup_day = Table(
    "rollup_day",
    metadata,
    Column("day", Epoch, primary_key=True, autoincrement=False, comment="its start, UTC"),
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("total", LargeBinary, nullable=False, comment="noise of everything before the day"),
    sqlite_with_rowid=False,
)

sample = Table(
    "sample",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True, autoincrement=False),
    Column("taken_at", Epoch, nullable=False),
    Column("total_rows", BigInteger, nullable=False),
    Column("truncated", Boolean, nullable=False),
    Column("rows", LargeBinary, nullable=False, comment="JSON, zlib"),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True, autoincrement=False),
    Column("at", Epoch, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("items", BigInteger),
    Column("message", Text, nullable=False),
)

reported = Table(
    "reported",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True, autoincrement=False),
    Column("outcomes", Text, nullable=False, comment="JSON: check -> verdict last told to Dagster"),
    Column("at", Epoch, nullable=False),
    Column("version", Text, comment="data version last sent as a materialization"),
    Column("version_at", Epoch, nullable=False, server_default="0"),
)

rule_window = Table(
    "rule_window",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False, comment="JSON: what the rules remember; a cache of the observations"),
)

event_log = Table(
    "event_log",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("at", Epoch, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False, comment="JSON"),
    Index(None, "at"),
    sqlite_autoincrement=True,
)

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

counter = Table(
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Float(53), nullable=False),
)
