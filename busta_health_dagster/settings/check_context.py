"""What the doctor's checks check: everything that was read, and the sources grouped so that a large fleet costs
little.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.gate import Consumer
    from busta_health_dagster.domain.maintenance import Window
    from busta_health_dagster.domain.near_events import EventCalendar
    from busta_health_dagster.domain.policy import AlertPolicy
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.settings.document import Document, Place
    from busta_health_dagster.settings.problems import Findings
    from busta_health_dagster.settings.secret import Secrets
    from busta_health_dagster.settings.settings_model import Settings


@dataclass
class CheckContext:
    """What the checks check. `docs` by file name; `places` name -> ("sources", 3); `now` is epoch seconds."""

    docs: Mapping[str, Document]
    found: Findings
    sources: Mapping[str, Source]
    control: tuple[Source, ...]
    places: Mapping[str, Place]
    used_types: set[str]
    rules: tuple[Rule, ...]
    policy: AlertPolicy
    windows: tuple[Window, ...]
    events: tuple[Window, ...]
    settings: Settings
    secrets: Secrets
    environ: Mapping[str, str]
    expectations: Path
    now: float
    consumers: Mapping[str, Consumer] = field(default_factory=dict)
    calendars: tuple[EventCalendar, ...] = ()
    directory: Path = Path()

    def warn(self, file: str, place: Place, message: str, remedy: str, *, key: bool = False) -> None:
        self.found.add(self.docs[file], place, message, remedy, level="warning", key=key)

    def note(self, file: str, place: Place, message: str) -> None:
        """What is right, and worth knowing."""
        self.found.add(self.docs[file], place, message, level="note")

    def at_source(self, name: str, *inside: str | int) -> Place:
        return (*self.places[name], *inside)

    def sound(self, *files: str) -> bool:
        """Are these files there and free of errors? What was built from a broken one is incomplete, and would be
        misjudged.
        """
        return all(file in self.docs and not self.found.broken(self.docs[file]) for file in files)

    @cached_property
    def kinds_of_source(self) -> tuple[Alike, ...]:
        """Sources that no selector and no rule can tell apart, together: 5,000 sources are a few dozen questions."""
        named = self._named_anywhere()
        alike: dict[Any, list[Source]] = {}
        for source in self.sources.values():
            alike.setdefault(_signature(source, named), []).append(source)
        return tuple(tuple(group) for group in alike.values())

    @cached_property
    def effective_rules(self) -> tuple[tuple[Place, Rule, tuple[tuple[Rule, Alike], ...]], ...]:
        """(place, rule, the rule as it is for each kind of source that it selects), without the rules about
        Dagster's own assets and runs.
        """
        from busta_health_dagster.engines.rules import INSTANCE_PATTERNS
        from busta_health_dagster.engines.rules.limits import effective

        found = []
        for index, rule in enumerate(self.rules):
            if rule.pattern not in INSTANCE_PATTERNS:
                pairs = [(effective(rule, group[0]), group) for group in self.kinds_of_source]
                found.append((("rules", index), rule, tuple((own, group) for own, group in pairs if own is not None)))
        return tuple(found)

    def _named_anywhere(self) -> set[str]:
        selectors = [r.select for r in self.policy.routes] + [
            s for i in self.policy.inhibitions for s in (i.source, i.target)
        ]
        selectors += [s for r in self.rules for s in (r.select, *(o.select for o in r.overrides))] + [
            w.select for w in (*self.windows, *self.events)
        ]
        selectors += [calendar.select for calendar in self.calendars]
        return {name for selector in selectors for name in selector.names}


Alike = tuple["Source", ...]
"""Sources that are evaluated alike: what holds for the first holds for all of them."""


def _signature(source: Source, named: set[str]) -> tuple[object, ...]:
    return (
        source.type,
        source.tier,
        source.group,
        source.owners,
        tuple(sorted(source.tags.items())),
        source.name if source.name in named else "",
        source.interval_s,
        source.timeout_s,
        source.stale_after_s,
        source.quality is None,
        source.metric_names,
    )
