"""Which terms of which source stand open: opening, closing by evidence, new normal, and the one incident above them."""

from collections.abc import Callable

import numpy as np

from busta_health_dagster.domain.anomaly import Change, Finding
from busta_health_dagster.engines.anomaly import budget, thresholds
from busta_health_dagster.engines.anomaly.custom.fleet import CustomMetrics, Departure
from busta_health_dagster.engines.anomaly.explain import NOUN, Numbers, finding, level_finding, number
from busta_health_dagster.engines.anomaly.filter import Innovation
from busta_health_dagster.engines.anomaly.rows import Rows
from busta_health_dagster.engines.anomaly.steps import Steps
from busta_health_dagster.engines.anomaly.test_result import TestResult
from busta_health_dagster.engines.anomaly.thresholds import DetectorSettings
from busta_health_dagster.engines.baseline import units
from busta_health_dagster.engines.baseline.units import METRICS, Array

# term -> (polls it stays open at least, polls after which it is the new normal; 0 never)
STAY = {
    thresholds.SPIKES: (thresholds.CLOSE, thresholds.SHAPE_NEW_NORMAL),
    thresholds.VARIANCE: (thresholds.CLOSE, thresholds.SHAPE_NEW_NORMAL),
    thresholds.FAILURES: (thresholds.CLOSE, 0),
    thresholds.STALE: (1, thresholds.RULE_NEW_NORMAL),
    thresholds.FROZEN: (1, thresholds.RULE_NEW_NORMAL),
    thresholds.EMPTY: (1, thresholds.SHAPE_NEW_NORMAL),
}
LEVEL_KIND = thresholds.TERMS
TOGETHER = 6  # polls within which another metric of the same kind belongs to what was just said


