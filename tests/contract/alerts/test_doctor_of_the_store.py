"""What only the store can tell the doctor, and where the links of messages lead. On both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from alert_stories import POLICY, Story, app_on

from busta_health_dagster.domain.digest import Digest
from busta_health_dagster.domain.policy import ChannelSpec, Escalation, Route, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.pipeline.app.links import note_web_address
from busta_health_dagster.pipeline.views.doctor import orphaned_alerts, store_findings

if TYPE_CHECKING:
    from busta_health_dagster.store import Store

RENAMED = replace(
    POLICY,
    escalations={"default": Escalation("default", (Step(0, ("teams",), Severity.WARNING),))},
    channels={"teams": ChannelSpec("teams", "console", events=None)},
)


def test_the_doctor_and_a_reload_name_the_open_alerts_that_lose_a_channel(store: Store) -> None:
    story = Story(app_on(store))
    story.tick(odds_api="down")
    assert orphaned_alerts(story.app) == []
    after = story.with_(policy=RENAMED)
    said = "is open and loses chat, mail, pager: it moves to the current route (default)"
    assert said in orphaned_alerts(after.app)[0]
    found = next(p for p in store_findings(after.app) if p.field == "channels")
    assert "odds_api/source-down" in found.message
    assert found.level == "warning"
    assert "put chat, mail, pager back" in found.remedy
    after.tick(odds_api="down")
    assert orphaned_alerts(after.app) == [], "it has moved"
    assert ("teams", "renotified") in after.messages()


@pytest.mark.parametrize(
    ("host", "says"),
    [
        (None, "Messages carry no link"),
        ("127.0.0.1", "which works on this machine only"),
        ("::1", "which works on this machine only"),
        ("health.example.com", None),
        ("0.0.0.0", None),
    ],
)
def test_links_lead_to_the_page_as_it_runs_and_the_doctor_says_whom_that_helps(
    store: Store, host: str | None, says: str | None
) -> None:
    story = Story(app_on(store))
    url = "" if host is None else note_web_address(story.app, host=host, port=3000, tls=False)
    said = [p.message for p in store_findings(story.app) if p.field == "web.public_url"]
    assert [says in s for s in said] == ([True] if says else [])
    story.tick(odds_api="down")
    assert [p["base_url"] for p in story.payloads()] == [url]


def test_the_doctor_names_a_channel_that_takes_no_digest(store: Store) -> None:
    ladder = Escalation("calm", (Step(0, ("chat", "pager"), Severity.WARNING), Step(60, ("late",), Severity.CRITICAL)))
    channels = {
        "chat": ChannelSpec("chat", "console"),
        "pager": ChannelSpec("pager", "pagerduty"),
        "late": ChannelSpec("late", "opsgenie"),
    }
    routes = (Route(Selector(), "calm", digest=Digest(480, "Europe/Berlin")),)
    policy = replace(POLICY, escalations={"calm": ladder}, routes=routes, channels=channels)
    (found,) = [p for p in store_findings(app_on(store, policy=policy)) if "digest" in p.field]
    assert found.message == "The digest of 08:00 Europe/Berlin would go to pager, and pagerduty takes no digest."
    assert "severity critical" in found.remedy
