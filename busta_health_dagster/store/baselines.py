"""What the detector has learned of each source, as bytes that only the detector reads, and what it said last."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from busta_health_dagster.domain.anomaly import AnomalyVerdict, Change, Finding, Judgement, Term
from busta_health_dagster.store.schema.baselines import baseline, baseline_history

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from busta_health_dagster.store.unit import UnitOfWork

_T = baseline.c
_H = baseline_history.c
_FILTER_AT_MOST = 500


@dataclass(frozen=True, slots=True)
class Learned:
    """Up to where the detector has seen a source, and its word on that slot (None: it only learned there).

    `slot` and `quality_at` are epoch seconds; `quality_at` is the instant of the newest score it was given.
    """

    slot: int
    quality_at: int = 0
    verdict: AnomalyVerdict | None = None


class Baselines:
    """Hot state is read whole with every pass, histories only when a day is full."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def learned(self, names: Collection[str] | None = None) -> dict[str, Learned]:
        """Without the bytes: what passes and pages ask first. Raises UnknownName."""
        ids = self._uow.sources.ids(names)
        asked = select(_T.source_id, _T.slot, _T.quality_at, _T.verdict)
        if names is not None and len(ids) <= _FILTER_AT_MOST:
            asked = asked.where(_T.source_id.in_(ids))
        return {
            ids[key]: Learned(slot, quality_at, None if said is None else _verdict(json.loads(said)))
            for key, slot, quality_at, said in self._uow.connection.execute(asked)
            if key in ids
        }

    def hot(self, names: Collection[str] | None = None) -> dict[str, bytes]:
        """The state of every source, or of these, in one query. Raises UnknownName."""
        return self._bytes(select(_T.source_id, _T.hot), names)

    def cold(self, names: Collection[str]) -> dict[str, bytes]:
        """Histories; a source without one has no entry. Raises UnknownName."""
        return self._bytes(select(_H.source_id, _H.cold), names)

    def put(self, learned: Mapping[str, Learned], hot: Mapping[str, bytes], now: int) -> None:
        """Replace what is known of these sources; `hot` has their state. Raises UnknownName."""
        if not learned:
            return
        rows = [
            {
                "source_id": self._uow.sources.get(name).id,
                "slot": one.slot,
                "quality_at": one.quality_at,
                "written_at": now,
                "verdict": None if one.verdict is None else json.dumps(asdict(one.verdict), separators=(",", ":")),
                "hot": hot[name],
            }
            for name, one in sorted(learned.items())
        ]
        wish = self._uow.insert(baseline)
        fields = {c: wish.excluded[c] for c in ("slot", "quality_at", "written_at", "verdict", "hot")}
        self._uow.connection.execute(wish.on_conflict_do_update(index_elements=["source_id"], set_=fields), rows)

    def put_cold(self, histories: Mapping[str, bytes], now: int) -> None:
        """Replace these histories. Raises UnknownName."""
        if not histories:
            return
        rows = [
            {"source_id": self._uow.sources.get(name).id, "written_at": now, "cold": cold}
            for name, cold in sorted(histories.items())
        ]
        wish = self._uow.insert(baseline_history)
        fields = {c: wish.excluded[c] for c in ("written_at", "cold")}
        self._uow.connection.execute(wish.on_conflict_do_update(index_elements=["source_id"], set_=fields), rows)

    def _bytes(self, asked: Any, names: Collection[str] | None) -> dict[str, bytes]:
        ids = self._uow.sources.ids(names)
        if names is not None and len(ids) <= _FILTER_AT_MOST:
            asked = asked.where(asked.selected_columns.source_id.in_(ids))
        return {ids[key]: bytes(blob) for key, blob in self._uow.connection.execute(asked) if key in ids}


def _verdict(kept: dict[str, Any]) -> AnomalyVerdict:
    findings = tuple(_finding(one) for one in kept.pop("findings"))
    return AnomalyVerdict(**(kept | {"judgement": Judgement(kept["judgement"]), "findings": findings}))


def _finding(kept: dict[str, Any]) -> Finding:
    codes = {"term": Term(kept["term"]), "change": Change(kept["change"])}
    return Finding(**(kept | codes))
