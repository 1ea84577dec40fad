"""How long a heavy source delays its neighbours: a 10 MB JSON body, and a feed of 3,000 entries.

    python -m benchmarks.probing.neighbour [--rounds 5]

Twenty light sources are observed all the time, alone and while the heavy one is. Reported are the longest response time of a
neighbour and the longest time for which our event loop stood still. Target: a neighbour is delayed by at most 100 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.source import Source
from busta_health_dagster.probes import ProbeLimits, registry
from busta_health_dagster.probes.feed import FEED
from busta_health_dagster.probes.http import HTTP
from busta_health_dagster.probes.prober import Prober
from busta_health_dagster.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET_MS = 100.0
NEIGHBOURS = 20
STEP_S = 0.002


def board() -> bytes:
    """10 MB of odds."""
    game = {"home": "Green Bay Packers", "away": "Chicago Bears", "at": "2026-11-23T18:00:00Z", "price": 1.91}
    return json.dumps([{"id": f"game-{n:06d}", **game} for n in range(84_000)]).encode()


def news() -> bytes:
    """3,000 entries of RSS."""
    entries = "".join(
        f"<item><title>Injury report {n}</title><link>https://news.example.com/{n}</link><guid>{n}</guid>"
        f"<pubDate>Mon, 23 Nov 2026 07:{n % 60:02}:00 GMT</pubDate><description>{'Questionable. ' * 20}</description></item>"
        for n in range(3000)
    )
    return f"<rss version='2.0'><channel><title>News</title>{entries}</channel></rss>".encode()


def small() -> bytes:
    return b'[{"id": 1}]'


BODIES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "/board": ("application/json", board),
    "/news": ("application/rss+xml", news),
    "/small": ("application/json", small),
}


async def _server(port_to: Any) -> None:
    """In a process of its own: what it costs is not ours."""
    kept = {path: (kind, make()) for path, (kind, make) in BODIES.items()}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        kind, body = kept[head.split(b" ")[1].decode()]
        top = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(top.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    port_to.send(server.sockets[0].getsockname()[1])
    await asyncio.get_running_loop().run_in_executor(None, _until_closed, port_to)


def _until_closed(pipe: Any) -> None:
    try:
        pipe.recv()
    except EOFError:
        return


def serve(port_to: Any) -> None:
    asyncio.run(_server(port_to))


@dataclass(frozen=True)
class Measured:
    """Milliseconds: the slowest answer of a neighbour, the longest standstill of our loop; and the heavy one's own time."""

    slowest: float
    standstill: float
    heavy: float


def source(name: str, kind: str, config: dict[str, Any]) -> Source:
    model = {"http": HTTP, "feed": FEED}[kind].config.model_validate(config)
    metrics = getattr(model, "custom_metrics", ())
    return Source(
        name, "odds", kind, model, timeout_s=30, allow_private=True, concurrency_per_host=100, metrics=metrics
    )


async def measured(prober: Prober, neighbours: list[Source], heavy: Source | None) -> Measured:
    """Neighbours in turn, until the heavy one is done (or for two seconds, where there is none)."""
    loop, standstill, slowest = asyncio.get_running_loop(), 0.0, 0.0
    over = asyncio.Event()

    async def lag() -> None:
        nonlocal standstill
        while not over.is_set():
            began = loop.time()
            await asyncio.sleep(STEP_S)
            standstill = max(standstill, loop.time() - began - STEP_S)

    async def light() -> None:
        nonlocal slowest
        while not over.is_set():
            for o in await prober.check([(one, 0) for one in neighbours]):
                assert o.status.word == "up", o
                slowest = max(slowest, o.response_ms or 0.0)

    tasks = [asyncio.create_task(lag()), asyncio.create_task(light())]
    began = time.perf_counter()
    if heavy is None:
        await asyncio.sleep(2)
    else:
        (seen,) = await prober.check([(heavy, 0)])
        assert seen.status.word == "up", seen
    took = time.perf_counter() - began
    over.set()
    await asyncio.gather(*tasks)
    return Measured(slowest, standstill * 1000, took * 1000)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    import multiprocessing

    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    child = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    child.start()
    at = f"http://127.0.0.1:{ours.recv()}"
    neighbours = [source(f"light_{n}", "http", {"url": f"{at}/small"}) for n in range(NEIGHBOURS)]
    price = {"best": {"path": "$[*].price", "agg": "max"}}
    heavies = {
        "alone": None,
        "beside 10 MB of JSON": source("board", "http", {"url": f"{at}/board", "items": "$[*]", "metrics": price}),
        "beside a feed of 3,000 entries": source("news", "feed", {"url": f"{at}/news"}),
    }
    prober = Prober(
        registry(),
        secret=str,
        clock=FakeClock(1_795_420_800.0),
        heartbeats=lambda _name: None,
        limits=ProbeLimits(concurrency=100),
    )
    found: dict[str, Measured] = {}
    for name, heavy in heavies.items():
        some = [asyncio.run(measured(prober, neighbours, heavy)) for _ in range(rounds + 1)][1:]
        found[name] = sorted(some, key=lambda m: m.slowest)[len(some) // 2]
    ours.close()
    child.terminate()
    child.join()
    base = found["alone"].slowest
    print(
        f"The slowest of {NEIGHBOURS} neighbours, median of {rounds} rounds; target: delayed by at most {TARGET_MS:g} ms"
    )
    missed = False
    for name, one in found.items():
        delay = max(0.0, one.slowest - base)
        missed |= delay > TARGET_MS
        print(
            f"  {name:<32} {one.slowest:7.1f} ms, delayed {delay:6.1f} ms, loop stood still {one.standstill:6.1f} ms, "
            f"the heavy one took {one.heavy:7.0f} ms"
        )
    print("  MISSED" if missed else "  met")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
