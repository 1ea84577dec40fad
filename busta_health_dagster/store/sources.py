"""The sources the store knows, those that are gone included: their history stays. Also the dictionary of reason
codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from sqlalchemy import func, select, update

from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.store.schema.custom_metrics import metric_name
from busta_health_dagster.store.schema.observing import reason, source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Table

    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.store.unit import UnitOfWork

_SINGLY_AT_MOST = 5
_NAMED_AT_MOST = 500

Origin = Literal["config", "import"]


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A source as the store knows it. `origin` is `import` for one that the configuration does not name."""

    id: int
    name: str
    type: str
    interval_s: int
    origin: str
    added_at: int
    removed_at: int | None


@dataclass(frozen=True, slots=True)
class SyncResult:
    """Names that came (or came back) and names that went."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


class Sources:
    """Names to ids and back. A rename is a removal and an addition."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._asked: dict[str, StoredSource] = {}

    def all(self, *, removed: bool = False) -> list[StoredSource]:
        """Sorted by name; those that are gone only if asked for."""
        found = sorted(self._known.values(), key=lambda s: s.name)
        return found if removed else [s for s in found if s.removed_at is None]

    def get(self, name: str) -> StoredSource:
        """Raises UnknownName: the store has never seen it."""
        found = self._asked.get(name)
        if found is None and "_known" not in self.__dict__ and len(self._asked) < _SINGLY_AT_MOST:
            row = self._uow.connection.execute(select(source).where(source.c.name == name)).first()
            found = None if row is None else StoredSource(*row)
        elif found is None:
            found = self._known.get(name)
        if found is None:
            raise UnknownName(f"The store knows no source {name!r}. See which it knows with: busta sources list")
        self._asked[name] = found
        return found

    def among(self, names: Collection[str]) -> set[str]:
        """Which of these the store knows, those that are gone left out; a few of thousands cost next to nothing."""
        if len(names) > _NAMED_AT_MOST:
            return {s.name for s in self.all()} & set(names)
        asked = select(source.c.name).where(source.c.name.in_(names), source.c.removed_at.is_(None))
        return set(self._uow.connection.execute(asked).scalars())

    def fleet(self) -> int:
        """How many sources a tick may have held, those that are gone included."""
        if "_known" in self.__dict__:
            return len(self._known)
        return int(self._uow.connection.execute(select(func.count()).select_from(source)).scalar_one())

    def faster_than(self, interval_s: int, ids: Collection[int]) -> set[int]:
        """Those of these sources that are checked more often."""
        known = self._asked if len(ids) < _SINGLY_AT_MOST else self._known
        by_id = {s.id: s.interval_s for s in known.values()}
        if not by_id.keys() >= set(ids):
            by_id = {s.id: s.interval_s for s in self._known.values()}
        return {key for key in ids if by_id[key] < interval_s}

    def sync(self, sources: Iterable[Source], now: int) -> SyncResult:
        """Make the set of configured sources this one. Imported sources that no one configures are left alone."""
        wanted = {s.name: s for s in sources}
        added = self._put([(s.name, s.type, s.interval_s) for s in wanted.values()], "config", now)
        gone = [s for s in self.all() if s.origin == "config" and s.name not in wanted]
        if gone:
            ids = [s.id for s in gone]
            self._uow.connection.execute(update(source).where(source.c.id.in_(ids)).values(removed_at=now))
            self._forget()
        return SyncResult(added, tuple(s.name for s in gone))

    def ensure(self, name: str, kind: str, interval_s: int, now: int) -> StoredSource:
        """A source that an import brings: taken as it comes, unless the configuration already names it."""
        known = self._known.get(name)
        if known is None or known.origin == "import" or known.removed_at is not None:
            self._put([(name, kind, interval_s)], "import", now)
        return self._known[name]

    def ids(self, names: Collection[str] | None, *, removed: bool = False) -> dict[int, str]:
        """Id -> name, of these names or (None) of all. Raises UnknownName."""
        if names is None:
            return {s.id: s.name for s in self.all(removed=removed)}
        return {self.get(name).id: name for name in names}

    def lock(self, ids: Collection[int]) -> None:
        """Let no one else move the states and rollups of these sources until this transaction ends.

        Both are read, changed and written back: without it, of two runs that overlap on Postgres one would undo the
        other's counts. By source and not by table, so that shards do not wait for each other. SQLite has one writer.
        """
        if not self._uow.is_sqlite and ids:
            asked = select(source.c.id).where(source.c.id.in_(sorted(ids))).order_by(source.c.id)
            self._uow.connection.execute(asked.with_for_update(key_share=True)).all()

    def _put(self, rows: list[tuple[str, str, int]], origin: Origin, now: int) -> tuple[str, ...]:
        changed, added = [], []
        for name, kind, interval_s in rows:
            known = self._known.get(name)
            if known is None or known.removed_at is not None:
                added.append(name)
            elif (known.type, known.interval_s, known.origin) == (kind, interval_s, origin):
                continue
            changed.append({"name": name, "type": kind, "interval_s": interval_s, "origin": origin, "added_at": now})
        if changed:
            wish = self._uow.insert(source)
            fields = {c: wish.excluded[c] for c in ("type", "interval_s", "origin")}
            self._uow.connection.execute(
                wish.on_conflict_do_update(index_elements=["name"], set_={**fields, "removed_at": None}), changed
            )
            self._forget()
        return tuple(added)

    @cached_property
    def _known(self) -> dict[str, StoredSource]:
        rows = self._uow.connection.execute(select(source)).all()
        return {r.name: StoredSource(*r) for r in rows}

    def _forget(self) -> None:
        self.__dict__.pop("_known", None)
        self._asked.clear()


class _Numbering:
    """Words as small numbers, which new ones are given."""

    table: Table
    word: str

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    @cached_property
    def codes(self) -> dict[int, str]:
        """Number -> word."""
        return {row[0]: row[1] for row in self._uow.connection.execute(select(self.table))}

    def numbers(self, words: Collection[str]) -> dict[str, int]:
        """Word -> number; new ones get one."""
        known = {word: number for number, word in self.codes.items()}
        fresh = sorted(set(words) - known.keys())
        if fresh:
            rows = [{self.word: word} for word in fresh]
            self._uow.connection.execute(self._uow.insert(self.table).on_conflict_do_nothing(), rows)
            del self.__dict__["codes"]
            known = {word: number for number, word in self.codes.items()}
        return known


class Reasons(_Numbering):
    """Reason codes; 0 is `ok` and has no row."""

    table, word = reason, "code"

    @cached_property
    def codes(self) -> dict[int, str]:
        return {0: "ok"} | super().codes


class MetricNames(_Numbering):
    """Names of custom metrics."""

    table, word = metric_name, "name"
