"""What the addresses below /source-health answer, over real HTTP."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
import requests
from page_stories import HOSTILE, guest, history, seen, serving, tick, world

from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.quality import CheckResult, CheckSeverity, Dimension, Scored
from busta_health_dagster.engines.quality_score import score
from busta_health_dagster.pipeline.alerting import actions
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.pipeline.reporting.sending import publish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.testing import FakeClock


class Site:
    def __init__(self, base: str) -> None:
        self.base, self.role = base, Role.OPERATOR

    def get(self, path: str = "", **headers: str) -> requests.Response:
        return requests.get(f"{self.base}/source-health{path}", headers=headers, timeout=20, allow_redirects=False)


@pytest.fixture
def site(app: App) -> Iterator[Site]:
    made = Site("")
    with serving(guest(app, lambda: made.role)) as made.base:
        yield made


class Elements(HTMLParser):
    """Every element with its attributes; and what would need an unsafe policy."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def rows(page: str) -> list[tuple[str, str]]:
    return re.findall(r'role="row" class="row r-(\w+)" id="s-(\w+)"', page)


def test_the_overview_lists_the_worst_first_with_word_shape_and_reason(site: Site, app: App, clock: FakeClock) -> None:
    history(app, clock, 3, espn_nfl=Status.DOWN)
    page = site.get().text
    assert rows(page)[0] == ("down", "espn_nfl")
    assert "1 source down" in page
    assert "Answered 503, since 08:15 UTC (0 s)." in page
    assert '<span class="stt">DOWN</span>' in page
    assert "last 24 hours in half-hours:" in page


def test_the_key_figures_count_what_was_seen(site: Site, app: App, clock: FakeClock) -> None:
    history(app, clock, 8, espn_nfl=Status.DOWN)
    page = " ".join(re.sub(r"<[^>]+>", " ", site.get().text).split())
    assert "Fleet uptime, 30 d — observing since 08:00 UTC, first figures 21 Dec 20:00 UTC" in page
    assert "Open alerts 1 highest L1 · 1 unacknowledged" in page
    assert "Incidents, 30 d 1 0 under 1 h" in page
    assert "Uptime, % — — —" in page
    assert "Sources meeting SLA 0 of 3 3 without enough data" in page


def test_every_page_keeps_to_its_content_security_policy(site: Site, app: App, clock: FakeClock) -> None:
    history(app, clock, 3, odds_api=Status.DOWN)
    for path in ("", "?wall=1", "?theme=dark&q=odds", "/s/odds_api", "/s/odds_api?window=30d", "/login", "/s/nobody"):
        answer = site.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        for tag, attributes in Elements(answer.text).seen:
            assert "style" not in attributes, (path, tag, attributes)
            assert tag != "style"
            assert not [a for a in attributes if a.startswith("on")]
            assert tag != "script" or attributes["src"], path
            address = attributes.get("src") or (attributes.get("href") if tag == "link" else None)
            assert address is None or address.startswith("/source-health/"), (path, tag, attributes)


def test_what_a_source_says_is_text_and_never_markup(site: Site, app: App, clock: FakeClock) -> None:
    history(app, clock, 2)
    clock.advance(300)
    bad = seen(app, "odds_api", Status.DOWN, detail=HOSTILE, facts={HOSTILE: HOSTILE, "type": HOSTILE})
    tick(app, bad)
    key = app.store.read
    with key() as uow:
        alert = uow.alerts.open()[0]
    actions.acknowledge(app, [alert.id or 0], actor="dana", note=HOSTILE)
    for path in ("", "/s/odds_api", f"?q={HOSTILE}", f"?type={HOSTILE}"):
        text = site.get(path).text
        assert "<script>alert" not in text, path
        assert "<img" not in text
        assert "<b style" not in text
        assert "&lt;script&gt;alert(1)" in text or path.startswith("?type")
        assert "{{7*7}}" in text or path.startswith("?type")
    for picture in ("/strip/odds_api.svg", "/badge/odds_api.svg"):
        ET.fromstring(site.get(picture).text)


