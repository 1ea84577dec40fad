"""The newest piece of what each source delivered: one per source, for quality scoring."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from sqlalchemy import select

from busta_health_dagster.domain.observation import Sample
from busta_health_dagster.store.schema.observing import sample

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.store.unit import UnitOfWork


class Samples:
    """One sample per source, as compressed JSON. Values that JSON does not know (dates, decimals) become their text."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def put(self, samples: Mapping[str, Sample], taken_at: int) -> None:
        """Keep these; an older one of the same source is replaced, a newer one stays."""
        if not samples:
            return
        rows = [
            {
                "source_id": self._uow.sources.get(name).id,
                "taken_at": taken_at,
                "total_rows": one.total_rows,
                "truncated": one.truncated,
                "rows": zlib.compress(json.dumps(list(one.rows), default=str, separators=(",", ":")).encode(), 6),
            }
            for name, one in samples.items()
        ]
        wish = self._uow.insert(sample)
        fields = {c: wish.excluded[c] for c in ("taken_at", "total_rows", "truncated", "rows")}
        self._uow.connection.execute(
            wish.on_conflict_do_update(
                index_elements=["source_id"], set_=fields, where=sample.c.taken_at <= wish.excluded.taken_at
            ),
            rows,
        )

    def get(self, name: str) -> tuple[Sample, int] | None:
        """The sample and when it was taken; None when there is none yet. Raises UnknownName."""
        key = self._uow.sources.get(name).id
        row = self._uow.connection.execute(select(sample).where(sample.c.source_id == key)).first()
        if row is None:
            return None
        return Sample(json.loads(zlib.decompress(row.rows)), row.total_rows, row.truncated), row.taken_at
