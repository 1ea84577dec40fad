"""Which open alerts keep which others quiet. Alertmanager's meaning, plus one pair that is always on.

While `source-down` is open, the other rules of that source are evaluated and recorded as suppressed, `low-quality`
excepted: its score belongs to data that were delivered before. While it is open of a source that another one depends on, all
rules of that other one are. A shadow alert inhibits no one: it notifies no one either.
A flapping one inhibits nothing of a higher severity than its rule's: half of all observations may fail for days, and it does
not end. Nor does one that waits to be confirmed: else a failure too short for an alert would be announced as a rate, or as a budget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from busta_health_dagster.domain.alert import Alert, AlertState
from busta_health_dagster.domain.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from busta_health_dagster.domain.policy import Inhibition
    from busta_health_dagster.domain.source import Source

SOURCE_DOWN = "source-down"
LOW_QUALITY = "low-quality"
NEVER_INHIBITED = frozenset({LOW_QUALITY, SOURCE_DOWN})


class _Open(NamedTuple):
    """An open alert as an inhibitor: the highest severity that it keeps quiet, and whether it matches both sides."""

    mutes: Severity
    both: bool = False


class OpenAlerts:
    """The open alerts of all sources, indexed for the question "who keeps this one quiet?"; kept up to date within
    a pass. `above` are the sources that each depends on, the nearest first.
    """

    def __init__(
        self,
        inhibitions: Sequence[Inhibition],
        opened: Iterable[tuple[Alert, Source]] = (),
        above: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._inhibitions = tuple(inhibitions)
        self._above = above or {}
        self._down: dict[str, tuple[str, Severity]] = {}
        self._by_pair: list[dict[tuple[str, ...], dict[str, _Open]]] = [{} for _ in self._inhibitions]
        self._lies_at: list[dict[str, tuple[str, ...]]] = [{} for _ in self._inhibitions]
        for alert, source in opened:
            self.update(alert, source)

    def update(self, alert: Alert, source: Source, own: Severity | None = None, *, unconfirmed: bool = False) -> None:
        """Call with every alert that changed, before those that it may inhibit are checked. `own` is the severity that
        its rule gives it, whatever the ladder has made of it since; `unconfirmed`: its rule confirms what is pending.
        """
        unconfirmed = unconfirmed and alert.state is AlertState.PENDING
        counts = (alert.state is AlertState.OPEN or unconfirmed) and not alert.shadow
        mutes = max(Severity)
        if alert.flapping or unconfirmed:
            mutes = alert.severity if own is None else min(own, alert.severity)
        if alert.rule == SOURCE_DOWN and not alert.label:
            if counts:
                self._down[source.name] = (alert.fingerprint, mutes)
            else:
                self._down.pop(source.name, None)
        for inhibition, index, lies_at in zip(self._inhibitions, self._by_pair, self._lies_at, strict=True):
            before = lies_at.pop(alert.fingerprint, None)  # its severity, a part of the key, may have risen
            if before is not None:
                index[before].pop(alert.fingerprint, None)
                if not index[before]:
                    del index[before]
            if not counts or not inhibition.source.matches_alert(source, alert.rule, alert.severity.word):
                continue
            key = _values(inhibition.equal, source, alert.rule, alert.severity)
            also_target = inhibition.target.matches_alert(source, alert.rule, alert.severity.word)
            index.setdefault(key, {})[alert.fingerprint] = _Open(mutes, also_target)
            lies_at[alert.fingerprint] = key

    def inhibitor(self, fingerprint: str, source: Source, rule: str, severity: Severity) -> str:
        """The fingerprint of an open alert that keeps this one quiet; empty when none does."""
        down, mutes = self._down.get(source.name, ("", severity))
        if down and rule not in NEVER_INHIBITED and down != fingerprint and severity <= mutes:
            return down
        for parent in self._above.get(source.name, ()) if rule != LOW_QUALITY else ():
            down, mutes = self._down.get(parent, ("", severity))
            if down and severity <= mutes:
                return down
        for inhibition, index in zip(self._inhibitions, self._by_pair, strict=True):
            opened = index.get(_values(inhibition.equal, source, rule, severity)) if index else None
            if not opened or not inhibition.target.matches_alert(source, rule, severity.word):
                continue
            both = inhibition.source.matches_alert(source, rule, severity.word)
            for other, its in opened.items():
                # An alert that matches both sides is not suppressed by others that do: else two would silence
                # each other.
                if other != fingerprint and severity <= its.mutes and not (both and its.both):
                    return other
        return ""


def _values(fields: Sequence[str], source: Source, rule: str, severity: Severity) -> tuple[str, ...]:
    return tuple(field_value(name, source, rule, severity) for name in fields)


def field_value(name: str, source: Source, rule: str, severity: Severity) -> str:
    """A field of an alert as `equal` and `grouping.by` name it; `tag:key` reads a tag."""
    match name:
        case "source" | "name":
            return source.name
        case "rule":
            return rule
        case "severity":
            return severity.word
        case "group" | "type" | "tier":
            return str(getattr(source, name))
        case _:
            return source.tags.get(name.removeprefix("tag:"), "")
