"""CPU of 1,000 HTTP checks (2 KB of JSON, assertions, a pattern, four custom metrics) against a bare aiohttp loop, in the same run.

    python benchmarks/probing/cpu.py [--checks 1000] [--rounds 7] [--profile]

Rounds alternate, medians of CPU seconds of this process are compared. Target: at most 1.5 times the bare loop.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from busta_health_dagster.domain.source import Source
from busta_health_dagster.probes import ProbeLimits, registry
from busta_health_dagster.probes.http_config import HttpConfig
from busta_health_dagster.probes.prober import Prober
from busta_health_dagster.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_AT_ONCE = 100
TARGET = 1.5
METRICS = {
    "distinct_books": {"path": "$[*].bookmakers[*].key", "agg": "distinct"},
    "books_per_game": {"path": "$[*].bookmakers[*]", "agg": "count", "per": "items"},
    "best_price": {"path": "$[*].bookmakers[*].price", "agg": "max"},
    "oldest_book_s": {"path": "$[*].bookmakers[*].last_update", "agg": "oldest_age"},
}


async def bare(url: str, checks: int) -> None:
    """What anybody would write: a session, new connections, the body read, the status checked."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(session: aiohttp.ClientSession) -> None:
        async with gate, session.get(url) as response:
            body = await response.read()
            assert response.status == 200
            assert body

    connector = aiohttp.TCPConnector(force_close=True, limit=_AT_ONCE)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=10)) as session:
        await asyncio.gather(*(one(session) for _ in range(checks)))


def sources(url: str, checks: int) -> list[tuple[Source, int]]:
    config = HttpConfig.model_validate(
        {
            "url": url,
            "items": "$[*]",
            "expect": {
                "status": [200],
                "min_items": 1,
                "headers": [{"name": "Content-Type", "matches": "json"}],
                "regex": [r'"id": "game-\d+"'],
                "json": [{"path": "$[*].bookmakers[*].key", "min_items": 3, "severity": "warning"}],
            },
            "data_age": {"path": "$[*].bookmakers[*].last_update"},
            "metrics": METRICS,
        }
    )
    names = (f"source_{n:04d}" for n in range(checks))
    like = Source(
        "odds",
        "odds",
        "http",
        config,
        concurrency_per_host=_AT_ONCE,
        allow_private=True,
        metrics=config.custom_metrics,
    )
    return [(replace(like, name=name), 0) for name in names]


async def ours(pairs: list[tuple[Source, int]]) -> None:
    prober = Prober(
        registry(),
        secret=str,
        clock=FakeClock(),
        heartbeats=lambda _name: None,
        limits=ProbeLimits(concurrency=_AT_ONCE),
    )
    seen = await prober.check(pairs)
    assert all(o.status.word == "up" and o.items == 6 for o in seen), seen[0]


def cpu_of(work: Callable[[], Coroutine[None, None, None]]) -> float:
    started = time.process_time()
    asyncio.run(work())
    return time.process_time() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--profile", action="store_true", help="print where our CPU goes instead")
    options = parser.parse_args()
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("server.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        port, size = server.stdout.readline().split()
        url = f"http://127.0.0.1:{port}/odds"
        pairs = sources(url, options.checks)
        cpu_of(lambda: bare(url, 200))
        cpu_of(lambda: ours(pairs[:200]))
        if options.profile:
            with cProfile.Profile() as profile:
                asyncio.run(ours(pairs))
            pstats.Stats(profile).sort_stats("tottime").print_stats(35)
            server.communicate()
            return 0
        rounds = [
            (cpu_of(lambda: bare(url, options.checks)), cpu_of(lambda: ours(pairs))) for _ in range(options.rounds)
        ]
        server.communicate()
    theirs, mine = (statistics.median(r[i] for r in rounds) for i in (0, 1))
    ratio = statistics.median(m / t for t, m in rounds)
    print(f"CPU per {options.checks:,} HTTP checks, {size} bytes of JSON, new connections, {options.rounds} rounds")
    print(f"  bare aiohttp loop      {theirs:.3f} s")
    print(f"  busta_health_dagster   {mine:.3f} s")
    print(
        f"  ratio                  {ratio:.2f}     target: at most {TARGET}   {'met' if ratio <= TARGET else 'MISSED'}"
    )
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
