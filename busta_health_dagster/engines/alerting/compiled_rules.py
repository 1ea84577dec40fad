"""What alerting knows beforehand: every source with its compiled rules, and the events of each channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from busta_health_dagster.domain.dependencies import Dependencies
from busta_health_dagster.domain.self_monitoring import DAGSTER
from busta_health_dagster.engines.near_events import rule_near, source_near
from busta_health_dagster.engines.rules import INSTANCE_PATTERNS, SourceRules, SourceWindow, effective_rules, rules_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from busta_health_dagster.domain.policy import AlertPolicy
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source


@dataclass(frozen=True, slots=True)
class CompiledRules:
    """What alerting knows beforehand: sources with their compiled rules, and who is notified. One per configuration.

    `listens` names the configured channels with the events each is notified of (None: all). `also` are sources that are
    no external data source (the Dagster instance, the monitor itself) with the rules that watch them.
    """

    compiled: Mapping[str, SourceRules]
    policy: AlertPolicy
    event_filters: Mapping[str, frozenset[str] | None]
    instance_rules: tuple[Rule, ...] = ()
    also: Mapping[str, tuple[Source, tuple[Rule, ...]]] = field(default_factory=dict)
    dependencies: Dependencies = field(default_factory=Dependencies)
    near: Mapping[str, SourceRules] = field(default_factory=dict)
    """The rules of a source as they are while one of its events is near."""

    @classmethod
    def of(
        cls,
        sources: Iterable[Source],
        rules: Iterable[Rule],
        policy: AlertPolicy,
        event_filters: Mapping[str, frozenset[str] | None],
        also: Mapping[str, tuple[Source, tuple[Rule, ...]]] | None = None,
    ) -> CompiledRules:
        """Compile every rule for every source that it selects."""
        rules = tuple(rules)
        instance_rules = tuple(r for r in rules if r.pattern in INSTANCE_PATTERNS)
        more = {} if also is None else dict(also)
        if instance_rules:
            more[DAGSTER.name] = (DAGSTER, instance_rules)
        sources = tuple(sources)
        compiled = {s.name: rules_for(s, rules) for s in sources}
        near = {
            s.name: rules_for(source_near(s), [rule_near(rule, s) for rule in effective_rules(s, rules)])
            for s in sources
            if s.near_events is not None
        }
        return cls(compiled, policy, event_filters, instance_rules, more, Dependencies.of(sources), near)

    def source(self, name: str) -> Source | None:
        rules = self.compiled.get(name)
        if rules is not None:
            return rules.source
        return self.also[name][0] if name in self.also else None

    def rule(self, source: str, name: str) -> Rule | None:
        """The effective rule, or None where nothing of that name watches this source."""
        if source in self.compiled:
            return next((e.rule for e in self.compiled[source].evaluators if e.rule.name == name), None)
        return next((r for r in (self.also[source][1] if source in self.also else ()) if r.name == name), None)


@dataclass(frozen=True, slots=True)
class SourceRuleState:
    """A source at the table: its compiled rules and what they remember."""

    rules: SourceRules
    window: SourceWindow

    @property
    def source(self) -> Source:
        return self.rules.source