def test_filter_and_search_live_in_the_address(site: Site, app: App, clock: FakeClock) -> None:
    history(app, clock, 2, odds_api=Status.DOWN)
    assert [n for _, n in rows(site.get("?state=down").text)] == ["odds_api"]
    assert [n for _, n in rows(site.get("?type=news").text)] == ["espn_nfl"]
    assert [n for _, n in rows(site.get("?q=team:data+odds").text)] == ["odds_api"]
    assert len(rows(site.get("?state=nonsense&page=zzz").text)) == 3
    nothing = site.get("?q=nosuch").text
    assert "No source matches." in nothing
    assert 'value="nosuch"' in nothing


def test_a_thousand_sources_come_a_hundred_at_a_time(tmp_path: Path, clock: FakeClock) -> None:
    lines = "".join(
        f'  - {{name: s{i:04d}, type: odds, probe: http, url: "http://127.0.0.1:9/", allow_private: true}}\n'
        for i in range(1000)
    )
    app = world(tmp_path / "big", clock, f"version: 1\nsources:\n{lines}")
    tick(app, *(seen(app, n, Status.DOWN if n == "s0777" else Status.UP) for n in app.config.sources), alerts=False)
    with serving(guest(app, lambda: Role.VIEWER)) as base:
        first = requests.get(f"{base}/source-health", timeout=30).text
        last = requests.get(f"{base}/source-health?page=10", timeout=30).text
        beyond = requests.get(f"{base}/source-health?page=99", timeout=30).text
    app.close()
    assert rows(first)[0] == ("down", "s0777")
    assert len(rows(first)) == len(rows(last)) == 100
    assert rows(beyond) == rows(last)
    assert 'rel="next" href="/source-health?page=2"' in first
    assert "901–1,000 of 1,000" in last


def test_actions_are_offered_to_operators_only(site: Site, app: App, clock: FakeClock) -> None:
    history(app, clock, 2, odds_api=Status.DOWN)
    assert 'data-act="ack"' in site.get().text
    assert 'data-check="odds_api"' in site.get("/s/odds_api").text
    site.role = Role.VIEWER
    for path in ("", "/s/odds_api"):
        text = site.get(path).text
        assert "data-act" not in text
        assert "data-check" not in text
        assert "<dialog" not in text


def test_an_alert_shows_its_ladder_who_took_it_and_what_comes_next(site: Site, app: App, clock: FakeClock) -> None:
    history(app, clock, 2, odds_api=Status.DOWN)
    page = site.get().text
    assert "1 of 2 steps reached" in page
    assert "L2 to log and pager in 30 min" in page
    assert "unacknowledged" in page
    with app.store.read() as uow:
        key = uow.alerts.open()[0].id or 0
    actions.acknowledge(app, [key], actor="dana", note="provider called")
    page = site.get("/s/odds_api").text
    assert "acknowledged by dana" in page
    assert "provider called" in page
    assert "held until" in page
    assert "Opened, warning, L1" in page
    assert "log: waiting" in page


def test_a_monitor_that_stopped_says_so_on_the_server_too(site: Site, app: App, clock: FakeClock) -> None:
    assert "has not finished a check yet" in site.get().text
    history(app, clock, 2)
    assert 'id="stale" role="alert" hidden' in site.get().text
    clock.advance(7200)
    page = site.get().text
    assert 'class=" is-stale"' in page
    assert "No observation for" in page
    assert rows(page)[0][0] == "unknown"


def test_planned_work_is_shown_now_and_next(tmp_path: Path, clock: FakeClock) -> None:
    windows = "version: 1\nwindows:\n  - {name: move, select: {names: [odds_api]}, start: 2026-11-23T07:30, zone: UTC, duration: 1h, reason: host migration}\n"
    app = world(tmp_path / "planned", clock, maintenance=windows)
    tick(app, seen(app, "odds_api", Status.DOWN), alerts=False)
    with serving(guest(app, lambda: Role.VIEWER)) as base:
        page = requests.get(f"{base}/source-health", timeout=20).text
    app.close()
    assert ("maintenance", "odds_api") in rows(page)
    assert "Maintenance until 08:30 UTC: host migration. Alerts wait. It is down meanwhile." in page


