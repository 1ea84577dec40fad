"""A source is quiet while what it depends on is down: through any number of steps, and in one tick."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from alert_engine_stories import CHANNELS, DOWN, ODDS, POLICY, QUALITY, SLOW, T0, TICK
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.alert import Alert, AlertState
from busta_health_dagster.domain.dependencies import Dependencies, circle
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.engines.alerting.inhibition import OpenAlerts
from busta_health_dagster.engines.maintenance import MaintenanceIndex
from busta_health_dagster.pipeline.alerting.engine import AlertEngine, CompiledRules

WAREHOUSE = replace(ODDS, name="warehouse", depends_on=("network",))
NETWORK = replace(ODDS, name="network")
MARTS = replace(ODDS, name="marts", depends_on=("warehouse",))
ABOVE = Dependencies.of([MARTS, WAREHOUSE, NETWORK]).above


def down(source: str, **more: object) -> Alert:
    return replace(Alert(f"{source}/source-down", source, "source-down", state=AlertState.OPEN), **more)


def test_all_rules_of_a_source_are_quiet_while_what_it_depends_on_is_down_but_for_the_score_of_old_data():
    opened = OpenAlerts(POLICY.inhibitions, [(down("warehouse"), WAREHOUSE)], ABOVE)
    for rule in (DOWN, SLOW):
        assert opened.inhibitor(f"marts/{rule.name}", MARTS, rule.name, Severity.CRITICAL) == "warehouse/source-down"
    assert opened.inhibitor("marts/low-quality", MARTS, QUALITY.name, Severity.WARNING) == ""
    assert opened.inhibitor("network/source-down", NETWORK, DOWN.name, Severity.WARNING) == "", "never upwards"


def test_the_highest_cause_keeps_everything_below_it_quiet_also_where_the_middle_never_opened():
    opened = OpenAlerts((), [(down("network"), NETWORK)], ABOVE)
    assert opened.inhibitor("marts/source-down", MARTS, "source-down", Severity.WARNING) == "network/source-down"
    opened.update(down("warehouse"), WAREHOUSE)
    assert opened.inhibitor("marts/source-down", MARTS, "source-down", Severity.WARNING) == "warehouse/source-down"
    opened.update(down("network", state=AlertState.RESOLVED), NETWORK)
    opened.update(down("warehouse", state=AlertState.RESOLVED), WAREHOUSE)
    assert opened.inhibitor("marts/source-down", MARTS, "source-down", Severity.WARNING) == ""


def test_a_flapping_or_shadow_cause_keeps_nothing_worse_quiet():
    opened = OpenAlerts((), [(down("warehouse", flapping=True), WAREHOUSE)], ABOVE)
    assert opened.inhibitor("marts/source-down", MARTS, "source-down", Severity.WARNING)
    assert not opened.inhibitor("marts/source-down", MARTS, "source-down", Severity.CRITICAL)
    shadow = OpenAlerts((), [(down("warehouse", shadow=True), WAREHOUSE)], ABOVE)
    assert not shadow.inhibitor("marts/source-down", MARTS, "source-down", Severity.WARNING)


LETTERS = "abcdef"
GRAPH = st.dictionaries(st.sampled_from(LETTERS), st.lists(st.sampled_from(LETTERS), max_size=3, unique=True))


@given(GRAPH)
def test_a_circle_is_found_where_there_is_one_and_it_is_one(direct):
    found = circle(direct)
    left = {name: set(parents) for name, parents in direct.items()}
    while free := [n for n, parents in left.items() if not parents & left.keys()]:
        for name in free:
            del left[name]
    assert bool(found) == bool(left)
    if found:
        assert found[0] == found[-1]
        assert all(b in direct[a] for a, b in pairwise(found))
        assert len(set(found)) == len(found) - 1
        return
    dependencies = Dependencies.of(replace(ODDS, name=n, depends_on=tuple(direct.get(n, ()))) for n in LETTERS)
    assert all(dependencies.depth(p) < dependencies.depth(n) for n in direct for p in direct[n]), "parents come first"


def test_what_was_critical_once_is_no_reason_to_wake_anyone_while_its_flapping_cause_is_down():
    """An outage that is over has no say in how severe the next one is."""
    rules = CompiledRules.of([MARTS, replace(WAREHOUSE, depends_on=())], (DOWN,), POLICY, CHANNELS)
    engine = AlertEngine(rules, MaintenanceIndex((), T0, T0 + 86400))
    events: list[str] = []

    def tick(n: int, marts: str, warehouse: str) -> None:
        at = T0 + n * TICK
        engine.begin(at, float(at))
        for source, word in ((WAREHOUSE, warehouse), (MARTS, marts)):
            engine.take(source, DOWN, Verdict(Outcome[word], at, "said"))
        changes = engine.finish()
        events.extend(t.event.value for t in changes.transitions if t.fingerprint.startswith("marts/"))

    for n in range(10):
        tick(n, "BAD", "GOOD")
    assert events == ["opened", "escalated"]
    for n in range(10, 23):
        tick(n, "GOOD", "BAD" if n % 2 else "GOOD")
    tick(23, "BAD", "BAD")
    assert engine.alerts["warehouse/source-down"].flapping
    assert events.count("opened") == 1
    assert events[-1] == "suppressed"
