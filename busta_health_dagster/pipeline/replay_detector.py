"""The anomaly detector on the virtual clock: one call per tick, its word put on the windows before rules are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.engines.maintenance import occurrences

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from busta_health_dagster.domain.maintenance import Window
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.baseline.calendar import KnownEvent
    from busta_health_dagster.engines.rules import SourceRules
    from busta_health_dagster.store.history import Look


class ReplayDetector:
    """A bank per dial: sources whose rule `anomaly` has the same sensitivity learn and are judged together."""

    def __init__(self, compiled: Iterable[SourceRules], events: Iterable[KnownEvent]) -> None:
        from busta_health_dagster.engines.anomaly.bank import DetectorBank, WatchedSource
        from busta_health_dagster.engines.anomaly.settings import DetectorSettings
        from busta_health_dagster.engines.baseline.calendar import Calendar

        by_dial: dict[float, list[WatchedSource]] = {}
        for rules in compiled:
            rule = next((e.rule for e in rules.evaluators if e.rule.pattern is Pattern.ANOMALY), None)
            if rule is not None:
                source = rules.source
                watched = WatchedSource(source.name, source.type, source.interval_s, source.cadence_s)
                by_dial.setdefault(rule.sensitivity, []).append(watched)
        self._banks = [
            DetectorBank(watched, DetectorSettings(dial=dial), keep_cold=True) for dial, watched in by_dial.items()
        ]
        self._rows = [{name: i for i, name in enumerate(bank.names)} for bank in self._banks]
        self._calendar = Calendar(events)

    def step(self, slot: int, looks: Sequence[tuple[str, Look]], lanes: Mapping[str, Any]) -> None:
        """Judge one tick, and put the verdict on each source's window."""
        from busta_health_dagster.engines.anomaly.tick import Tick

        for bank, rows in zip(self._banks, self._rows, strict=True):
            tick = Tick.blank(len(bank.names), slot)
            tick.mark_events(self._calendar, bank.names, slot)
            mine = []
            for name, look in looks:
                row = rows.get(name)
                if row is None:
                    continue
                mine.append(name)
                tick.status[row] = look.status
                tick.maintenance[row] = lanes[name].maintenance
                if look.response_ms is not None and not look.suspect:
                    tick.response_ms[row] = look.response_ms
                if look.items is not None:
                    tick.items[row] = look.items
                if look.quality is not None:
                    tick.quality[row] = look.quality
                if look.data_age_s is not None:
                    tick.data_age_s[row] = look.data_age_s
            if mine:
                bank.step(tick)
                for name in mine:
                    lanes[name].seat.window.set_anomaly(bank.verdict(name))


def known_events(
    windows: Iterable[Window], sources: Mapping[str, Source], since: int, until: int
) -> tuple[KnownEvent, ...]:
    """The known events of maintenance.yaml in [since, until); one of the whole fleet stays one."""
    from busta_health_dagster.engines.baseline.calendar import KnownEvent

    found = []
    for window in windows:
        mine = [name for name, source in sources.items() if window.select.matches(source)]
        whom: list[str | None] = [None] if len(mine) == len(sources) else list(mine)
        for one in occurrences(window, since, until):
            found += [KnownEvent(window.name, one.start, one.end, name) for name in whom]
    return tuple(found)
