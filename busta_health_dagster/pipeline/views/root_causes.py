"""What the open alerts of one provider have in common, in one line each: for the page, the list and the explanation."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.engines.alerting.root_cause import provider_sizes
from busta_health_dagster.wording.root_cause import root_cause_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from busta_health_dagster.domain.documents.alerts import RootCauseRow
    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.source import Source


@dataclass(frozen=True, slots=True)
class RootCauseLine:
    """`the-odds-api: 4 of 4 sources down`, and the open alerts that are its parts."""

    provider: str
    rule: str
    text: str
    since: int
    alerts: tuple[Alert, ...]

    def as_json(self) -> RootCauseRow:
        ids = [a.id for a in self.alerts if a.id is not None]
        return {"provider": self.provider, "rule": self.rule, "text": self.text, "alerts": ids}


def root_cause_lines(
    sources: Mapping[str, Source], alerts: Iterable[Alert], states: Mapping[str, SourceState]
) -> tuple[RootCauseLine, ...]:
    """Of every provider with a root cause, the widest first. Its other sources that fail alike count, too."""
    by_cause: dict[tuple[str, str], list[Alert]] = defaultdict(list)
    for alert in alerts:
        source = sources.get(alert.source)
        if source is not None and source.provider and alert.state is AlertState.OPEN and not alert.shadow:
            by_cause[source.provider, alert.rule].append(alert)
    sizes = provider_sizes(sources.values())
    lines = []
    for (provider, rule), mine in by_cause.items():
        if not any(a.cause == provider for a in mine):
            continue
        down = all(a.source in states and states[a.source].status is Status.DOWN for a in mine)
        what = "down" if down else f"in alert ({rule})"
        since = min(a.first_bad_slot or a.opened_at or 0 for a in mine)
        text = root_cause_text(provider, len({a.source for a in mine}), sizes[provider], what)
        lines.append(RootCauseLine(provider, rule, text, since, tuple(sorted(mine, key=lambda a: a.id or 0))))
    return tuple(sorted(lines, key=lambda line: (-len(line.alerts), line.provider, line.rule)))
