"""Dagster's own pages in a real Chromium, at 1440 pixels, minutes after `busta demo`: what is wrong is read without a click."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium"),
]
NEWEST = '{assetNodeOrError(assetKey: {path: ["%s", "%s"]}) {... on AssetNode {assetMaterializations(limit: 1) {timestamp}}}}'


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A demo whose fleet has been checked once, and that has said what moves."""
    home: Path = tmp_path_factory.mktemp("home")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))}
    argv = [sys.executable, "-m", "busta_health_dagster.cli", "demo", "--days", "8"]
    env = clean | {"BUSTA_HOME": str(home), "NO_COLOR": "1"}
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        try:
            assert demo.stdout is not None
            url = next(m[1] for line in demo.stdout if (m := re.search(r"Dagster UI\s+(http\S+)", line)))
            for key in (("health", "fleet"), ("baselines", "odds"), ("health", "sla"), ("trends", "response")):
                materialized(url, key, demo)
            yield url
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.communicate(timeout=120)


def materialized(url: str, key: tuple[str, str], demo: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 600
    while True:
        answer = requests.post(f"{url}/graphql", json={"query": NEWEST % key}, timeout=60).json()
        if answer["data"]["assetNodeOrError"]["assetMaterializations"]:
            return
        assert demo.poll() is None
        assert time.monotonic() < deadline, f"{'/'.join(key)} was never materialized"
        time.sleep(1)


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Page]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=120_000)  # a hang guard: Dagster asks its code location first
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=address)
        context.set_default_timeout(120_000)
        yield context.new_page()
        browser.close()
    expect.set_options(timeout=5_000)


def test_the_fleets_page_says_what_is_wrong_without_a_click(page: Page) -> None:
    from playwright.sync_api import expect

    page.goto("/assets/health/fleet")
    picture = page.get_by_role("img", name="every source now, worst first")
    expect(picture).to_be_visible()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    box = picture.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 900, "without scrolling"
    room = picture.locator("xpath=..").bounding_box()
    assert room is not None
    assert box["width"] <= room["width"], "not clipped"
    expect(page.get_by_role("cell", name="weather_api", exact=True)).to_be_visible()
    expect(page.get_by_text("what is wrong", exact=True)).to_be_visible()
    expect(page.get_by_text("[Show Markdown]")).to_have_count(0)
    expect(page.get_by_text("Show more")).to_have_count(0)
    expect(page.get_by_role("link", name="Open page")).to_have_attribute("href", "/source-health")


def test_a_source_shows_its_day_its_page_and_who_checks_it(page: Page) -> None:
    from playwright.sync_api import expect

    page.goto("/assets/sources/odds_api")
    expect(page.get_by_role("img", name="status of the last 24 hours")).to_be_visible()
    expect(page.get_by_role("link", name="Open page")).to_have_attribute("href", "/source-health/s/odds_api")
    expect(page.get_by_text("measured", exact=True)).to_be_visible()
    page.get_by_role("link", name="health_tick").click()
    page.wait_for_url("**/jobs/health_tick**")


@pytest.mark.parametrize("path", ["health/sla", "health/open_alerts", "trends/response"])
def test_tables_stand_on_the_page_and_are_not_clipped(page: Page, path: str) -> None:
    from playwright.sync_api import expect

    page.goto(f"/assets/{path}")
    table = page.locator("table table").first
    if path == "trends/response":  # nothing may move in a calm week
        expect(page.get_by_text("moving", exact=True)).to_be_visible()
        if not table.count():
            return
    expect(table).to_be_visible()
    cell = table.locator("xpath=ancestor::td[1]")
    inner, outer = table.bounding_box(), cell.bounding_box()
    assert inner is not None
    assert outer is not None
    assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]
    assert cell.evaluate(
        "td => td.closest('table').parentElement.scrollWidth <= td.closest('table').parentElement.clientWidth"
    )
