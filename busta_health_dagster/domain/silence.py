"""A silence: no one is notified of the alerts that it matches, from its start to its end, also of those that open later.

It is the snooze of alerts that no one can name yet. Nothing else changes: sources are observed, alerts open and resolve, and the
service level counts every minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from busta_health_dagster.domain.patterns import found, pattern
from busta_health_dagster.domain.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.source import Source

SilenceState = Literal["pending", "active", "expired"]
OPERATORS: Mapping[tuple[bool, bool], str] = {
    (True, False): "=",
    (False, False): "!=",
    (True, True): "=~",
    (False, True): "!~",
}
"""(equal, regex) -> the operator as Prometheus writes it."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """`name op value` of one label; a label that is not there is the empty text. A pattern matches the whole value (RE2)."""

    name: str
    value: str
    regex: bool = False
    equal: bool = True

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Raises ValueError for a pattern that is none (`check` says so beforehand)."""
        text = labels.get(self.name, "")
        same = found(self.value, text, whole=True) if self.regex else self.value == text
        return same is self.equal

    def check(self) -> None:
        """Raises ValueError: not a pattern that can be used."""
        if self.regex:
            pattern(self.value)

    def __str__(self) -> str:
        return f'{self.name}{OPERATORS[self.equal, self.regex]}"{self.value}"'


@dataclass(frozen=True, slots=True)
class Silence:
    """In [starts_at, ends_at), epoch seconds. `created_by` is the name that was given, `actor` who was let in by the door."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: int
    ends_at: int
    created_by: str
    comment: str
    actor: str
    updated_at: int

    @property
    def by(self) -> str:
        """Who it was, for messages and lists: a token may give any name, and is named beside it."""
        return self.created_by if self.created_by == self.actor else f"{self.created_by} ({self.actor})"

    def state(self, now: int) -> SilenceState:
        if now >= self.ends_at:
            return "expired"
        return "active" if now >= self.starts_at else "pending"

    def covers(self, labels: Mapping[str, str], now: int) -> bool:
        return self.state(now) == "active" and all(m.matches(labels) for m in self.matchers)


def labels_of(alert: Alert, source: Source) -> dict[str, str]:
    """What matchers ask about: the rule as `alertname`, and what is known of the source; a tag is `tag_NAME`."""
    return source_labels(source, alert.rule, alert.severity, alert.label)


def source_labels(source: Source, rule: str, severity: Severity, label: str = "") -> dict[str, str]:
    """The same before there is an alert."""
    labels = {
        "alertname": rule,
        "source": source.name,
        "severity": severity.word,
        "type": source.type,
        "tier": str(source.tier),
        "group": source.group,
        "owner": ",".join(source.owners),
        "label": label,
    }
    labels |= {f"tag_{''.join(c if c.isalnum() else '_' for c in key)}": value for key, value in source.tags.items()}
    return {name: value for name, value in labels.items() if value}


def covering(silences: Iterable[Silence], labels: Mapping[str, str], now: int) -> tuple[Silence, ...]:
    """Those in force for these labels, the one that ends last first."""
    return tuple(sorted((s for s in silences if s.covers(labels, now)), key=lambda s: (-s.ends_at, s.id)))
