"""Quality scores with the checks behind them, rows that failed, and the shape each source was learned to have."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select

from busta_health_dagster.domain.quality import (
    Cap,
    CheckResult,
    CheckSeverity,
    ColumnShape,
    Dimension,
    FailingRow,
    Learned,
    QualityScore,
    SchemaSnapshot,
    Scored,
)
from busta_health_dagster.domain.verdict import Score
from busta_health_dagster.store.schema.observing import source
from busta_health_dagster.store.schema.quality import failing_row, quality_checks, quality_result, schema_snapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from busta_health_dagster.store.unit import UnitOfWork

_R = quality_result.c
_FILTER_AT_MOST = 500


class Quality:
    """Results come newest first or oldest first as each method says. Sources' names in, sources' names out."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, results: Iterable[Scored]) -> None:
        """Keep these validations and count their checks. Those of one source stand oldest first. Raises UnknownName."""
        by_source: dict[str, list[Scored]] = defaultdict(list)
        for one in results:
            by_source[one.source].append(one)
            verdict = one.score
            row = {
                "source_id": self._uow.sources.get(one.source).id,
                "at": one.at,
                "data_at": one.data_at,
                "suite": one.suite,
                "score": verdict.score,
                "raw": verdict.raw,
                "half_width": verdict.half_width,
                "coverage": verdict.coverage,
                "provisional": verdict.provisional,
                "rows": verdict.rows,
                "total_rows": verdict.total_rows,
                "reason": verdict.reason,
                "dimensions": json.dumps({d.value: v for d, v in verdict.dimensions.items()}),
            }
            wish = self._uow.insert(quality_result).values(row).returning(_R.id)
            key = self._uow.connection.execute(wish).scalar_one()
            self._uow.connection.execute(
                quality_checks.insert().values(result_id=key, at=one.at, detail=_packed(verdict))
            )
        for name, mine in by_source.items():
            self._uow.check_histories.add(name, mine)

    def newest(self, names: Collection[str] | None = None) -> dict[str, Scored]:
        """The newest validation of each source that has one, NO_DATA included, with its checks while they are kept."""
        keys = self._uow.sources.ids(names)
        asked = select(quality_result, quality_checks.c.detail).outerjoin(quality_checks)
        asked = asked.where(_R.id.in_(self._newest_ids(keys)))
        rows = self._uow.connection.execute(asked).mappings()
        return {keys[r["source_id"]]: _scored(keys[r["source_id"]], r) for r in rows if r["source_id"] in keys}

    def no_scores(self, names: Collection[str]) -> dict[str, str]:
        """Why the newest validation of these came to no score; without those of which it did."""
        if not names:
            return {}
        keys = self._uow.sources.ids(names)
        asked = select(_R.source_id, _R.reason).where(_R.id.in_(self._newest_ids(keys)), _R.score.is_(None))
        return {keys[key]: reason for key, reason in self._uow.connection.execute(asked) if key in keys}

    def history(self, name: str, since: int, until: int) -> list[Scored]:
        """Every validation of a source scored in [since, until), oldest first, with the checks that are still kept."""
        key = self._uow.sources.get(name).id
        asked = (
            select(quality_result, quality_checks.c.detail)
            .outerjoin(quality_checks)
            .where(_R.source_id == key, _R.at >= since, _R.at < until)
            .order_by(_R.id)
        )
        return [_scored(name, r) for r in self._uow.connection.execute(asked).mappings()]

    def scores(
        self, since: int, until: int, names: Collection[str] | None = None
    ) -> dict[str, list[tuple[int, float | None]]]:
        """(scored at, score or None for NO_DATA) per source in [since, until), oldest first: what trends need."""
        keys = self._uow.sources.ids(names)
        asked = select(_R.source_id, _R.at, _R.score).where(_R.at >= since, _R.at < until).order_by(_R.id)
        found: dict[str, list[tuple[int, float | None]]] = defaultdict(list)
        for key, at, score in self._uow.connection.execute(asked):
            if key in keys:
                found[keys[key]].append((at, score))
        return dict(found)

    def for_rules(self, since: int) -> dict[str, Score]:
        """The newest score of each source scored after `since`, as the rules read it: with what makes it uncertain.

        `Score.at` is the instant of the data, the same as the state's `quality_at`.
        """
        newest = select(func.max(_R.id)).where(_R.at >= since, _R.score.is_not(None)).group_by(_R.source_id)
        asked = select(_R.source_id, _R.data_at, _R.score, _R.raw, _R.half_width).where(_R.id.in_(newest))
        names = self._uow.sources.ids(None)
        return {
            names[key]: Score(at, score, raw, half_width)
            for key, at, score, raw, half_width in self._uow.connection.execute(asked)
            if key in names
        }

    def last_at(self) -> dict[str, tuple[int, int]]:
        """(scored at, data at) of each source's newest validation: what is due."""
        names = self._uow.sources.ids(None)
        newest = self._newest_ids(names)
        rows = self._uow.connection.execute(select(_R.source_id, _R.at, _R.data_at).where(_R.id.in_(newest)))
        return {names[key]: (at, data_at) for key, at, data_at in rows if key in names}

    def _newest_ids(self, keys: Collection[int]) -> Any:
        """One step in the index per source: grouping would walk a year of every source's results."""
        mine = quality_result.alias()
        newest = select(func.max(mine.c.id)).where(mine.c.source_id == source.c.id).scalar_subquery()
        wanted = select(newest)
        return wanted.where(source.c.id.in_(keys)) if len(keys) <= _FILTER_AT_MOST else wanted.select_from(source)

    def put_failures(self, name: str, at: int, rows: Sequence[FailingRow]) -> None:
        """These rows failed in the validation of `at`; they replace the source's earlier ones."""
        key = self._uow.sources.get(name).id
        self._uow.connection.execute(delete(failing_row).where(failing_row.c.source_id == key))
        if rows:
            self._uow.connection.execute(
                failing_row.insert(),
                [
                    {
                        "source_id": key,
                        "at": at,
                        "check": r.check,
                        "row": r.row,
                        "of": r.of,
                        "keys": json.dumps(r.keys),
                        "shown": json.dumps(r.values),
                    }
                    for r in rows
                ],
            )

    def failures(self, name: str) -> tuple[int | None, tuple[FailingRow, ...]]:
        """When the newest validation with failing rows was, and those rows; (None, ()) when none are kept."""
        c = failing_row.c
        asked = select(failing_row).where(c.source_id == self._uow.sources.get(name).id).order_by(c.id)
        rows = self._uow.connection.execute(asked).mappings().all()
        found = tuple(
            FailingRow(r["check"], r["row"], json.loads(r["keys"]), json.loads(r["shown"]), r["of"]) for r in rows
        )
        return (rows[0]["at"] if rows else None), found

    def learned(self, names: Collection[str] | None = None) -> dict[str, Learned]:
        """The shape that each source was learned to have."""
        keys = self._uow.sources.ids(names)
        rows = self._uow.connection.execute(select(schema_snapshot)).mappings()
        return {
            keys[r["source_id"]]: Learned(
                _shape(json.loads(r["shape"])), r["learned_at"], r["seen"], r["drifting_since"]
            )
            for r in rows
            if r["source_id"] in keys
        }

    def put_learned(self, shapes: Mapping[str, Learned]) -> None:
        if not shapes:
            return
        rows = [
            {
                "source_id": self._uow.sources.get(name).id,
                "shape": json.dumps(asdict(one.shape), separators=(",", ":")),
                "learned_at": one.learned_at,
                "seen": one.seen,
                "drifting_since": one.drifting_since,
            }
            for name, one in shapes.items()
        ]
        wish = self._uow.insert(schema_snapshot)
        fields = {c: wish.excluded[c] for c in ("shape", "learned_at", "seen", "drifting_since")}
        self._uow.connection.execute(wish.on_conflict_do_update(index_elements=["source_id"], set_=fields), rows)


