"""The pages as a person meets them, in a real Chromium: live without a reload, usable by keyboard, readable by a screen reader."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from page_stories import history, seen, serving, tick, world

from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.quality import CheckResult, CheckSeverity, Dimension, Scored
from busta_health_dagster.engines.quality_score import score
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.pipeline.reporting.sending import publish
from busta_health_dagster.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from busta_health_dagster.pipeline.app.app import App

LISTS = (
    "/alerts",
    "/incidents",
    "/incidents/INC-1",
    "/sla",
    "/reports",
    "/maintenance",
    "/settings",
    "/audit",
    "/quality/odds_api",
    "/../status",
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def app(tmp_path: Path, clock: FakeClock) -> Iterator[App]:
    opened = world(tmp_path / "home", clock, settings="version: 1\nstatus_page: {public: true}\n")
    history(opened, clock, 4)
    checks = [
        CheckResult("price not null", Dimension.COMPLETENESS, "price", CheckSeverity.ERROR, 1000, 80, mostly=0.95),
        CheckResult("spread in range", Dimension.VALIDITY, "spread", CheckSeverity.WARNING, 1000, 0),
    ]
    with opened.store.write() as uow:
        uow.quality.add([Scored("odds_api", opened.now(), opened.now(), "odds", score(checks, rows=1000))])
    yield opened
    opened.close()


def whole(app: App) -> Any:
    """All of our routes, REST included, behind the real door."""
    from starlette.applications import Starlette

    from busta_health_dagster.web.auth_middleware import AuthMiddleware
    from busta_health_dagster.web.routes import routes
    from busta_health_dagster.web.serve import doorkeeper

    return AuthMiddleware(Starlette(routes=routes(app)), doorkeeper(app, host="127.0.0.1", port=0))


@pytest.fixture
def address(app: App) -> Iterator[str]:
    with serving(whole(app)) as base:
        yield f"{base}/source-health"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(60_000)
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on(
        "console",
        lambda said: (
            problems.append(said.text)
            if said.type == "error"
            and not any(expected in said.text for expected in ("ERR_", "(Unauthorized)", "(Bad Request)"))
            and not said.location["url"].endswith("/favicon.ico")  # of a report, which is a file for mail clients
            else None
        ),
    )
    yield opened
    context.close()
    assert problems == []  # a refused style or script shows here


def goes_down(app: App, clock: FakeClock, name: str = "odds_api") -> None:
    clock.advance(300)
    tick(app, *(seen(app, n, Status.DOWN if n == name else Status.UP) for n in app.config.sources))


def test_a_source_goes_down_before_your_eyes_and_your_search_stays(
    app: App, clock: FakeClock, address: str, page: Page
) -> None:
    from playwright.sync_api import expect

    page.goto(address)
    expect(page.locator("h1")).to_have_text("All 3 sources up")
    page.keyboard.press("/")
    page.keyboard.type("a")
    page.wait_for_url("**q=a")
    page.evaluate("window.stayed = true")
    goes_down(app, clock)
    expect(page.locator("#s-odds_api .stt")).to_have_text("DOWN")
    expect(page.locator("h1")).to_have_text("1 source down")
    expect(page).to_have_title("1 down · Source health")
    expect(page.locator("#said")).to_have_text("odds_api is down")
    expect(page.locator(".row").first).to_have_id("s-odds_api")
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#q")).to_have_value("a")
    assert page.evaluate("window.stayed") is True


def test_a_person_logs_in_and_takes_an_alert_with_a_reason(
    app: App, clock: FakeClock, address: str, page: Page
) -> None:
    from playwright.sync_api import expect

    secret = access.create_token(app, name="dana", role=Role.OPERATOR, by="test")
    goes_down(app, clock)
    page.goto(f"{address}?state=down")
    page.get_by_label("Token").fill(secret)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/source-health?state=down")
    expect(page.locator(".al3").first).to_contain_text("answered 503", ignore_case=True)
    expect(page.locator(".al3").first).to_contain_text("L2 to log and pager in 30 min")
    page.get_by_role("button", name="Ack odds_api source-down").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Why")).to_be_focused()
    page.keyboard.type("provider called")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator(".side").first).to_contain_text("acknowledged by dana")
    expect(page.locator(".side").first).to_contain_text("provider called")
    expect(page.locator(".al3").first).to_contain_text("held until")
    page.goto(f"{address}/s/odds_api")
    expect(page.get_by_role("list", name="Timeline of alert")).to_contain_text("Acknowledged by dana")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/source-health/login?next=**")


def test_an_acknowledgement_is_taken_back_and_an_alert_snoozed_each_with_its_reason_in_the_audit(
    app: App, clock: FakeClock, address: str, page: Page
) -> None:
    from playwright.sync_api import expect

    goes_down(app, clock)
    page.goto(f"{address}/s/odds_api")

    def act(button: str, why: str, *, hours: str = "") -> None:
        page.get_by_role("button", name=button, exact=True).click()
        dialog = page.get_by_role("dialog")
        if hours:
            dialog.get_by_label("For how long").select_option(hours)
        dialog.get_by_label("Why").fill(why)
        dialog.locator("#dialog-do").click()
        expect(dialog).to_be_hidden()

    side = page.locator(".side").first
    act("Acknowledge", "I check it")
    expect(side).to_contain_text("acknowledged by local")
    act("End acknowledgement", "not mine after all")
    expect(side).to_contain_text("unacknowledged")
    expect(side).to_contain_text("not mine after all")
    act("Snooze", "deploy until noon", hours="8h")
    expect(side).to_contain_text("snoozed by local until 16:")
    expect(side).to_contain_text("deploy until noon")
    page.get_by_role("button", name="Resolve", exact=True).click()
    page.get_by_role("dialog").locator("#dialog-do").click()
    expect(page.get_by_role("dialog")).to_be_visible()  # a resolution by hand needs its reason
    page.keyboard.press("Escape")
    with app.store.read() as uow:
        done = [(entry.action.rpartition(".")[2], entry.actor) for entry in uow.audit.list()]
    assert {action for action, _ in done} >= {"ack", "unack", "snooze"}
    assert {actor for _, actor in done} == {"local"}


def test_a_viewer_reads_everything_and_is_offered_nothing(app: App, clock: FakeClock, address: str, page: Page) -> None:
    from playwright.sync_api import expect

    secret = access.create_token(app, name="vera", role=Role.VIEWER, by="test")
    goes_down(app, clock)
    page.goto(address)
    page.get_by_label("Token").fill(secret)
    page.get_by_role("button", name="Log in").click()
    for path in ("", "/s/odds_api"):
        page.goto(f"{address}{path}")
        expect(page.locator(".side").first).to_contain_text("unacknowledged")
        for name in ("Ack", "Acknowledge", "Snooze", "Resolve", "Check now"):
            assert page.get_by_role("button", name=name).count() == 0, name


def test_a_session_that_ends_leads_to_the_login_and_back(app: App, clock: FakeClock, address: str, page: Page) -> None:
    from playwright.sync_api import expect

    secret = access.create_token(app, name="dana", role=Role.VIEWER, by="test")
    page.goto(f"{address}?type=odds")
    page.get_by_label("Token").fill(secret)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".row")).to_have_count(1)
    access.create_token(app, name="other", role=Role.ADMIN, by="test")
    access.revoke_token(app, name="dana", by="test")
    goes_down(app, clock)  # the page hears of it, asks again, and is not known any more
    page.wait_for_url("**/source-health/login?next=**", timeout=120_000)
    page.get_by_label("Token").fill(access.create_token(app, name="dana2", role=Role.VIEWER, by="test"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/source-health?type=odds")


@pytest.mark.parametrize("width", [800, 1440])
def test_the_keyboard_comes_to_the_sources_by_one_link_and_sees_where_it_is(
    address: str, page: Page, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the sources"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "sources"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "q"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent"))
    assert "odds_api" in reached


def test_on_paper_there_is_nothing_to_press_and_every_source(
    app: App, clock: FakeClock, address: str, page: Page
) -> None:
    goes_down(app, clock)
    for path in ("", "/s/odds_api"):
        page.goto(f"{address}{path}?theme=dark")
        page.emulate_media(media="print")
        assert page.locator(".btn:visible, input:visible, select:visible, dialog:visible").count() == 0
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
        assert page.pdf(format="A4", print_background=True).startswith(b"%PDF")
        page.emulate_media(media="screen")


def test_the_monitor_s_own_trouble_appears_and_goes_without_a_reload(
    app: App, clock: FakeClock, address: str, page: Page
) -> None:
    from playwright.sync_api import expect

    page.goto(address)
    expect(page.locator("h1")).to_be_visible()
    broken = replace(app, config_problem="config/sources.yaml:14: not readable as YAML")
    clock.advance(30)
    alert_pass(broken, whole=False)
    expect(page.get_by_role("alert")).to_contain_text("The newest configuration was not accepted")
    clock.advance(30)
    alert_pass(app, whole=False)
    expect(page.locator("[data-trouble]")).to_have_count(0)


def test_check_now_looks_at_once_and_shows_what_it_saw(clock: FakeClock, address: str, page: Page) -> None:
    from playwright.sync_api import expect

    clock.advance(60)
    page.goto(f"{address}/s/odds_api")
    expect(page.locator(".stt").first).to_have_text("UP")
    page.get_by_role("button", name="Check now").click()  # nothing listens on that port
    expect(page.locator(".hero .stt")).to_have_text("DOWN", timeout=120_000)
    expect(page.locator(".lead-in")).to_contain_text("refused")


def test_when_the_server_dies_the_browser_itself_says_that_the_page_is_old(app: App, browser: Browser) -> None:
    from playwright.sync_api import expect

    context = browser.new_context()
    page = context.new_page()
    page.clock.install()
    with serving(whole(app)) as base:
        page.goto(f"{base}/source-health")
        expect(page.locator("#stale")).to_be_hidden()
    page.clock.fast_forward("10:00")
    expect(page.locator("#countdown")).to_contain_text("connection lost")
    expect(page.locator("#stale")).to_be_hidden()
    page.clock.fast_forward("06:00")
    expect(page.locator("#stale")).to_be_visible()
    expect(page.locator("#stale")).to_contain_text("has not reported since 08:20 UTC (16 min ago)")
    assert "grayscale" in page.locator("#page > header").evaluate("e => getComputedStyle(e).filter")
    context.close()


def test_a_status_page_that_is_left_open_does_not_go_on_calling_everything_operational(
    app: App, clock: FakeClock, browser: Browser
) -> None:
    from playwright.sync_api import expect

    context = browser.new_context()
    page = context.new_page()
    page.clock.install()
    with serving(whole(app)) as base:
        page.goto(f"{base}/status")
        expect(page.locator(".lead-in")).to_contain_text("Everything is operational.")
        clock.advance(3600)
        page.clock.fast_forward("01:01")
        expect(page.locator(".lead-in")).to_contain_text("The monitor is silent: nothing is known.")
        assert page.evaluate("document.documentElement.classList.contains('is-stale')")
        expect(page.locator("#lost")).to_be_hidden()
    page.clock.fast_forward("04:01")
    expect(page.locator("#lost")).to_contain_text("Treat everything below as unknown.")
    context.close()


def test_sources_can_be_walked_and_opened_by_keyboard(address: str, page: Page) -> None:
    from playwright.sync_api import expect

    page.goto(address)
    for _ in range(2):
        page.keyboard.press("j")
    names = page.locator(".row .nm a")
    expect(names.nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(names.nth(0)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/s/odds_api")
    page.get_by_role("link", name="30 d", exact=True).click()
    page.wait_for_url("**window=30d")
    expect(page.get_by_role("img", name="Response time over 30 d")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("img", name="Response time over 24 h")).to_be_visible()


def test_back_leads_to_the_link_that_was_followed(app: App, clock: FakeClock, address: str, page: Page) -> None:
    from playwright.sync_api import expect

    goes_down(app, clock)
    clock.advance(10)  # a window ends before its last instant
    page.goto(f"{address}/incidents")
    link = page.get_by_role("link", name="INC-1")
    link.click()
    page.wait_for_url("**/incidents/INC-1")
    page.go_back()
    expect(page.get_by_role("link", name="INC-1")).to_be_focused()
    page.goto(address)
    page.get_by_role("link", name="scores_api").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/s/scores_api")
    page.go_back()
    expect(page.locator("#s-scores_api a").first).to_be_focused()


def test_an_incident_gets_its_cause_and_its_alert_an_acknowledgement(
    app: App, clock: FakeClock, address: str, page: Page
) -> None:
    from playwright.sync_api import expect

    goes_down(app, clock)
    page.goto(f"{address}/incidents/INC-1")
    page.get_by_role("button", name="Write the cause").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Text").fill("expired API key")
    dialog.locator("#dialog-do").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#cause")).to_contain_text("expired API key")
    expect(page.locator(".tl").first).to_contain_text("Cause by local")
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    dialog.get_by_label("Why").fill("on it")
    dialog.locator("#dialog-do").click()
    expect(page.locator(".tl").first).to_contain_text("Acknowledged: source-down, by local")


def test_maintenance_is_previewed_added_and_ended(app: App, address: str, page: Page) -> None:
    from playwright.sync_api import expect

    page.goto(f"{address}/maintenance")
    page.get_by_role("button", name="Plan maintenance").click()
    dialog = page.get_by_role("dialog", name="Plan maintenance")
    add = dialog.get_by_role("button", name="Add")
    dialog.get_by_label("Name").fill("host-move")
    dialog.get_by_label("How long").fill("2h")
    page.keyboard.press("Enter")  # a preview, and never more
    expect(dialog.get_by_role("alert")).to_contain_text("Which sources?")
    expect(add).to_be_disabled()
    dialog.get_by_label("Sources").fill("odds_api, scores_api")
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_role("status")).to_contain_text("Covers 2 sources: odds_api and scores_api.")
    add.click()
    expect(dialog).to_be_hidden()
    expect(page.locator("main")).to_contain_text("added by local")
    page.get_by_role("button", name="End host-move").click()
    page.get_by_role("dialog").locator("#dialog-do").click()
    expect(page.get_by_role("button", name="End host-move")).to_have_count(0)


def test_the_bar_leads_to_every_page_by_keyboard(address: str, page: Page) -> None:
    page.goto(address)
    bar = page.get_by_role("navigation", name="Pages")
    for name in ("Alerts", "Incidents", "SLA", "Reports", "Maintenance", "Settings", "Audit", "Sources"):
        link = bar.get_by_role("link", name=name)
        target = link.get_attribute("href")
        link.focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{target}")
        assert page.evaluate("document.querySelector('.site [aria-current]').textContent") == name
        assert page.locator("h1").count() == 1


def test_on_a_phone_open_alerts_come_first_and_every_figure_has_its_name(
    app: App, clock: FakeClock, address: str, page: Page
) -> None:
    goes_down(app, clock)
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(address)

    def top(selector: str) -> float:
        return page.locator(selector).first.bounding_box()["y"]

    assert top("#h-alerts") < top("#h-sources") < top("#h-planned")
    row = page.locator("#s-odds_api")
    for label in ("24 h", "7 d", "30 d", "p95", "Quality", "Fail 6 h", "Budget"):
        assert row.get_by_text(label, exact=True).is_visible(), label


def test_a_weekly_report_leads_back_to_the_shelf_with_the_session(
    app: App, clock: FakeClock, address: str, page: Page
) -> None:
    clock.jump(7 * 86400)
    publish(app, "2026-W48", send=False)
    secret = access.create_token(app, name="vera", role=Role.VIEWER, by="test")
    page.goto(f"{address}/reports")
    page.get_by_label("Token").fill(secret)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="2026-W48").click()
    page.get_by_role("link", name="All reports").click()
    page.wait_for_url("**/source-health/reports")


def test_a_filter_is_an_address_and_back_goes_back(address: str, page: Page) -> None:
    from playwright.sync_api import expect

    page.goto(address)
    page.get_by_label("Type").select_option("news")
    page.wait_for_url("**type=news")
    expect(page.locator(".row")).to_have_count(1)
    page.go_back()
    expect(page.locator(".row")).to_have_count(3)
    page.reload()
    expect(page.locator(".row")).to_have_count(3)


def test_the_theme_is_chosen_remembered_and_does_not_flash(address: str, page: Page) -> None:
    page.goto(f"{address}?theme=dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.goto(address)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") == "rgb(15, 20, 26)"
    page.locator("#theme").click()  # dark -> auto
    assert page.evaluate("document.documentElement.dataset.theme") is None


@pytest.mark.parametrize("width", [360, 768, 1024, 1440, 1920])
@pytest.mark.parametrize("path", ["", "/s/odds_api", "?wall=1", *LISTS])
def test_nothing_runs_out_of_the_page_at_any_width(
    app: App, clock: FakeClock, address: str, page: Page, width: int, path: str
) -> None:
    goes_down(app, clock)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{address}{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core from its registry through npm, for this run only; nothing of it is kept in the repository."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, so axe-core cannot be fetched")
    folder = tmp_path_factory.mktemp("axe")
    done = subprocess.run(
        ["npm", "pack", "axe-core@4", "--silent"], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    archives = list(folder.glob("axe-core-*.tgz"))
    if done.returncode or not archives:
        pytest.skip(f"npm could not fetch axe-core: {done.stderr.strip()[:200]}")
    with tarfile.open(archives[0]) as archive:
        found = archive.extractfile("package/axe.min.js")
        assert found is not None
        return found.read().decode()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_axe_finds_nothing_to_complain_about(
    app: App, clock: FakeClock, address: str, browser: Browser, axe: str, scheme: Any, width: int
) -> None:
    goes_down(app, clock)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    for path in ("", "?wall=1", "?by=type", "/s/odds_api?window=7d", "/login", "/s/nobody", *LISTS):
        page.goto(f"{address}{path}")
        page.evaluate(axe)
        found = page.evaluate(
            "axe.run().then(r => r.violations.map(v => [v.id, v.impact, v.nodes[0].html.slice(0, 160)]))"
        )
        assert found == [], path
    context.close()
