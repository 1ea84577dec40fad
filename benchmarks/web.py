"""The web process with 1,000 sources: /metrics, the page and its first paint, REST; then 50 viewers on the live stream.

    python -m benchmarks.web [--sources 1000] [--viewers 50] [--seconds 60]

One day of observations, SQLite. The viewers' soak of ten minutes is `--seconds 600`.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import shutil
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from benchmarks.store.reads import DAY, START, fill
from benchmarks.tables import Figure, show

NOW = START + DAY + 20
ALERTS = Path(__file__).parents[1] / "config" / "alerts.yaml"


def home_of(folder: Path, sources: int) -> Path:
    config = folder / "config"
    config.mkdir(parents=True)
    lines = ["version: 1", "sources:"]
    lines += [
        f'  - {{name: source_{n:05}, type: odds, probe: http, url: "http://127.0.0.1:9/{n}", allow_private: true}}'
        for n in range(sources)
    ]
    (config / "sources.yaml").write_text("\n".join(lines) + "\n")
    (config / "alerts.yaml").write_text(ALERTS.read_text())
    return folder


def open_app(folder: Path):
    from busta_health_dagster import bootstrap
    from busta_health_dagster.testing import FakeClock

    environ = {name: os.environ[name] for name in ("BUSTA_DATABASE_URL",) if name in os.environ}
    return bootstrap.open_app(home=folder, environ=environ, create_store=True, clock=FakeClock(NOW))


def serve(folder: Path, port: int) -> None:
    """In a process of its own, so that its memory is its own."""
    import uvicorn
    from starlette.applications import Starlette

    from busta_health_dagster.garbage import collect_rarely
    from busta_health_dagster.web.auth_middleware import AuthMiddleware
    from busta_health_dagster.web.routes import routes
    from busta_health_dagster.web.serve import doorkeeper

    collect_rarely()
    with open_app(folder) as app:
        door = AuthMiddleware(Starlette(routes=routes(app)), doorkeeper(app, host="127.0.0.1", port=port))
        uvicorn.run(door, host="127.0.0.1", port=port, log_level="error", timeout_graceful_shutdown=1)


def prepare(folder: Path, sources: int, start: int = START) -> None:
    from busta_health_dagster.pipeline.app.freshness import LAST_TICK

    with open_app(home_of(folder, sources)) as app:
        fill(app.store, sources, 1, start)
        end = start + DAY + 20
        with app.store.write() as uow:
            uow.meta.put(LAST_TICK, {"started_at": end - 12, "at": end - 10, "duration_s": 2.0})
            uow.counters.add({f'busta_checks_total{{source="source_{n:05}",result="up"}}': 288 for n in range(sources)})


def memory_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def median_ms(url: str, pid: int, repeat: int = 7) -> tuple[float, float, int]:
    """Median wall and mean CPU of the server per answer, and its size in bytes."""
    with requests.Session() as client:
        size = len(client.get(url, timeout=60).content)
        walls, before = [], cpu_ms(pid)
        for _ in range(repeat):
            began = time.perf_counter()
            answer = client.get(url, timeout=60)
            walls.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, answer.text[:300]
    return statistics.median(walls), (cpu_ms(pid) - before) / repeat, size


def first_paint_ms(url: str) -> float | None:
    """Chromium's own `first-contentful-paint`, median of three; None without a Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return None
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(3):
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            page.goto(url, wait_until="load", timeout=60_000)
            page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
            found.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            page.context.close()
        browser.close()
    return statistics.median(found)


async def soak(folder: Path, url: str, pid: int, viewers: int, seconds: int) -> tuple[list[float], int, int]:
    """-> (memory every few seconds, messages written, messages that arrived)."""
    import aiohttp

    arrived = 0

    async def view(session: aiohttp.ClientSession) -> None:
        nonlocal arrived
        async with session.get(f"{url}/api/v1/events") as stream:
            async for line in stream.content:
                arrived += line.startswith(b"id:")

    written, memory = 0, []
    timeout = aiohttp.ClientTimeout(total=None)
    with open_app(folder) as app:
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            tasks = [asyncio.create_task(view(session)) for _ in range(viewers)]
            await asyncio.sleep(3)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                with app.store.write() as uow:
                    for n in range(5):
                        uow.events.append("source", {"source": f"source_{n:05}", "status": "down"}, NOW)
                written += 5
                memory.append(memory_mb(pid))
                await asyncio.sleep(2)
            await asyncio.sleep(2.5)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return memory, written, arrived


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=1000)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=60)
    args = parser.parse_args()
    with web_process(args.sources) as server:
        url = server.url
        figures = []
        for what, path, limit in (
            ("/metrics", "/metrics", 200),
            ("/source-health", "/source-health", None),
            ("REST sources, all", "/api/v1/sources?limit=1000", None),
        ):
            wall, cpu, size = median_ms(url + path, server.pid)
            target = f"at most {limit} ms" if limit else ""
            figures.append(
                Figure(
                    f"{what}, {args.sources:,} sources",
                    f"{wall:.0f} ms ({cpu:.0f} ms CPU), {size // 1024} kB",
                    target,
                    wall <= limit if limit else None,
                )
            )
        paint = first_paint_ms(f"{url}/source-health")
        if paint is not None:
            figures.append(Figure("first contentful paint", f"{paint:.0f} ms", "under 1000 ms", paint < 1000))
        memory, written, arrived = asyncio.run(soak(server.home, url, server.pid, args.viewers, args.seconds))
        early, late = (
            statistics.median(memory[: len(memory) // 3]),
            statistics.median(memory[-(len(memory) // 3) :]),
        )
        figures.append(
            Figure(
                f"{args.viewers} viewers for {args.seconds} s, resident memory",
                f"{early:.1f} -> {late:.1f} MB",
                "flat (5%)",
                late <= early * 1.05,
            )
        )
        figures.append(
            Figure(
                "messages that arrived",
                f"{arrived:,} of {written * args.viewers:,}",
                "all",
                arrived == written * args.viewers,
            )
        )
    show("The web process", figures)


@dataclass(frozen=True, slots=True)
class WebProcess:
    url: str
    pid: int
    home: Path


@contextmanager
def web_process(sources: int) -> Iterator[WebProcess]:
    """The web process over a home with a day of `sources`, on a free port, until the block ends."""
    with tempfile.TemporaryDirectory() as base, socket.socket() as free:
        folder = Path(base) / "home"
        prepare(folder, sources)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(folder, port), daemon=True)
        server.start()
        try:
            wait_for(f"http://127.0.0.1:{port}/livez")
            yield WebProcess(f"http://127.0.0.1:{port}", server.pid or 0, folder)
        finally:
            server.terminate()
            server.join(10)


def wait_for(url: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            requests.get(url, timeout=5).raise_for_status()
        except requests.ConnectionError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


if __name__ == "__main__":
    main()
