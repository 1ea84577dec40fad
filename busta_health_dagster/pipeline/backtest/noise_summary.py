"""What a replay adds up to: alerts, messages, noise and time under alert."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Event
from busta_health_dagster.engines.maintenance import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from busta_health_dagster.pipeline.alerting.changes import Changes
    from busta_health_dagster.pipeline.backtest.backtest import BacktestRun

BLIP_S = 600
"""An alert that resolves itself so soon has notified people about nothing they could have fixed."""

Stretch = tuple[str, int, int]
"""(source, opened, resolved or the end of history)."""


@dataclass(slots=True)
class NoiseSummary:
    """Counts of one run. `stretches` are the open stretches of each rule's alerts; `told` are messages per rule,
    `told_of` per source, `told_by` per both. A message about several alerts counts for the worst of them.
    `each_alert`: there is no route that could tell anybody, so each opening counts as one message.
    """

    until: int
    each_alert: bool = False
    stretches: dict[str, list[Stretch]] = field(default_factory=lambda: defaultdict(list))
    alerts: Counter[str] = field(default_factory=Counter)
    blips: Counter[str] = field(default_factory=Counter)
    notified: Counter[str] = field(default_factory=Counter)
    notified_per_source: Counter[str] = field(default_factory=Counter)
    notified_by: Counter[tuple[str, str]] = field(default_factory=Counter)
    shadow: set[str] = field(default_factory=set)
    digests: set[tuple[str, int]] = field(default_factory=set)
    """(channel, when) of every daily digest that would have been sent: one message, whatever is in it."""
    _open: dict[str, int] = field(default_factory=dict)

    def take(self, changes: Changes) -> None:
        """Take in one pass."""
        for note in changes.notifications:
            source, _, rest = note.fingerprints[0].partition("/")
            self._report(rest.partition("/")[0], source)
        for record in changes.records:
            alert = record.alert
            if alert.shadow:
                self.shadow.add(alert.rule)
            by_reason = {x.digest.reason: x.digest for x in alert.ladders if x.digest is not None}
            for skipped in record.not_sent if by_reason else ():
                if (digest := by_reason.get(skipped.reason)) is not None:
                    self.digests.add((skipped.channel, digest.next(changes.at)))
            for t in record.transitions:
                if t.event in {Event.OPENED, Event.REOPENED}:
                    # Reopened counts again: everyone notified of its end is notified again.
                    self.alerts[alert.rule] += 1
                    # What is new inside an open alert opens it no second time.
                    self._open.setdefault(alert.fingerprint, t.at)
                    if self.each_alert and not alert.shadow:
                        self._report(alert.rule, alert.source)
                elif t.event is Event.RESOLVED and alert.fingerprint in self._open:
                    opened = self._open.pop(alert.fingerprint)
                    self.blips[alert.rule] += t.at - opened <= BLIP_S
                    self.stretches[alert.rule].append((alert.source, opened, t.at))

    def _report(self, rule: str, source: str) -> None:
        self.notified[rule] += 1
        self.notified_per_source[source] += 1
        self.notified_by[rule, source] += 1

    def close(self) -> NoiseSummary:
        """The end of the history: what is open has lasted until now."""
        for name, opened in self._open.items():
            source, _, rest = name.partition("/")
            self.stretches[rest.partition("/")[0]].append((source, opened, self.until))
        self._open.clear()
        return self

    def under_alert_s(self, rules: Iterable[str]) -> int:
        """Time with an open alert of any of these rules, as a union per source, summed over the sources."""
        by_source: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for rule in rules:
            for source, begin, end in self.stretches[rule]:
                by_source[source].append((begin, end))
        return sum(end - begin for some in by_source.values() for begin, end in merged(some))


def summarize_noise(
    run: BacktestRun, advance: Callable[[int, int | None], None], take: Callable[[Changes], None]
) -> NoiseSummary:
    """Run it once and count; `take` also sees every pass."""
    noise = NoiseSummary(run.until, each_alert=not run.script.policy.routes)
    for changes in run.run(advance):
        noise.take(changes)
        take(changes)
    return noise.close()
