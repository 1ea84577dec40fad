"""The page for consumers behind the real door: off without a trace, open only when switched on, and never a host or a reason."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import requests
from page_stories import SOURCES, history, seen, serving, tick

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.errors import ConfigError
from busta_health_dagster.domain.health import SourceHealth
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.views.consumer_status import consumer_status, group_state
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web.api.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App

PATHS = ("/status", "/status.json", "/status.rss")
ALERTS = """\
version: 1
channels: [{name: log, kind: file, path: "%s/notifications.jsonl"}]
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
  - {name: slow-response, metric: response_ms, op: ">", value: 1s, severity: critical}
escalations: [{name: default, steps: [{after: 0m, severity: warning, notify: [log]}]}]
routes: [{select: {}, escalation: default}]
"""
SECRETIVE = "version: 1\nwindows: [{name: rack-42-move, select: {names: [espn_nfl]}, start: 2026-11-23T08:00, zone: UTC, duration: 3h, reason: db7.internal moves}]\n"


class Home:
    def __init__(self, root: Path, clock: FakeClock) -> None:
        self.root, self.clock = root, clock

    def opened(self, status_page: str) -> App:
        config = self.root / "config"
        config.mkdir(parents=True, exist_ok=True)
        for name, text in (
            ("sources", SOURCES),
            ("alerts", ALERTS % self.root),
            ("maintenance", SECRETIVE),
            ("settings", f"version: 1\n{status_page}"),
        ):
            (config / f"{name}.yaml").write_text(text, encoding="utf-8")
        environ = {"BUSTA_HOME": str(self.root)}
        return bootstrap.open_app(home=self.root, environ=environ, create_store=True, clock=self.clock)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home", FakeClock())


@contextmanager
def door(home: Home, status_page: str = "") -> Iterator[tuple[str, App, dict[Role, str]]]:
    """The whole site behind the real door, with tokens: odds_api is down, scores_api was slow, espn_nfl is in maintenance."""
    from starlette.applications import Starlette

    from busta_health_dagster.web.auth_middleware import AuthMiddleware
    from busta_health_dagster.web.routes import routes
    from busta_health_dagster.web.serve import doorkeeper

    with home.opened(status_page) as app:
        history(app, home.clock, 2)
        for response_ms in (5000.0, 120.0, 120.0):
            home.clock.advance(300)
            tick(app, seen(app, "scores_api", response_ms=response_ms), seen(app, "espn_nfl"), seen(app, "odds_api"))
        home.clock.advance(300)
        down = seen(app, "odds_api", Status.DOWN, detail="db7.internal:5432 refused user prod_rw")
        tick(app, down, seen(app, "scores_api"), seen(app, "espn_nfl"))
        home.clock.advance(10)
        tokens = {role: access.create_token(app, name=role.value, role=role, by="test") for role in Role}
        asgi = AuthMiddleware(Starlette(routes=routes(app)), doorkeeper(app, host="127.0.0.1", port=0))
        with serving(asgi) as base:
            yield base, app, tokens


def get(base: str, path: str, token: str = "", **headers: str) -> requests.Response:
    bearer = {"authorization": f"Bearer {token}"} if token else {}
    return requests.get(base + path, headers=bearer | headers, timeout=20, allow_redirects=False)


def test_off_by_default_it_is_not_there_for_anyone(home: Home) -> None:
    with door(home) as (base, _, tokens):
        for path in PATHS:
            for token in ("", tokens[Role.VIEWER], tokens[Role.ADMIN]):
                answer = get(base, path, token)
                assert (answer.status_code, answer.text) == (404, "Not Found"), path
            assert requests.post(base + path, timeout=20).status_code == 404
            page = get(base, path, accept="text/html")
            assert page.status_code == 404, "not even the login is offered"


def test_switched_on_it_asks_who_is_there(home: Home) -> None:
    with door(home, "status_page: {}\n") as (base, _, tokens):
        assert get(base, "/status").status_code == 401
        assert get(base, "/status", accept="text/html").headers["location"].startswith("/source-health/login?next=")
        assert get(base, "/status", tokens[Role.PUSH]).status_code == 403
        answer = get(base, "/status", tokens[Role.VIEWER])
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "private, no-cache"
        assert 'aria-current="page">Status<' in answer.text


def test_public_it_answers_everyone_alike_and_may_be_kept_for_seconds(home: Home) -> None:
    with door(home, "status_page: {public: true}\n") as (base, _, tokens):
        open_, named = get(base, "/status"), get(base, "/status", tokens[Role.ADMIN])
        assert open_.status_code == 200
        assert open_.text == named.text, "nothing of who asks is in it"
        assert open_.headers["cache-control"] == "public, max-age=15"
        assert "set-cookie" not in open_.headers
        assert "/source-health/alerts" not in open_.text
        assert get(base, "/source-health").status_code == 401, "nothing else is open"
        assert get(base, "/status/x").status_code == 401


def test_nothing_internal_is_said(home: Home) -> None:
    with door(home, "status_page: {public: true}\n") as (base, app, _):
        Monitor(app, "dana").write_note("INC-2", "db7.internal had a full disk", kind="cause")
        for path in PATHS:
            text = get(base, path).text
            for word in (
                *("db7", "internal", "5432", "prod_rw", "refused", "127.0.0.1:9", "rack-42", "team:data", "wiki"),
                *("odds_api", "scores_api", "espn_nfl", "source-down", "slow-response", "dana", "moneyline"),
            ):
                assert word not in text, (path, word)


def test_each_group_says_how_it_is_since_when_and_what_is_planned(home: Home) -> None:
    page = "status_page: {title: Sports data, public: true, groups: {odds_and_scores: Odds, news: News}}\n"
    with door(home, page) as (base, app, _):
        document = get(base, "/status.json").json()
        assert document == consumer_status(app)
        assert [(g["name"], g["state"]) for g in document["groups"]] == [
            ("Odds", "partial_outage"),
            ("News", "maintenance"),
        ]
        assert document["state"] == "partial_outage"
        assert [(i["id"], i["group"], i["kind"], i["ended_at"] is None) for i in document["incidents"]] == [
            ("INC-2", "Odds", "outage", True),
            ("INC-1", "Odds", "degradation", False),
        ]
        assert [(m["group"], m["now"]) for m in document["maintenance"]] == [("News", True)]
        said = " ".join(re.sub(r"<[^>]+>", " ", get(base, "/status").text).split())
        assert "Sports data Partial outage. Checked 08:30 UTC" in said
        assert "Odds Partial outage since 08:30 UTC" in said
        assert "News Maintenance" in said
        assert "not over yet" in said


def test_the_feed_is_rss_with_one_entry_for_an_incident(home: Home) -> None:
    with door(home, "status_page: {public: true}\n") as (base, _, _):
        answer = get(base, "/status.rss")
        assert answer.headers["content-type"].startswith("application/rss+xml")
        items = ET.fromstring(answer.content).findall("channel/item")
        assert [i.findtext("title") for i in items] == [
            "Odds and scores: outage, not over yet",
            "Odds and scores: degradation, over after 5 min",
        ]
        assert items[0].findtext("link") == f"{base}/status#INC-2"
        assert 'id="INC-2"' in get(base, "/status").text


def test_only_the_origins_of_the_settings_may_show_it_in_a_frame(home: Home) -> None:
    with door(home, "status_page: {public: true}\n") as (base, _, _):
        plain = get(base, "/status", origin="https://intranet.example.com")
    assert "frame-ancestors 'none'" in plain.headers["content-security-policy"]
    assert plain.headers["x-frame-options"] == "SAMEORIGIN"
    assert "access-control-allow-origin" not in plain.headers
    embedded = "status_page: {public: true, embed: [https://intranet.example.com]}\n"
    home.clock.advance(300)
    with door(Home(home.root.parent / "other", home.clock), embedded) as (base, _, _):
        framed = get(base, "/status", origin="https://intranet.example.com")
        foreign = get(base, "/status", origin="https://evil.example")
        other_page = get(base, "/source-health/login")
    assert framed.headers["content-security-policy"].endswith("frame-ancestors 'self' https://intranet.example.com")
    assert "x-frame-options" not in framed.headers
    assert framed.headers["access-control-allow-origin"] == "https://intranet.example.com"
    assert "access-control-allow-origin" not in foreign.headers
    assert other_page.headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("status_page: {embed: [https://intranet.example.com]}", "needs `public: true`"),
        ("status_page: {public: true, embed: ['https://x.example/path']}", "more than an origin"),
        ("status_page: {public: true, embed: ['https://x.example; script-src *']}", "more than an origin"),
        ("status_page: {public: true, embed: ['*']}", "no scheme or no host"),
    ],
)
def test_settings_that_would_open_too_much_are_refused(home: Home, page: str, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        home.opened(f"{page}\n")


def test_it_is_to_be_read_only(home: Home) -> None:
    with door(home, "status_page: {public: true}\n") as (base, _, _):
        for path in PATHS:
            answer = requests.post(base + path, timeout=20)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_an_answer_is_kept_for_seconds_and_then_read_again(home: Home) -> None:
    with door(home, "status_page: {public: true}\n") as (base, app, _):
        before = get(base, "/status.json").json()
        tick(app, *(seen(app, name) for name in app.config.sources))
        assert get(base, "/status.json").json() == before
        home.clock.advance(20)
        assert get(base, "/status.json").json() != before


def test_a_silent_monitor_leaves_nothing_operational(home: Home) -> None:
    with door(home, "status_page: {public: true}\n") as (base, _, _):
        home.clock.advance(7200)
        document = get(base, "/status.json").json()
        assert document["stale"] is True
        assert "operational" not in {g["state"] for g in document["groups"]}
        assert "The monitor is silent: nothing is known" in get(base, "/status").text


def test_a_store_that_is_away_is_not_described_to_consumers(home: Home) -> None:
    with door(home, "status_page: {public: true}\n") as (base, app, _):
        app.store.close()
        for file in home.root.glob("busta.sqlite3*"):
            file.write_bytes(b"no database any more" * 500)
        for path in PATHS:
            answer = get(base, path)
            assert answer.status_code == 503
            assert "The status cannot be told right now." in answer.text
            assert home.root.name not in answer.text
            assert answer.headers["cache-control"] == "no-store"


def row(status: str, **values: Any) -> SourceHealth:
    given = dict.fromkeys(
        ("response_ms", "items", "data_age_s", "quality", "failure_rate", "coverage_30d", "budget_left")
    )
    known = {
        "type": "t",
        "tier": 1,
        "probe": "http",
        "group": "g",
        "reason": "",
        "detail": "",
        "uptime": {},
        "stale": False,
    }
    return SourceHealth(
        **{"source": "a", "status": status, "since": 100, "observed_at": 100, **given, **known, **values}
    )


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ([], "no_data"),
        ([row("up")], "operational"),
        ([row("up", reservations=("quality 89.0 (limit 90)",))], "limited"),
        ([row("up"), row("degraded")], "degraded"),
        ([row("up"), row("unknown")], "no_data"),
        ([row("up"), row("up", stale=True)], "no_data"),
        ([row("up"), row("down")], "partial_outage"),
        ([row("down"), row("down")], "outage"),
        ([row("down"), row("down", maintenance_until=900)], "outage"),
        ([row("up"), row("down", maintenance_until=900)], "maintenance"),
        ([row("up"), row("down", off_season=True)], "operational"),
        ([row("down", off_season=True)], "off_season"),
    ],
)
def test_a_group_is_as_well_as_its_worst_member_and_unknown_is_never_operational(
    members: list[SourceHealth], state: str
) -> None:
    assert group_state(members)[0] == state


def test_consumers_do_not_use_up_what_the_login_needs() -> None:
    """Behind a proxy everyone has one address."""
    limits = Limits(None, per_second=0.0001, burst=1.0)  # type: ignore[arg-type]
    scope = {"client": ("10.0.0.1", 1), "state": {}}
    assert limits._admitted({**scope, "path": "/status"})
    assert not limits._admitted({**scope, "path": "/status"})
    assert limits._admitted({**scope, "path": "/source-health/login"})
