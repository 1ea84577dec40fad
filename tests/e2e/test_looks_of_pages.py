"""What the pages of a night look like, beside pictures that a person has looked at. `pytest --update-golden` takes them again."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from page_stories import seen, serving, tick
from small_home import environ_of
from weekly_history import DAY, MONDAY, SETTINGS, SEVEN, SOURCES, write_history

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.pipeline.imports.import_history import import_history
from busta_health_dagster.pipeline.reporting.sending import publish
from busta_health_dagster.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image
    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FONTS = shutil.which("fc-match") and subprocess.run(
    ["fc-match", "-f", "%{family}", "sans-serif"], capture_output=True, text=True, check=True
).stdout.startswith("DejaVu Sans")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium"),
    pytest.mark.skipif(not FONTS, reason="the pictures were taken with DejaVu Sans: apt-get install fonts-dejavu-core"),
]
GOLDEN = Path(__file__).parents[1] / "golden" / "pages"
ALERTS = """\
version: 1
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
channels: [{name: log, kind: file, path: notifications.jsonl}]
escalations:
  - {name: default, steps: [{after: 0m, severity: warning, notify: [log]}, {after: 30m, severity: critical, notify: [log]}]}
routes: [{select: {}, escalation: default}]
"""
PAGES = {
    "overview": "/source-health",
    "source": "/source-health/s/odds_api",
    "alerts": "/source-health/alerts",
    "incidents": "/source-health/incidents",
    "incident": "/source-health/incidents/INC-6",
    "sla": "/source-health/sla",
    "report": "/source-health/reports/2026-W47",
    "status": "/status",
}
SCALE, BLOCK = 4, 6
MOST_OF_A_BLOCK = 40
"""Levels of 256. An edge that is drawn elsewhere by half a pixel moves a block by 10 or 20, a word that is gone by more."""
MOST_BLOCKS = 0.01
OTHER_HEIGHT = 0.01


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Monday 07:10, after a month with five outages: odds_api is down for five minutes."""
    from starlette.applications import Starlette

    from busta_health_dagster.web.auth_middleware import AuthMiddleware
    from busta_health_dagster.web.routes import routes
    from busta_health_dagster.web.serve import doorkeeper

    base, clock = tmp_path_factory.mktemp("night"), FakeClock(SEVEN)
    (base / "config").mkdir()
    settings = f"{SETTINGS}status_page: {{public: true}}\n"
    for name, text in (("sources", SOURCES), ("alerts", ALERTS), ("settings", settings)):
        (base / "config" / f"{name}.yaml").write_text(text.replace("/nowhere", "/srv/data"))
    with bootstrap.open_app(environ=environ_of(base), create_store=True, clock=clock) as app:
        import_history(app, write_history(base / "month.csv", since=MONDAY - 31 * DAY, until=SEVEN))
        publish(app, send=False)
        for odds in (Status.UP, Status.DOWN, Status.DOWN):
            tick(app, seen(app, "odds_api", odds), seen(app, "scores_api"))
            clock.advance(300)
        clock.advance(-270)
        with serving(AuthMiddleware(Starlette(routes=routes(app)), doorkeeper(app, host="127.0.0.1", port=0))) as url:
            yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--font-render-hinting=none"]
        )
        yield opened
        opened.close()


def picture(browser: Browser, url: str, width: int) -> Image:
    """The whole page at a quarter of its size."""
    from PIL import Image

    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="light", reduced_motion="reduce")
    page.goto(url)
    page.wait_for_load_state("load")
    shot = Image.open(io.BytesIO(page.screenshot(full_page=True, animations="disabled"))).convert("L")
    page.close()
    return shot.resize((shot.width // SCALE, shot.height // SCALE), Image.Resampling.BOX)


def differing(one: Image, other: Image) -> float:
    """The share of blocks that do not look alike."""
    from PIL import Image, ImageChops

    size = (one.width // BLOCK, min(one.height, other.height) // BLOCK)
    box = (0, 0, size[0] * BLOCK, size[1] * BLOCK)
    blocks = [picture.crop(box).resize(size, Image.Resampling.BOX) for picture in (one, other)]
    levels = ImageChops.difference(*blocks).histogram()
    return sum(levels[MOST_OF_A_BLOCK:]) / sum(levels)


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_looks_as_it_did(
    night: str, browser: Browser, pytestconfig: pytest.Config, name: str, width: int
) -> None:
    from PIL import Image

    taken, golden = picture(browser, night + PAGES[name], width), GOLDEN / f"{name}-{width}.png"
    if pytestconfig.getoption("--update-golden"):
        golden.parent.mkdir(exist_ok=True)
        taken.quantize(16).save(golden, optimize=True)
    known = Image.open(golden).convert("L")
    assert taken.width == known.width
    assert abs(taken.height - known.height) <= OTHER_HEIGHT * known.height + 1, "the page has another length"
    assert differing(taken, known) <= MOST_BLOCKS
