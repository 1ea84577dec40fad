"""What the daily digest says of an alert that someone holds."""

from __future__ import annotations

from dataclasses import replace

from busta_health_dagster.domain.alert import Alert, AlertState, Hold
from busta_health_dagster.domain.digest import Digest
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.engines.alerting.digest import DigestItem
from busta_health_dagster.reports.digest import digest_facts

T = 1_795_680_000
SLOW = Alert(
    "odds_api/slow-response",
    "odds_api",
    "slow-response",
    AlertState.OPEN,
    Severity.WARNING,
    opened_at=T,
    reason="6.41 s, limit 5 s",
)


def said(alert: Alert) -> str:
    facts = digest_facts([DigestItem(alert, 1)], [], Digest(480, "UTC"), since=T, at=T + 3600, base_url="")
    return str(dict(facts.lines)["Open"])


def test_a_silence_is_said_like_a_snooze_whichever_lasts_longer() -> None:
    hour, day = (Hold("dana", T, float(T + s), T + s) for s in (3600, 86_400))
    assert "snoozed" not in said(SLOW)
    for held in ({"snooze": hour}, {"silence": hour}):
        assert "; snoozed by dana until " in said(replace(SLOW, **held))
    both = replace(SLOW, snooze=hour, silence=replace(day, by="karma"))
    assert "; snoozed by karma until " in said(both)