def _packed(verdict: QualityScore) -> bytes:
    detail = {
        "checks": [asdict(c) for c in verdict.checks],
        "caps": [asdict(c) for c in verdict.caps],
        "notes": list(verdict.notes),
    }
    return zlib.compress(json.dumps(detail, separators=(",", ":")).encode(), 6)


def _scored(name: str, row: Mapping[Any, Any]) -> Scored:
    detail = json.loads(zlib.decompress(row["detail"])) if row["detail"] is not None else {}
    verdict = QualityScore(
        score=row["score"],
        raw=row["raw"],
        half_width=row["half_width"],
        coverage=row["coverage"],
        dimensions={Dimension(d): v for d, v in json.loads(row["dimensions"]).items()},
        caps=tuple(Cap(**c) for c in detail.get("caps", ())),
        checks=tuple(_check(c) for c in detail.get("checks", ())),
        rows=row["rows"],
        total_rows=row["total_rows"],
        provisional=row["provisional"],
        reason=row["reason"],
        notes=tuple(detail.get("notes", ())),
    )
    return Scored(name, row["at"], row["data_at"], row["suite"], verdict)


def _check(kept: dict[str, Any]) -> CheckResult:
    typed = {"dimension": Dimension(kept["dimension"]), "severity": CheckSeverity(kept["severity"])}
    return CheckResult(**(kept | typed))


def _shape(kept: dict[str, Any]) -> SchemaSnapshot:
    return SchemaSnapshot(tuple(ColumnShape(**c) for c in kept["columns"]), kept["rows"], kept["truncated"])
