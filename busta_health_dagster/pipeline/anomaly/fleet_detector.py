"""The anomaly detector of a fleet, as the live pass, the learning from history and the replay all turn it.

A bank per dial: sources whose rule `anomaly` has the same sensitivity learn from each other and are evaluated together.
numpy is loaded when a `Detector` is made, never by importing this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.engines.maintenance import occurrences
from busta_health_dagster.engines.rules import effective_rules, rolled_out

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from busta_health_dagster.domain.anomaly import AnomalyVerdict
    from busta_health_dagster.domain.maintenance import Window
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.anomaly.bank import DetectorBank
    from busta_health_dagster.engines.baseline.known_events import Calendar, KnownEvent
    from busta_health_dagster.store.history import ObservationRow

    Histories = Callable[[Sequence[str]], Mapping[str, bytes]]


def anomaly_rule(source: Source, rules: Iterable[Rule], now: int | None = None) -> Rule | None:
    """The first rule of pattern anomaly that selects this source, with its overrides; None: no one asked for it. With `now`
    it is in shadow until its source is rolled out.
    """
    mine = effective_rules(source, [r for r in rules if r.pattern is Pattern.ANOMALY])
    if not mine or now is None:
        return mine[0] if mine else None
    return rolled_out(mine[0], source, now)


def watched_by(sources: Iterable[Source], rules: Iterable[Rule]) -> dict[str, Rule]:
    """Every source that has such a rule. Without a rule there is neither detector nor band, and numpy stays away."""
    asked = [r for r in rules if r.pattern is Pattern.ANOMALY]
    if not asked:
        return {}
    return {s.name: rule for s in sources if (rule := anomaly_rule(s, asked)) is not None}


class Detector:
    """The banks of these sources, one per dial and noise budget.

    `kinds` are the known events as they were numbered before; keep `kinds` afterwards.

    `keep_cold` keeps histories here (replays); otherwise `step` asks for those it needs, and `take_cold` has what
    changed.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        rules: Mapping[str, Rule],
        events: Iterable[KnownEvent] = (),
        *,
        kinds: Iterable[str] = (),
        keep_cold: bool = False,
    ) -> None:
        from busta_health_dagster.engines.anomaly.bank import DetectorBank, WatchedSource
        from busta_health_dagster.engines.anomaly.thresholds import DetectorSettings
        from busta_health_dagster.engines.baseline.known_events import Calendar

        by_dial: dict[tuple[float, float], list[WatchedSource]] = {}
        for source in sources:
            if source.name in rules:
                rule = rules[source.name]
                watched = WatchedSource(source.name, source.type, source.interval_s, source.cadence_s, rule.metrics)
                by_dial.setdefault((rule.sensitivity, rule.budget_s), []).append(watched)
        self.banks: list[DetectorBank] = [
            DetectorBank(watched, DetectorSettings(dial=dial, budget=1.0 / budget_s), keep_cold=keep_cold)
            for (dial, budget_s), watched in by_dial.items()
        ]
        self._rows = [{name: i for i, name in enumerate(bank.names)} for bank in self.banks]
        self.calendar: Calendar = Calendar(events, kinds)
        self._keep_cold = keep_cold
        self._cold: dict[str, bytes] = {}
        self.unreadable: dict[str, str] = {}

    def bank_of(self, name: str) -> DetectorBank | None:
        """Where a source is evaluated; None for one that no rule watches."""
        return next((b for b, rows in zip(self.banks, self._rows, strict=True) if name in rows), None)

    def load(self, hot: Mapping[str, bytes]) -> None:
        """Restore what was kept. A state that this version cannot read starts again, and is named in `unreadable`."""
        from busta_health_dagster.engines.anomaly.rows import StateUnreadable

        for bank in self.banks:
            mine = {name: hot[name] for name in bank.names if name in hot}
            try:
                bank.load_hot(mine)
            except StateUnreadable:
                for name, blob in mine.items():
                    try:
                        bank.load_hot({name: blob})
                    except StateUnreadable as why:
                        self.unreadable[name] = str(why)

    def open_incidents(self) -> list[tuple[str, int]]:
        """(source, since when) of every incident that is open."""
        return [one for bank in self.banks for one in bank.open_incidents()]

    def confirm(self, names: Collection[str]) -> None:
        """Someone or something else has seen what these sources' open incidents are about: they cost no budget."""
        for bank in self.banks if names else ():
            bank.confirm(names)

    def step(
        self,
        slot: int,
        observations: Sequence[tuple[str, ObservationRow]],
        in_maintenance: Callable[[str], bool],
        histories: Histories | None = None,
    ) -> dict[str, AnomalyVerdict]:
        """Evaluate and learn one slot, -> the verdict on each source that was checked. A response time that is suspect
        is left out.
        """
        from busta_health_dagster.engines.anomaly.tick import Tick

        said: dict[str, AnomalyVerdict] = {}
        for bank, rows in zip(self.banks, self._rows, strict=True):
            mine = [
                (name, row, observation) for name, observation in observations if (row := rows.get(name)) is not None
            ]
            if not mine:
                continue
            tick = Tick.blank(len(bank.names), slot)
            tick.mark_events(self.calendar, bank.names, slot)
            for name, row, observation in mine:
                tick.status[row] = observation.status
                tick.maintenance[row] = in_maintenance(name)
                if observation.response_ms is not None and not observation.suspect:
                    tick.response_ms[row] = observation.response_ms
                if observation.items is not None:
                    tick.items[row] = observation.items
                if observation.quality is not None:
                    tick.quality[row] = observation.quality
                if observation.data_age_s is not None:
                    tick.data_age_s[row] = observation.data_age_s
                if observation.metrics:
                    tick.metrics[name] = observation.metrics
            if not self._keep_cold:
                self._load_cold(bank, bank.cold_due(tick), histories)
            bank.step(tick)
            if not self._keep_cold:
                self._cold |= bank.take_cold()
            said |= {name: bank.verdict(name) for name, _, _ in mine}
        return said

    def dump(self, names: Iterable[str]) -> dict[str, bytes]:
        """The state of these sources, to be kept."""
        wanted = set(names)
        found: dict[str, bytes] = {}
        for bank in self.banks:
            found |= bank.dump_hot([name for name in bank.names if name in wanted])
        return found

    def take_cold(self) -> dict[str, bytes]:
        """Histories that changed since the last call, to be kept."""
        out, self._cold = self._cold, {}
        return out

    def _load_cold(self, bank: DetectorBank, due: Sequence[str], histories: Histories | None) -> None:
        if not due:
            return
        from busta_health_dagster.engines.baseline.history import HistoryUnreadable

        missing = [name for name in due if name not in self._cold]
        kept = {**(histories(missing) if histories is not None and missing else {}), **self._cold}
        for name in due:
            try:
                bank.load_cold(name, kept.get(name))
            except HistoryUnreadable as why:
                self.unreadable[name] = str(why)
                bank.load_cold(name, None)


def known_events(
    windows: Iterable[Window], sources: Mapping[str, Source], since: int, until: int
) -> tuple[KnownEvent, ...]:
    """The known events of maintenance.yaml in [since, until); one of the whole fleet stays one."""
    from busta_health_dagster.engines.baseline.known_events import KnownEvent

    found = []
    for window in windows:
        mine = [name for name, source in sources.items() if window.select.matches(source)]
        recipients: list[str | None] = [None] if len(mine) == len(sources) else list(mine)
        for one in occurrences(window, since, until):
            found += [KnownEvent(window.name, one.start, one.end, name) for name in recipients]
    return tuple(found)