class Desk:
    """Writes the open terms into the rows and collects the findings of one tick."""

    def __init__(
        self, rows: Rows, custom: CustomMetrics, cfg: DetectorSettings, names: list[str], slots: Array
    ) -> None:
        self.rows, self.custom, self.cfg, self.names, self.slots = rows, custom, cfg, names, slots
        self.findings: list[Finding] = []
        self.was_open = rows.incident_at > 0
        self.strict = budget.strictness(rows)

    def open(self, term: int, row: int, polls: int, seen: Numbers) -> None:
        """Opens one term of one source, seen over the last `polls`; it opens the source's incident, or joins it."""
        r, at = self.rows, int(self.slots[row])
        change = self._change(term, row)
        r.opened[term, row], r.open_n[term, row], r.jump[term, row] = at, 0, seen.jump
        r.since[term, row] = at - (max(polls, 1) - 1) * int(r.interval_s[row])
        r.score[term, row], r.expected[term, row], r.observed[term, row] = seen.g, seen.expected, seen.observed
        self.findings.append(self._say(term, row, change))

    def exceed(self, term: int, row: int, seen: Numbers) -> None:
        """A term that stands open has become far worse."""
        r = self.rows
        if not r.opened[term, row]:
            return
        r.score[term, row] = max(float(r.score[term, row]), seen.g)
        r.observed[term, row] = seen.observed
        self._charge(term, row)
        self.findings.append(self._say(term, row, Change.NEWS))

    def levels(self, inn: Innovation, seen: Steps) -> None:
        """What the tests of level say of every metric of every source: opened, far worse, back, or the new normal."""
        for m, i in zip(*np.nonzero(seen.side), strict=True):
            centre = float(inn.base[m, i] + self.rows.level[m, i])
            expected, observed = units.backward(m, centre), units.backward(m, centre + float(seen.delta[m, i]))
            numbers = Numbers(0, float(seen.g[m, i]), expected, observed, bool(seen.gross[m, i]))
            self.open(int(m), int(i), int(seen.polls[m, i]), numbers)
        for m, i in zip(*np.nonzero(seen.beyond), strict=True):
            expected = float(inn.base[m, i] + self.rows.level[m, i])
            observed = units.backward(m, expected + float(seen.delta[m, i]))
            self.exceed(int(m), int(i), Numbers(0, float(seen.g[m, i]), units.backward(m, expected), observed))
        for m, i in zip(*np.nonzero(seen.cleared), strict=True):
            if self.rows.opened[m, i]:
                self.close(int(m), int(i), Change.CLEARED, f"{METRICS[m]} is back in its range")
        for m, i in zip(*np.nonzero(seen.new_normal), strict=True):
            if self.rows.opened[m, i]:
                level = units.backward(int(m), float(inn.base[m, i] + self.rows.level[m, i]))
                ending = f"{METRICS[m]} stayed at its new level (now about {level:.4g}): taken as the new normal"
                self.close(int(m), int(i), Change.NEW_NORMAL, ending)

    def departures(self, found: list[Departure], row_of: Callable[[str], int]) -> None:
        """What the custom metrics say: they open the source's incident, join it and leave it like any other term."""
        for one in found:
            row = row_of(one.source)
            at = int(self.slots[row])
            if one.change in {"opened", "beyond"}:
                change = self._change(LEVEL_KIND, row, one.metric) if one.change == "opened" else Change.NEWS
                if one.change == "beyond":
                    self._charge(LEVEL_KIND, row, one.metric)
                self.findings.append(level_finding(one, change, at))
                continue
            normal = one.change == "new normal"
            ending = (
                f"{one.metric} stayed at its new level (now about {number(one.observed)}): taken as the new normal"
                if normal
                else f"{one.metric} is back at its usual level"
            )
            change = Change.NEW_NORMAL if normal else Change.CLEARED
            self.findings.append(level_finding(one, change, at, ending=ending))
            self._end_if_over(row)

    def close(self, term: int, row: int, change: Change, ending: str) -> None:
        """Closes one term; with the last one the incident ends."""
        self.findings.append(self._say(term, row, change, ending))
        self.rows.opened[term, row] = 0
        self._end_if_over(row)

    def _change(self, kind: int, row: int, metric: str = "") -> Change:
        """Opens the incident of a source, or says whether what begins inside it is news: another kind of thing, or the
        same kind later than what was said last.
        """
        r, at = self.rows, int(self.slots[row])
        bit = 1 << kind
        if r.incident_at[row] == 0:
            r.incident_at[row] = r.notified_at[row] = at
            r.kinds[row] = bit
            r.alarms[row] = r.fact_alarms[row] = r.confirmed[row] = 0
            self._charge(kind, row, metric)
            return Change.OPENED
        late = at - int(r.notified_at[row]) > TOGETHER * int(r.interval_s[row])
        if int(r.kinds[row]) & bit and not late:
            return Change.JOINED
        r.kinds[row] |= bit
        self._charge(kind, row, metric)
        return Change.NEWS

    def _charge(self, kind: int, row: int, metric: str = "") -> None:
        """People are told: the noise budget counts it."""
        if kind == LEVEL_KIND:
            self.custom.charge(self.names[row], metric)
        else:
            (self.rows.fact_alarms if kind in thresholds.FACTS else self.rows.alarms)[row] += 1
        self.rows.notified_at[row] = self.slots[row]

    def _end_if_over(self, row: int) -> None:
        r = self.rows
        if not r.incident_at[row] or r.opened[:, row].any() or self.custom.standing(self.names[row]):
            return
        r.incident_at[row] = 0
        self.custom.spend(self.names[row], lambda alarms: budget.spend(r, row, int(self.slots[row]), alarms))

    def _say(self, term: int, row: int, change: Change, ending: str = "") -> Finding:
        r = self.rows
        numbers = Numbers(
            int(r.since[term, row]),
            float(r.score[term, row]),
            float(r.expected[term, row]),
            float(r.observed[term, row]),
            bool(r.jump[term, row]),
        )
        return finding(
            self.names[row],
            term,
            change,
            int(self.slots[row]),
            of=numbers,
            cfg=self.cfg,
            ending=ending,
            strict=float(self.strict[row]),
        )

    def standing(self, row: int) -> tuple[Finding, ...]:
        """What is open of one source, strangest first."""
        found = [self._say(t, row, Change.OPENED) for t in range(thresholds.TERMS) if self.rows.opened[t, row] > 0]
        at = int(self.slots[row])
        found += [level_finding(one, Change.OPENED, at) for one in self.custom.standing(self.names[row])]
        return tuple(sorted(found, key=lambda f: -f.score))

    def follow(self, term: int, polled: Array, now: TestResult) -> list[tuple[int, bool]]:
        """Moves one rule or shape term in every source; returns (row, became normal) of those that closed."""
        r = self.rows
        standing = r.opened[term] > 0
        r.open_n[term, standing & polled] += 1
        r.firing_n[term] = np.where(polled, np.where(now.lit, r.firing_n[term] + 1, 0), r.firing_n[term])
        lasts = r.firing_n[term] >= budget.fact_polls(r) if term in thresholds.FACTS else True
        for i in np.nonzero(now.lit & ~standing & lasts)[0]:
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
    "empty board",
)
