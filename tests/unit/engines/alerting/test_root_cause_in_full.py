"""Which open alerts count towards the failure of a provider, and in which order they are named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_engine_stories import ODDS

from busta_health_dagster.domain.alert import Alert, AlertState
from busta_health_dagster.domain.policy import Grouping, ProviderGrouping
from busta_health_dagster.engines.alerting.root_cause import RootCause, root_causes

NOW = 100_000
CAUSES = Grouping(provider=ProviderGrouping(within_s=600))
SOURCES = {n: replace(ODDS, name=n, provider=n[0].strip("-")) for n in ("a1", "a2", "a3", "b1", "b2", "-1", "-2")}


def opened(name: str, rule: str = "down", at: int | None = NOW, **more) -> Alert:
    return Alert(f"{name}/{rule}", name, rule, state=AlertState.OPEN, opened_at=at, **more)


def causes(*alerts: Alert, announcing: str = "a1/down a2/down") -> list[RootCause]:
    return root_causes({a.fingerprint: a for a in alerts}, announcing.split(), SOURCES, CAUSES, NOW)


def test_those_that_fail_together_are_named_from_the_first_on():
    assert causes(opened("a1"), opened("a2", at=NOW - 60)) == [RootCause("a", "down", ("a2/down", "a1/down"))]
    assert causes(opened("a2"), opened("a1")) == [RootCause("a", "down", ("a1/down", "a2/down"))]
    assert causes(opened("a1", at=1), opened("a2", at=None)) == [], "one of them is an old one"


@pytest.mark.parametrize(
    "other",
    [
        opened("a2", shadow=True),
        opened("a2", suppressed_by="maintenance move"),
        replace(opened("a2"), state=AlertState.RESOLVED),
        opened("b2"),
        opened("a2", rule="slow"),
        replace(opened("a2"), label="x"),
        replace(opened("a2"), source="gone"),
        opened("a2", at=NOW - 601),
    ],
)
def test_who_does_not_count(other: Alert):
    assert causes(opened("a1"), other, announcing="a1/down") == []


def test_the_last_second_of_the_time_counts():
    lent = opened("a2", at=NOW - 600, thread="alert-a2/down-1")
    assert causes(opened("a1"), lent, announcing="a1/down") == [
        RootCause("a", "down", ("a1/down",), "alert-a2/down-1", "a2/down")
    ]


def test_only_a_conversation_of_one_alert_is_lent():
    grouped = opened("a2", thread="group-x")
    assert causes(opened("a1"), grouped, announcing="a1/down") == [RootCause("a", "down", ("a1/down",))]


def test_a_late_one_joins_the_first_conversation_about_its_provider_and_others_are_looked_at_all_the_same():
    parts = [opened("a2", at=5, cause="a", thread="group-a"), opened("a3", at=6, cause="a", thread="group-later")]
    found = causes(opened("a1"), *parts, opened("b1"), opened("b2"), announcing="a1/down b1/down b2/down")
    assert found == [
        RootCause("a", "down", ("a1/down",), "group-a", known=True),
        RootCause("b", "down", ("b1/down", "b2/down")),
    ]
    few = causes(opened("a1"), opened("b1"), opened("b2"), announcing="a1/down b1/down b2/down")
    assert few == [RootCause("b", "down", ("b1/down", "b2/down"))]


def test_a_source_without_a_provider_shares_nothing():
    assert causes(opened("-1"), opened("-2"), announcing="-1/down -2/down") == []
