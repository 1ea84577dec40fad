"""How long the gate takes to answer over REST, with 1,000 sources in the store: the target is 20 ms at p95.

    python -m benchmarks.gate [--sources 1000] [--requests 500] [--databases sqlite,postgres]

One day of observations; one client that asks for three sources at a time, while nothing else runs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import requests

from benchmarks.store.reads import postgres
from benchmarks.tables import Figure, show
from benchmarks.web import web_process

TARGET_MS = 20.0
PER_SECOND = 40
"""Below what the door lets one caller ask."""


def ask(url: str, sources: int, count: int) -> list[float]:
    """Milliseconds of each request."""
    took = []
    with requests.Session() as session:
        for n in range(count):
            names = ",".join(f"source_{(n * 7 + k) % sources:05}" for k in range(3))
            begun = time.perf_counter()
            answer = session.get(f"{url}/api/v1/gate", params={"sources": names}, timeout=30)
            took.append((time.perf_counter() - begun) * 1000)
            time.sleep(max(0.0, 1 / PER_SECOND - took[-1] / 1000))
            assert answer.status_code in {200, 409}, answer.text[:300]
    return took


def measure(sources: int, requests_: int, database: str) -> list[Figure]:
    with web_process(sources) as server:
        took = ask(server.url, sources, requests_)
    p50, p95 = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    what = f"GET /api/v1/gate, {sources:,} sources, {database}"
    return [
        Figure(f"{what}, p50", f"{p50:.1f} ms", ""),
        Figure(f"{what}, p95", f"{p95:.1f} ms", f"at most {TARGET_MS:.0f} ms", p95 <= TARGET_MS),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--databases", default="sqlite,postgres")
    args = parser.parse_args()
    figures = []
    for database in args.databases.split(","):
        with ExitStack() as stack:
            if database == "postgres":
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="busta-pg-")))
                os.environ["BUSTA_DATABASE_URL"] = stack.enter_context(postgres(folder))
                stack.callback(os.environ.pop, "BUSTA_DATABASE_URL")
            figures += measure(args.sources, args.requests, database)
    show(f"the gate, {args.requests} requests", figures)


if __name__ == "__main__":
    main()
