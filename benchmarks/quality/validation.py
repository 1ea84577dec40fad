"""CPU per validation through GX against plain pandas in the same run, and whether memory stays flat.

    python benchmarks/quality/validation.py [--rows 1000 100000 1000000] [--checks 10 30] [--repeats 500]

CPU seconds (user + system, all threads), the median of five. `pandas` counts the same unexpected cells with one
expression per check: the floor, without a suite, errors per check or a score.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from busta_health_dagster.quality.loader import parse_suite
from busta_health_dagster.quality.runner import GxRunner

NOW = datetime(2026, 11, 23, tzinfo=UTC)
KINDS = ("null", "between", "set", "regex", "length")


def table(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    data: dict[str, object] = {"id": np.arange(rows)}
    for i in range(6):
        data[f"n{i}"] = np.where(rng.random(rows) < 0.01, np.nan, rng.normal(size=rows))
        data[f"t{i}"] = rng.choice(["home", "away", "draw", "Over 9"], rows)
    return pd.DataFrame(data)


def suite(checks: int):
    written = []
    for i in range(checks):
        kind, n = KINDS[i % 5], i // 5 % 6
        number, text = {"column": f"n{n}"}, {"column": f"t{n}"}
        written.append(
            {
                "null": ("expect_column_values_to_not_be_null", number),
                "between": ("expect_column_values_to_be_between", {**number, "min_value": -3, "max_value": 3}),
                "set": ("expect_column_values_to_be_in_set", {**text, "value_set": ["home", "away", "draw"]}),
                "regex": ("expect_column_values_to_match_regex", {**text, "regex": "^[a-z]+$"}),
                "length": ("expect_column_value_lengths_to_be_between", {**text, "min_value": 2, "max_value": 5}),
            }[kind]
        )
    nulls = [("expect_column_values_to_not_be_null", {"column": f"t{n}"}) for n in range((checks + 4) // 5)]
    entries = [
        {"type": t, "kwargs": k, "meta": {"id": f"c{i}", "severity": "WARNING"}}
        for i, (t, k) in enumerate([*written, *nulls])
    ]
    return parse_suite({"name": f"bench{checks}", "expectations": entries}, "bench")


def by_hand(frame: pd.DataFrame, bench) -> list[int]:
    counts = []
    for check in bench.checks:
        column = frame[check.kwargs["column"]]
        known = column.dropna()
        if "null" in check.type:
            counts.append(int(column.isna().sum()))
        elif "to_be_between" in check.type and "lengths" not in check.type:
            counts.append(int((~known.between(-3, 3)).sum()))
        elif "set" in check.type:
            counts.append(int((~known.isin(check.kwargs["value_set"])).sum()))
        elif "regex" in check.type:
            counts.append(int((~known.str.contains("^[a-z]+$")).sum()))
        else:
            counts.append(int((~known.str.len().between(2, 5)).sum()))
    return counts


def cpu(work, times: int = 5) -> float:
    spent = []
    for _ in range(times):
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)
    return statistics.median(spent)


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4 / 1024


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, nargs="*", default=[1_000, 100_000, 1_000_000])
    options.add_argument("--checks", type=int, nargs="*", default=[10, 30])
    options.add_argument("--repeats", type=int, default=500, help="validations of the memory run; 0 leaves it out")
    chosen = options.parse_args()
    started = time.process_time()
    runner = GxRunner()
    runner.validate("warm", suite(5), table(10), NOW)
    print(f"import GX, first validation: {time.process_time() - started:.1f} CPU s, {resident_mb():.0f} MB resident\n")
    print(f"{'rows':>9} {'checks':>7} {'GX CPU s':>10} {'pandas CPU s':>13} {'ratio':>7} {'ms per check':>13}")
    for rows in chosen.rows:
        frame = table(rows)
        for checks in chosen.checks:
            bench = suite(checks)
            found = {c.id: c.unexpected for c in runner.validate("bench", bench, frame, NOW).score.checks}
            if [found[c.id] for c in bench.checks] != by_hand(frame, bench):
                raise SystemExit("GX and pandas disagree: the numbers would mean nothing")
            ours = cpu(lambda b=bench, f=frame: runner.validate("bench", b, f, NOW))
            floor = cpu(lambda b=bench, f=frame: by_hand(f, b))
            each = 1000 * ours / len(bench.checks)
            print(f"{rows:>9} {len(bench.checks):>7} {ours:>10.3f} {floor:>13.4f} {ours / floor:>7.1f} {each:>13.2f}")
    if chosen.repeats:
        flat(runner, chosen.repeats)


def flat(runner: GxRunner, repeats: int) -> None:
    bench = suite(10)
    print(f"\nresident memory over {repeats} validations of 1,000 rows on 5 sources")
    for n in range(repeats + 1):
        runner.validate(f"source{n % 5}", bench, table(1_000), NOW)
        if n % max(1, repeats // 5) == 0:
            gc.collect()
            print(f"  after {n:>4}: {resident_mb():.1f} MB")


if __name__ == "__main__":
    main()
