"""What each vantage point saw of a source in a slot. The verdict made of it is an observation like any other."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.store.packing import Packed, pack, unpack
from busta_health_dagster.store.schema.vantages import vantage_answer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from busta_health_dagster.store.unit import UnitOfWork

_V = vantage_answer.c
_NAMED_AT_MOST = 500


class VantageAnswers:
    """Keyed by (slot, source, vantage point): whatever runs twice, the first answer stands."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, vantage: str, observations: Collection[Observation]) -> None:
        """What else a vantage point writes of these sources follows in the same transaction: none other writes it meanwhile.

        Raises:
            UnknownName: a source that was never synced.
        """
        if not observations:
            return
        keys = {o.source: self._uow.sources.get(o.source).id for o in observations}
        self._uow.sources.lock(keys.values())
        numbers = self._uow.reasons.numbers({o.reason for o in observations})
        measured = {name for o in observations for name in o.metrics}
        ids = self._uow.metric_names.numbers(measured) if measured else {}
        rows = [
            {
                "slot": o.slot,
                "source_id": keys[o.source],
                "vantage": vantage,
                **pack(o, numbers[o.reason], maintenance=False, metric_ids=ids)._asdict(),
                "facts": json.dumps(dict(o.facts)) if o.facts else None,
            }
            for o in observations
        ]
        self._uow.connection.execute(self._uow.insert(vantage_answer).on_conflict_do_nothing(), rows)

    def answered(self, vantage: str, slots: Collection[int]) -> set[tuple[str, int]]:
        """(source, slot) of what this vantage point has answered in these slots."""
        names = self._uow.sources.ids(None, removed=True)
        asked = select(_V.source_id, _V.slot).where(_V.slot.in_(sorted(slots)), _V.vantage == vantage)
        return {(names[key], slot) for key, slot in self._uow.connection.execute(asked)}

    def at(self, names: Collection[str], slots: Collection[int]) -> dict[tuple[str, int], dict[str, Observation]]:
        """(source, slot) -> what each vantage point saw. Raises UnknownName."""
        keys = self._uow.sources.ids(names)
        found: dict[tuple[str, int], dict[str, Observation]] = {}
        for row in self._rows(select(vantage_answer), keys, slots):
            if row.source_id in keys:
                one = self._observation(keys[row.source_id], row)
                found.setdefault((one.source, one.slot), {})[row.vantage] = one
        return found

    def statuses(self, names: Collection[str], slots: Collection[int]) -> dict[str, dict[str, tuple[int, Status]]]:
        """Source -> vantage point -> (slot, status) of its newest answer in these slots: all that `/metrics` asks of a fleet."""
        keys = self._uow.sources.ids(names)
        found: dict[str, dict[str, tuple[int, Status]]] = {}
        columns = select(_V.slot, _V.source_id, _V.vantage, _V.verdict).order_by(_V.slot)
        for slot, key, vantage, code in self._rows(columns, keys, slots):
            if key in keys:
                found.setdefault(keys[key], {})[vantage] = (slot, Status(code & 3))
        return found

    def closed(self, slots: Iterable[tuple[str, int]]) -> None:
        """The verdict of these (source, slot) is made: what only that needed is let go."""
        rows = [{"key": self._uow.sources.get(name).id, "at": slot} for name, slot in slots]
        if rows:
            where = (_V.source_id == bindparam("key"), _V.slot == bindparam("at"))
            self._uow.connection.execute(vantage_answer.update().where(*where).values(facts=None), rows)

    def _rows(self, asked: Any, keys: Collection[int], slots: Collection[int]) -> Any:
        asked = asked.where(_V.slot.in_(sorted(slots)))
        if len(keys) <= _NAMED_AT_MOST:
            asked = asked.where(_V.source_id.in_(sorted(keys)))
        return self._uow.connection.execute(asked)

    def _observation(self, name: str, row: Any) -> Observation:
        packed = Packed(row.verdict, row.response, row.items, row.data_age, bytes(row.trace))
        one = unpack(name, row.slot, packed, self._uow.reasons.codes, metric_names=self._uow.metric_names.codes)
        return replace(one, facts=json.loads(row.facts)) if row.facts else one
