"""What a tick means for each source: good, bad or not known, and the sentence that says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.anomaly import AnomalyVerdict, Change, Finding, Judgement
from busta_health_dagster.engines.anomaly import thresholds
from busta_health_dagster.engines.anomaly.tick import UNKNOWN, Tick

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from busta_health_dagster.engines.anomaly.rows import Rows
    from busta_health_dagster.engines.baseline.units import Array


class Verdicts:
    """Of the last tick, by row: why nothing could be evaluated, what closed the incident, what is news inside it."""

    def __init__(self, size: int) -> None:
        self._blind = ["no observation yet"] * size
        self._closed: dict[int, str] = {}
        self._news: dict[int, str] = {}

    def note(
        self, rows: Rows, tick: Tick, fresh: Array, findings: Sequence[Finding], row_of: Callable[[str], int]
    ) -> None:
        """Takes one tick, after its findings are written into the rows. `fresh`: the rows that have an observation."""
        self._closed, self._news = {}, {}
        for f in findings:
            row = row_of(f.source)
            if f.change in {Change.CLEARED, Change.NEW_NORMAL} and rows.incident_at[row] == 0:
                self._closed[row] = f.text
            elif f.change is Change.NEWS:
                self._news[row] = f.text
        warming = (rows.n < thresholds.WARM).all(axis=0) & (rows.polls < thresholds.CLOSE)
        for i in range(rows.size):
            if not fresh[i]:
                self._blind[i] = "no observation in this slot"
            elif tick.maintenance[i]:
                self._blind[i] = "in maintenance: not evaluated"
            elif tick.status[i] == UNKNOWN:
                self._blind[i] = "status unknown: not evaluated"
            else:
                self._blind[i] = "too few observations yet" if warming[i] else ""

    def of(self, row: int, opened: int, standing: tuple[Finding, ...], *, stricter: str) -> AnomalyVerdict:
        """`opened`: when its incident opened, epoch seconds, 0 where none is open; `standing`: what is open in it."""
        blind = self._blind[row]
        if opened == 0:
            judgement = Judgement.UNKNOWN if blind else Judgement.GOOD
            closed = self._closed.get(row)
            reason = blind or closed or "within its normal range"
            return AnomalyVerdict(judgement, reason, False, None, 0.0, (), closed, stricter=stricter)
        return AnomalyVerdict(
            Judgement.UNKNOWN if blind else Judgement.BAD,
            blind or "; ".join(f.text for f in standing),
            True,
            opened,
            standing[0].score,
            standing,
            news=self._news.get(row),
            stricter=stricter,
        )
