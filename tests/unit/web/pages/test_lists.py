"""The pages of alerts, service levels, reports, settings and the audit log: the documents of REST and the command line, as pages."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import requests
from page_stories import HOSTILE, guest, history, seen, serving, tick, world

from busta_health_dagster.domain.access import AuditEntry, Role
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.pipeline.alerting import actions
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.reporting.sending import publish
from busta_health_dagster.wording import percentages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.testing import FakeClock


class Site:
    def __init__(self) -> None:
        self.base, self.role = "", Role.ADMIN

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.base}/source-health{path}", timeout=20)

    def words(self, path: str) -> str:
        return " ".join(re.sub(r"<[^>]+>", " ", self.get(path).text).split())


@pytest.fixture
def site(app: App) -> Iterator[Site]:
    made = Site()
    with serving(guest(app, lambda: made.role)) as made.base:
        yield made


def goes(app: App, clock: FakeClock, **bad: Status) -> None:
    clock.advance(300)
    tick(app, *(seen(app, name, bad.get(name, Status.UP)) for name in app.config.sources))


def past(text: str) -> list[str]:
    """The ids of the table of what is over."""
    return re.findall(r'<th scope="row" class="nw">(?:<a [^>]+>)?#(\d+)', text)


@pytest.fixture
def storied(app: App, clock: FakeClock) -> App:
    """Three outages of odds_api that are over (alerts 1 to 3), and one of scores_api that is open (4)."""
    history(app, clock, 2)
    for _ in range(3):
        goes(app, clock, odds_api=Status.DOWN)
        for _ in range(8):
            goes(app, clock)
    goes(app, clock, scores_api=Status.DOWN)
    return app


def test_open_alerts_can_be_acted_upon_and_past_ones_lead_to_their_incident(storied: App, site: Site) -> None:
    text = site.get("/alerts").text
    assert 'data-act="ack" data-alert="4"' in text
    assert past(text) == ["3", "2", "1"]
    assert '<a href="/source-health/incidents/INC-3">#3</a>' in text
    assert "1 open alert, 1 unacknowledged" in text
    site.role = Role.VIEWER
    assert "data-act" not in site.get("/alerts").text


def test_alerts_are_filtered_by_the_address(storied: App, site: Site) -> None:
    for query, is_open, over in (
        ("?source=scores_api", True, []),
        ("?source=odds_api", False, ["3", "2", "1"]),
        ("?state=past", False, ["3", "2", "1"]),
        ("?state=open", True, []),
        ("?rule=slow-response", False, []),
        ("?severity=critical", False, []),
        ("?severity=warning", True, ["3", "2", "1"]),
        ("?state=nonsense&severity=nonsense&page=x", True, ["3", "2", "1"]),
    ):
        text = site.get(f"/alerts{query}").text
        assert ('id="a-4"' in text) is is_open, query
        assert past(text) == over, query
    actions.acknowledge(storied, [4], actor="dana")
    assert 'id="a-4"' not in site.get("/alerts?state=unacknowledged").text


def test_past_alerts_come_fifty_at_a_time(storied: App, site: Site) -> None:
    with storied.store.write() as uow:
        over = uow.alerts.get(3)
        uow.alerts.save(replace(over, id=None, fingerprint=f"odds_api/source-down/{n}") for n in range(48))
    first, second = site.get("/alerts").text, site.get("/alerts?page=2").text
    assert (len(past(first)), past(second)) == (50, ["1"])
    assert 'rel="next" href="/source-health/alerts?page=2"' in first
    assert 'rel="prev" href="/source-health/alerts"' in second


def test_a_quiet_home_says_what_would_stand_here_and_what_to_do(app: App, clock: FakeClock, site: Site) -> None:
    history(app, clock, 1)
    assert "No open alert. Rules stand in config/alerts.yaml" in site.words("/alerts")
    assert "No alert has ended yet." in site.words("/alerts")
    assert "busta report weekly" in site.words("/reports")
    assert "Every login, refusal, acknowledgement" in site.words("/audit")
    assert "insufficient data" in site.words("/sla")


def test_service_levels_are_the_document_worst_first(app: App, clock: FakeClock, site: Site) -> None:
    clock.jump(-2 * 86400)
    for n in range(2 * 288):
        status = Status.DOWN if n % 40 == 0 else Status.UP
        with app.store.write() as uow:
            uow.observations.add(
                [seen(app, name, status if name == "odds_api" else Status.UP) for name in app.config.sources]
            )
        clock.advance(300)
    tick(app, alerts=False)
    rows = Monitor(app, "test").sla(None, "24h")
    text, said = site.get("/sla?window=24h").text, site.words("/sla?window=24h")
    assert re.findall(r'<th scope="row"><a href="/source-health/s/(\w+)"', text) == [row["source"] for row in rows]
    assert rows[0]["source"] == "odds_api"
    assert f"missed {percentages.share(rows[0]['uptime'])} 99.50" in said
    assert f"{percentages.budget(rows[0]['budget_left'])}%" in said
    assert "The budget is spent" in said
    assert "insufficient data" in site.words("/sla?window=30d")
    assert re.search(r'href="/source-health/sla\?window=2026-11"', text)
    assert "INSUFFICIENT" not in said


def test_a_window_that_is_none_says_how_to_write_one(app: App, clock: FakeClock, site: Site) -> None:
    history(app, clock, 1)
    answer = site.get("/sla?window=nonsense")
    assert answer.status_code == 404
    assert "write 24h, 7d, 30d, week, month" in answer.text


def test_the_shelf_has_every_week_that_was_kept_newest_first(app: App, clock: FakeClock, site: Site) -> None:
    clock.jump(-14 * 86400)
    history(app, clock, 2)
    clock.jump(7 * 86400)
    history(app, clock, 2)
    clock.jump(7 * 86400)
    for week in ("2026-W46", "2026-W47"):
        publish(app, week, send=False)
    text = site.get("/reports").text
    assert re.findall(r'href="/source-health/reports/([^"]+)"', text) == ["2026-W47", "2026-W46"]
    assert "16 Nov to 22 Nov" in text


def test_settings_are_resolved_with_meaning_and_never_with_a_secret(tmp_path: Path, clock: FakeClock) -> None:
    home, secret = tmp_path / "home", "hunter2-hunter2-hunter2-hunter2-0123"
    sources = "version: 1\nsources:\n  - {name: odds_api, type: odds, probe: http, url: 'http://127.0.0.1:9/', allow_private: true, headers: {X-Key: {env: ODDS_KEY}}}\n"
    app = world(home, clock, sources, ODDS_KEY=secret, BUSTA_LINK_KEY=secret)
    (home / "config" / "settings.yaml").write_text("version: 1\nweb: {link_key: {env: BUSTA_LINK_KEY}}\n")
    made = Site()
    from busta_health_dagster import bootstrap

    environ = {"BUSTA_HOME": str(home), "ODDS_KEY": secret, "BUSTA_LINK_KEY": secret}
    with (
        bootstrap.open_app(home=home, environ=environ, clock=clock) as again,
        serving(guest(again, lambda: made.role)) as made.base,
    ):
        text, said = made.get("/settings").text, made.words("/settings")
        (home / "config" / "alerts.yaml").write_text("version: 1\nrules: [{name: x, metric: nonsense}]\n")
        broken = made.words("/settings")
    app.close()
    assert secret not in text
    assert "web.link_key {env: BUSTA_LINK_KEY} (set) Signs the links of messages" in said
    assert "retention.audit 400d Who did what." in said
    assert "0 errors" in said
    assert "dead_mans_switch" in said
    assert "0 errors" not in broken
    assert "Remedy:" in broken


def test_the_audit_log_is_read_by_admins_filtered_and_paged(app: App, clock: FakeClock, site: Site) -> None:
    history(app, clock, 1)
    now = app.now()
    with app.store.write() as uow:
        for n in range(120):
            uow.audit.append(AuditEntry(now + n, "dana", "alert.ack", f"alert {n}", HOSTILE if n == 119 else ""))
        uow.audit.append(AuditEntry(now, "erin", "token.create", "token grafana", "viewer"))
    first = site.get("/audit")
    assert "<script>alert" not in first.text
    assert first.text.count('<tr><th scope="row"') == 100
    assert 'rel="next" href="/source-health/audit?page=2"' in first.text
    beyond = site.get("/audit?page=99")
    assert beyond.text.count('<tr><th scope="row"') == 21, "the last page stands for those beyond the end"
    assert "101–121 of 121" in beyond.text
    assert "token grafana" in site.get("/audit?actor=erin").text
    assert site.get("/audit?action=token").text.count('<tr><th scope="row"') == 1
    assert "No entry matches." in site.get("/audit?actor=nobody").text
    for role in (Role.VIEWER, Role.OPERATOR):
        site.role = role
        refused = site.get("/audit")
        assert refused.status_code == 403
        assert "token grafana" not in refused.text


def test_a_validation_leads_back_to_its_source(site: Site, app: App, clock: FakeClock) -> None:
    history(app, clock, 1)
    missing = site.get("/quality/odds_api")
    assert missing.status_code == 404
    assert "busta quality run odds_api" in missing.text
