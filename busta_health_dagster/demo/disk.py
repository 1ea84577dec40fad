"""The three upstreams that are not HTTP: a folder of CSV files, a SQLite warehouse and a Parquet feature store.

All are written aside and moved into place, with the modification time of their newest item. What is there already is
left alone, so that a sync costs a few stat calls.
"""

from __future__ import annotations

import csv
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from busta_health_dagster.demo.catalogue import UPSTREAMS
from busta_health_dagster.demo.faults import Effect, Fault
from busta_health_dagster.demo.payloads import tables
from busta_health_dagster.domain.units import from_epoch

if TYPE_CHECKING:
    from pathlib import Path

    from busta_health_dagster.demo.world import World

GARBAGE = b"\x00\xff\xfe<html>Service unavailable</html>\x00" * 8
KEPT_FILES = 3
PLAYS, WAREHOUSE, FEATURES = "play_by_play_csv", "postgres_warehouse", "feature_store"


@dataclass(slots=True)
class Disk:
    """Keeps the files of a world below `root`. Not thread-safe: one `sync` at a time."""

    world: World
    root: Path
    _written: dict[str, tuple[object, ...]] = field(default_factory=dict)
    _lock: sqlite3.Connection | None = None

    @property
    def paths(self) -> dict[str, Path]:
        return {name: self.root / UPSTREAMS[name].path for name in (PLAYS, WAREHOUSE, FEATURES)}

    def sync(self) -> None:
        """Bring every file to what the world says now."""
        for name, write in ((PLAYS, self._plays), (WAREHOUSE, self._warehouse), (FEATURES, self._features)):
            effect, newest = self.world.effect(name), self.world.newest(name)
            wanted = (newest, effect.fault if effect else None, self.world.spoilt(name))
            if self._written.get(name) != wanted:
                write(effect, newest)
                self._written[name] = wanted

    def close(self) -> None:
        """Let go of the warehouse; the files stay."""
        self._unlock()

    def _plays(self, effect: Effect | None, newest: float) -> None:
        folder = self.paths[PLAYS]
        away = folder.with_name(f"{folder.name}.unmounted")
        if effect is not None and effect.fault is Fault.OUTAGE:
            if folder.exists():
                folder.rename(away)
            return
        if away.exists() and not folder.exists():
            away.rename(folder)
        folder.mkdir(parents=True, exist_ok=True)
        spoilt, keep = self.world.spoilt(PLAYS), set()
        for back in range(KEPT_FILES):
            drop = newest - back * 86400
            path = folder / f"pbp_{from_epoch(drop):%Y-%m-%d}.csv"
            keep.add(path)
            first = back == 0
            if first and effect is not None and effect.fault is Fault.GARBAGE:
                _replace(path, GARBAGE, drop)
            elif first or not path.exists():
                rows = tables.plays(drop, UPSTREAMS[PLAYS].count(drop), spoilt if first else 0.0)
                _replace(path, _csv(rows), drop)
        for path in set(folder.glob("*.csv")) - keep:
            path.unlink()

    def _warehouse(self, effect: Effect | None, newest: float) -> None:
        path = self.paths[WAREHOUSE]
        path.parent.mkdir(parents=True, exist_ok=True)
        self._unlock()
        fault = effect.fault if effect else None
        if fault is Fault.OUTAGE:
            path.unlink(missing_ok=True)
            return
        if fault is Fault.GARBAGE:
            _replace(path, GARBAGE, newest)
            return
        rows = tables.warehouse_games(newest, UPSTREAMS[WAREHOUSE].count(newest), self.world.spoilt(WAREHOUSE))
        if path.exists() and path.read_bytes()[:15] != b"SQLite format 3":
            path.unlink()
        with closing(sqlite3.connect(path)) as connection, connection:
            # Not WAL: there a writer would not keep readers out, and the fault "locked" could not be shown.
            connection.execute("pragma journal_mode = delete")
            columns = ", ".join(rows[0])
            connection.execute(f"create table if not exists games ({columns}, primary key (game_id))")
            connection.execute("delete from games")
            marks = ", ".join(f":{c}" for c in rows[0])
            connection.executemany(f"insert into games ({columns}) values ({marks})", rows)  # noqa: S608  our own names
        if fault is Fault.TIMEOUT:
            self._lock = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._lock.execute("begin exclusive")

    def _features(self, effect: Effect | None, newest: float) -> None:
        path = self.paths[FEATURES]
        path.parent.mkdir(parents=True, exist_ok=True)
        fault = effect.fault if effect else None
        if fault is Fault.OUTAGE:
            path.unlink(missing_ok=True)
        elif fault is Fault.GARBAGE:
            _replace(path, GARBAGE, newest)
        else:
            rows = tables.features(newest, UPSTREAMS[FEATURES].count(newest), self.world.spoilt(FEATURES))
            _replace(path, _parquet(rows), newest)

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.execute("rollback")
            self._lock.close()
            self._lock = None


def _csv(rows: list[dict[str, Any]]) -> bytes:
    import io

    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return bytes(sink.getvalue().to_pybytes())


def _replace(path: Path, content: bytes, mtime: float) -> None:
    """Whole or not at all: a reader never meets half a file. The temporary name matches no source's pattern."""
    aside = path.with_name(f".{path.name}.part")
    aside.write_bytes(content)
    os.utime(aside, (mtime, mtime))
    aside.replace(path)
