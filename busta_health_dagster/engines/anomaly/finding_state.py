"""Which terms of which source stand open: opening, closing by evidence, new normal, and the one incident above them."""

import numpy as np

from busta_health_dagster.domain.anomaly import Change, Finding
from busta_health_dagster.engines.anomaly import settings as s
from busta_health_dagster.engines.anomaly.explain import NOUN, Numbers, finding
from busta_health_dagster.engines.anomaly.rows import Rows
from busta_health_dagster.engines.anomaly.settings import DetectorSettings
from busta_health_dagster.engines.anomaly.test_result import TestResult
from busta_health_dagster.engines.baseline.units import Array

# term -> (polls it stays open at least, polls after which it is the new normal; 0 never)
STAY = {
    s.SPIKES: (s.CLOSE, s.SHAPE_NEW_NORMAL),
    s.VARIANCE: (s.CLOSE, s.SHAPE_NEW_NORMAL),
    s.FAILURES: (s.CLOSE, 0),
    s.STALE: (1, s.RULE_NEW_NORMAL),
    s.FROZEN: (1, s.RULE_NEW_NORMAL),
}


class Desk:
    """Writes the open terms into the rows and collects the findings of one tick."""

    def __init__(self, rows: Rows, cfg: DetectorSettings, names: list[str], slots: Array) -> None:
        self.rows, self.cfg, self.names, self.slots = rows, cfg, names, slots
        self.findings: list[Finding] = []
        self.was_open = rows.incident_at > 0

    def open(self, term: int, row: int, polls: int, seen: Numbers) -> None:
        """Opens one term of one source, seen over the last `polls`; it opens the source's incident, or joins it."""
        r, at = self.rows, int(self.slots[row])
        change = Change.OPENED if r.incident_at[row] == 0 else Change.JOINED
        if change is Change.OPENED:
            r.incident_at[row] = at
        r.opened[term, row], r.open_n[term, row], r.jump[term, row] = at, 0, seen.jump
        r.since[term, row] = at - (max(polls, 1) - 1) * int(r.interval_s[row])
        r.score[term, row], r.expected[term, row], r.observed[term, row] = seen.g, seen.expected, seen.observed
        self.findings.append(self._say(term, row, change))

    def close(self, term: int, row: int, change: Change, ending: str) -> None:
        """Closes one term; with the last one the incident ends."""
        self.findings.append(self._say(term, row, change, ending))
        self.rows.opened[term, row] = 0
        if not self.rows.opened[:, row].any():
            self.rows.incident_at[row] = 0

    def _say(self, term: int, row: int, change: Change, ending: str = "") -> Finding:
        r = self.rows
        numbers = Numbers(
            int(r.since[term, row]),
            float(r.score[term, row]),
            float(r.expected[term, row]),
            float(r.observed[term, row]),
            bool(r.jump[term, row]),
        )
        return finding(self.names[row], term, change, int(self.slots[row]), of=numbers, cfg=self.cfg, ending=ending)

    def standing(self, row: int) -> tuple[Finding, ...]:
        """The terms of one source that are open, strangest first."""
        found = [self._say(t, row, Change.OPENED) for t in range(s.TERMS) if self.rows.opened[t, row] > 0]
        return tuple(sorted(found, key=lambda f: -f.score))

    def follow(self, term: int, polled: Array, now: TestResult) -> list[tuple[int, bool]]:
        """Moves one rule or shape term in every source; returns (row, became normal) of those that closed."""
        r = self.rows
        standing = r.opened[term] > 0
        r.open_n[term, standing & polled] += 1
        for i in np.nonzero(now.lit & ~standing)[0]:
            numbers = Numbers(0, float(now.g[i]), float(now.expected[i]), float(now.observed[i]))
            self.open(term, int(i), int(now.polls[i]), numbers)
        again = standing & now.lit & (now.g > r.score[term])
        r.score[term, again], r.observed[term, again] = now.g[again], now.observed[again]
        least, most = STAY[term]
        normal = standing & polled & (r.open_n[term] >= most) & now.lit if most else np.zeros(r.size, bool)
        over = standing & polled & now.quiet & ~now.lit & (r.open_n[term] >= least)
        closed = []
        for i in np.nonzero(over | normal)[0]:
            became = bool(normal[i])
            ending = (
                f"still so after {most} checks: taken as the new normal" if became else f"recovered ({NAMES[term]})"
            )
            self.close(term, int(i), Change.NEW_NORMAL if became else Change.CLEARED, ending)
            closed.append((int(i), became))
        return closed


NAMES = (
    *(NOUN[m] for m in range(3)),
    "slow answers",
    "scatter of items",
    "failed checks",
    "age of the data",
    "frozen values",
)