@pytest.mark.parametrize("window", ["24h", "7d", "30d", "nonsense"])
def test_a_source_page_says_its_finding_beside_every_chart(site: Site, app: App, clock: FakeClock, window: str) -> None:
    history(app, clock, 5, odds_api=Status.DEGRADED)
    page = site.get(f"/s/odds_api?window={window}").text
    assert "Response time over" in page
    assert "The numbers as a table" in page
    assert "first byte" in page
    assert "uptime 99.5%" in page
    assert "Prices &amp; &lt;b&gt;odds&lt;/b&gt;." in page


def test_an_unchanged_page_costs_no_body(site: Site, app: App, clock: FakeClock) -> None:
    history(app, clock, 2)
    first = site.get()
    again = site.get("", **{"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert not again.content
    clock.advance(300)
    tick(app, seen(app, "odds_api", Status.DOWN))
    assert site.get("", **{"If-None-Match": first.headers["etag"]}).status_code == 200


def test_strips_and_badges_are_never_stored_and_run_nothing(site: Site, app: App, clock: FakeClock) -> None:
    history(app, clock, 2, odds_api=Status.DOWN)
    for path, words in (
        ("/fleet.svg", "odds_api is down: answered 503"),
        ("/strip/odds_api.svg", "DOWN"),
        ("/badge/odds_api.svg", "down"),
        ("/badge/scores_api.svg", "up"),
    ):
        answer = site.get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"].startswith("image/svg+xml")
        assert words in "".join(ET.fromstring(answer.text).itertext())
    assert site.get("/badge/nobody.svg").status_code == 404


def test_what_is_not_there_is_a_404_that_says_what_to_do(site: Site) -> None:
    for path, words in (
        ("/s/nobody", "All sources"),
        ("/quality/odds_api", "busta quality run odds_api"),
        ("/reports/2026-W47", "busta report weekly"),
    ):
        answer = site.get(path)
        assert answer.status_code == 404
        assert words in answer.text
    assert site.get("/reports/..%2f..%2fetc").status_code == 404


def test_static_files_are_ours_and_the_vendored_ones_carry_their_licence(site: Site) -> None:
    for name, kind in (
        ("page.css", "text/css"),
        ("page.js", "javascript"),
        ("inter.woff2", "font"),
        ("idiomorph.LICENSE", ""),
    ):
        answer = site.get(f"/static/{name}")
        assert answer.status_code == 200
        assert kind in answer.headers["content-type"]
    assert "immutable" in site.get("/static/page.css?v=abc").headers["cache-control"]


def test_a_token_opens_a_session_and_a_wrong_one_does_not(site: Site, app: App) -> None:
    secret = access.create_token(app, name="dana", role=Role.OPERATOR, by="test")
    push = access.create_token(app, name="beats", role=Role.PUSH, by="test")

    def post(**data: str) -> requests.Response:
        return requests.post(f"{site.base}/source-health/login", data=data, timeout=20, allow_redirects=False)

    good = post(token=secret, next="/source-health?state=down")
    assert good.status_code == 303
    assert good.headers["location"] == "/source-health?state=down"
    cookie = good.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert access.principal_of_session(app, good.cookies["busta_session"]) is not None
    for wrong in ("nonsense", "", push):
        answer = post(token=wrong)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    for elsewhere in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        assert post(token=secret, next=elsewhere).headers["location"] == "/source-health"
    assert post(token="x" * 5000).status_code == 413


def test_guessing_tokens_is_slowed_down_for_that_address(site: Site, app: App) -> None:
    secret = access.create_token(app, name="dana", role=Role.VIEWER, by="test")
    codes = [
        requests.post(f"{site.base}/source-health/login", data={"token": f"no{i}"}, timeout=20).status_code
        for i in range(11)
    ]
    assert codes == [403] * 10 + [429]
    waiting = requests.post(f"{site.base}/source-health/login", data={"token": secret}, timeout=20)
    assert waiting.status_code == 429
    assert int(waiting.headers["retry-after"]) > 0


def test_logging_out_ends_the_session_in_the_store(site: Site, app: App) -> None:
    secret = access.create_token(app, name="dana", role=Role.VIEWER, by="test")
    with requests.Session() as browser:
        browser.post(f"{site.base}/source-health/login", data={"token": secret}, timeout=20, allow_redirects=False)
        cookie = browser.cookies["busta_session"]
        assert browser.post(f"{site.base}/source-health/logout", timeout=20).status_code == 204
    assert access.principal_of_session(app, cookie) is None


def test_a_weekly_report_is_served_without_any_right_to_run(site: Site, app: App, clock: FakeClock) -> None:
    clock.jump(-7 * 86400)
    history(app, clock, 3)
    clock.jump(7 * 86400)
    publish(app, "2026-W47", send=False)
    answer = site.get("/reports/2026-W47")
    assert answer.status_code == 200
    assert "odds_api" in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_validation_shows_its_dimensions_its_cap_and_its_own_page(site: Site, app: App, clock: FakeClock) -> None:
    history(app, clock, 2)
    checks = [
        CheckResult("price not null", Dimension.COMPLETENESS, "price", CheckSeverity.ERROR, 1000, 80, mostly=0.95),
        CheckResult("spread in range", Dimension.VALIDITY, "spread", CheckSeverity.WARNING, 1000, 0),
    ]
    scored = Scored("odds_api", app.now(), app.now(), "odds", score(checks, rows=1000))
    with app.store.write() as uow:
        uow.quality.add([scored])
    page = site.get("/s/odds_api").text
    assert "completeness" in page
    assert "80 of 1,000" in page
    assert "price not null" in page
    assert 'href="/source-health/quality/odds_api"' in page
    whole = site.get("/quality/odds_api").text
    said = " ".join(re.sub(r"<[^>]+>", " ", whole).split())
    assert '<a href="/source-health/s/odds_api">odds_api</a>' in whole
    assert "price not null failed completeness ERROR 80 of 1,000 92.00% 95%" in said
    assert said.index("price not null failed") < said.index("spread in range passed")
    assert "Why the score is capped at 89" in said
    assert "BELOW 90" in said


GROUPED = """\
version: 1
sources:
  - {name: a_odds, type: odds, probe: http, url: "https://a.example/odds", tier: 1, owners: ["team:data"], tags: {provider: acme, league: nfl}}
  - {name: b_odds, type: odds, probe: http, url: "https://a.example/more", tier: 2, tags: {provider: acme}}
  - {name: c_news, type: news, probe: feed, url: "https://news.example/rss", tier: 2, owners: ["team:desk"]}
"""


def test_search_finds_owners_tags_and_providers_and_can_be_narrowed(tmp_path: Path, clock: FakeClock) -> None:
    app = world(tmp_path / "grouped", clock, GROUPED)
    history(app, clock, 1)
    with serving(guest(app, lambda: Role.VIEWER)) as base:
        for q, names in (
            ("acme", ["a_odds", "b_odds"]),
            ("provider:acme", ["a_odds", "b_odds"]),
            ("news.example", ["c_news"]),
            ("tag:league=nfl", ["a_odds"]),
            ("league=nfl", ["a_odds"]),
            ("owner:desk", ["c_news"]),
            ("team:data", ["a_odds"]),
            ("owner:team:data", ["a_odds"]),
            ("owner:odds", []),
            ("tier:2 type:odds", ["b_odds"]),
        ):
            page = requests.get(f"{base}/source-health", params={"q": q}, timeout=20).text
            assert sorted(n for _, n in rows(page)) == names, q
    app.close()


def test_sources_stand_in_groups_that_the_address_asks_for(tmp_path: Path, clock: FakeClock) -> None:
    app = world(tmp_path / "grouped", clock, GROUPED)
    history(app, clock, 2, c_news=Status.DOWN)
    with serving(guest(app, lambda: Role.VIEWER)) as base:

        def heads(by: str) -> list[str]:
            page = requests.get(f"{base}/source-health?by={by}", timeout=20).text
            found = re.findall(r'<div role="row" class="gh">(.*?)</div>', page)
            return [" ".join(re.sub(r"<[^>]+>", " ", head).split()) for head in found]

        assert heads("provider") == ["news.example 1 source, 1 unhealthy", "acme 2 sources"]
        assert heads("tier") == ["tier 2 2 sources, 1 unhealthy", "tier 1 1 source"]
        assert heads("owner") == ["team:desk 1 source, 1 unhealthy", "team:data 1 source", "no owner 1 source"]
        assert heads("nonsense") == heads("") == []
        kept = requests.get(f"{base}/source-health?by=tier&state=up", timeout=20).text
        assert "by=tier" in re.findall(r'class="cnt" href="([^"]+)"', kept)[0]
    app.close()
