"""Makes the pictures of the documents from a running demo, in a real Chromium: `python docs/pictures/make.py`.

make demo                                              # in another terminal; wait a few minutes, so that something fails
.venv/bin/python docs/pictures/make.py --url http://127.0.0.1:3000 --home .busta/demo
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

HERE = Path(__file__).parent
LARGEST = 300_000
PAGES = (
    # name, address, width, height, dark, the whole page
    ("overview", "/source-health?theme=light", 1440, 900, False, False),
    ("overview-dark", "/source-health?theme=dark", 1440, 900, True, False),
    ("wall", "/source-health?wall=1&theme=dark", 1920, 1080, True, False),
    ("mobile", "/source-health?theme=light", 390, 844, False, False),
    ("source", "/source-health/s/{source}?theme=light", 1280, 1200, False, False),
    ("dagster-fleet", "/assets/health/fleet", 1440, 900, False, False),
    ("dagster-lineage", "/asset-groups", 1440, 900, False, False),
    ("dagster-asset", "/assets/sources/{source}", 1440, 900, False, False),
    ("dagster-checks", "/assets/sources/{source}?view=checks&checkDetail=response_time", 1440, 900, False, False),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:3000")
    parser.add_argument("--home", type=Path, default=Path(".busta/demo"))
    parser.add_argument("--source", help="which source to show; the worst one when left out")
    parser.add_argument("--only", nargs="*", help="names of pictures")
    args = parser.parse_args()
    if not args.only or "watch" in args.only:
        watch(args.home)
    source = args.source or worst(args.home)
    browse(args.url, source, args.only)
    return 0


def worst(home: Path) -> str:
    """The source that has the most to show."""
    from busta_health_dagster import bootstrap
    from busta_health_dagster.pipeline.views.status import fleet_health

    with bootstrap.open_app(home=home, environ={}) as app:
        return fleet_health(app).rows[0].source


def watch(home: Path) -> None:
    """`busta sources health --watch` as an SVG, without the web font that Rich would load from elsewhere."""
    from rich.console import Console

    from busta_health_dagster import bootstrap
    from busta_health_dagster.cli.glyphs import UNICODE
    from busta_health_dagster.cli.health_view import render
    from busta_health_dagster.pipeline.facade import Monitor

    with Monitor(bootstrap.open_app(home=home, environ={}), "pictures") as monitor:
        fleet = monitor.fleet(bars=True)
    console = Console(record=True, width=140, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in render(fleet, width=140, height=40, letters=UNICODE, note="Ctrl-C stops."):
        console.print(line, soft_wrap=True)
    drawn = console.export_svg(title="busta sources health --watch", unique_id="watch")
    drawn = re.sub(r"@font-face\s*\{.*?\}", "", drawn, flags=re.DOTALL)
    drawn = drawn.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")
    (HERE / "watch.svg").write_text(re.sub(r"\n\s*\n+", "\n", drawn), encoding="utf-8")
    sys.stdout.write("watch.svg\n")


def browse(url: str, source: str, only: list[str] | None) -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, path, width, height, dark, whole in PAGES:
            if only and name not in only:
                continue
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
                timezone_id="UTC",
                is_mobile=name == "mobile",
            )
            page = context.new_page()
            page.goto(url + path.format(source=source), wait_until="load", timeout=90_000)
            settle(page, dagster=name.startswith("dagster"))
            target = HERE / f"{name}.png"
            page.screenshot(path=target, full_page=whole)
            shrink(target)
            size = target.stat().st_size
            sys.stdout.write(f"{target.name} {size // 1024} kB\n")
            if size > LARGEST:
                raise SystemExit(f"{target} is larger than {LARGEST // 1000} kB; show less of the page.")
            context.close()
        browser.close()


def shrink(path: Path) -> None:
    """As it is where that is small enough; with 256 colours, a third of the bytes, where it is not.

    Fewer colours cost what matters most: the few red words turn brown, or the tints of two states become one.
    """
    from PIL import Image

    with Image.open(path) as picture:
        whole = picture.convert("RGB")
    whole.save(path, optimize=True)
    if path.stat().st_size > LARGEST:
        whole.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def settle(page: Page, *, dagster: bool) -> None:
    """Until nothing moves: Dagster's UI asks the code location first."""
    if dagster:
        page.wait_for_selector("text=/sources|fleet|health_reports/", timeout=60_000)
        page.wait_for_timeout(6000)
        page.wait_for_selector("text=/fetching statuses/", state="detached", timeout=60_000)
        return
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(700)


if __name__ == "__main__":
    sys.exit(main())
