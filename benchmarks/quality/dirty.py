"""Suites drafted from clean tables, scored on dirty ones. Needs ../shared/data/dirty (`<table>/clean.csv`,
`<table>/dirty.csv`).

    python benchmarks/quality/dirty.py [FOLDER]

Per table: the score with 0 to 100% of the dirty rows mixed in, and the cell precision and recall of the failing
checks. A draft is scored as it comes: the review only would make it stricter.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import made_up
import numpy as np
import pandas as pd

from busta_health_dagster.quality.derive import derive
from busta_health_dagster.quality.frame import read_table
from busta_health_dagster.quality.loader import parse_suite
from busta_health_dagster.quality.runner import GxRunner
from busta_health_dagster.quality.suggest import suggest

SHARES = (0, 10, 25, 50, 75, 100)
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def main(folder: Path) -> int:
    runner = GxRunner()
    failed = 0
    for make in (made_up.people, made_up.clinics, made_up.articles):
        clean = make()
        for rate in (0.04, 0.1):
            failed += not report(
                runner, f"made-up {make.__name__}, {rate:.0%} of cells", clean, made_up.soil(clean, rate)
            )
        held_out(runner, make.__name__, clean)
    if not folder.is_dir():
        print(f"no {folder}: made-up tables only")
        return failed
    for table in sorted(p for p in folder.iterdir() if (p / "clean.csv").is_file()):
        clean, dirty = read_table(table / "clean.csv").frame, read_table(table / "dirty.csv").frame
        dirty.columns = clean.columns
        failed += not report(runner, table.name, clean, dirty)
        held_out(runner, table.name, clean)
    return failed


def report(runner: GxRunner, name: str, clean: pd.DataFrame, dirty: pd.DataFrame) -> bool:
    started = time.process_time()
    suite = parse_suite(suggest(clean, name, NOW), f"draft of {name}")
    drafted = time.process_time() - started
    order = np.random.default_rng(7).permutation(len(clean))
    scores, raws = [], []
    started = time.process_time()
    for share in SHARES:
        mixed = clean.copy()
        rows = order[: len(clean) * share // 100]
        mixed.iloc[rows] = dirty.iloc[rows]
        verdict = runner.validate(name, suite, mixed, NOW).score
        scores.append(verdict.score)
        raws.append(round(verdict.raw or 0, 2))
    scoring = (time.process_time() - started) / len(SHARES)
    falling = all(a > b for a, b in pairwise(scores))
    print(
        f"\n{name}: {len(clean)} rows, {len(suite.checks)} checks; "
        f"drafted in {drafted:.1f} CPU s, one score {scoring:.2f} CPU s"
    )
    print("  dirt %   " + "".join(f"{s:>8}" for s in SHARES))
    print(
        "  score    "
        + "".join(f"{s:>8}" for s in scores)
        + f"   strictly falling: {falling}; dirty below 90: {scores[-1] < 90}"
    )
    print("  raw      " + "".join(f"{s:>8}" for s in raws))
    print("  dimensions of dirty: " + ", ".join(f"{d} {v:.1f}" for d, v in verdict.dimensions.items()))
    cells(runner, name, suite, clean, dirty)
    return falling and scores[-1] < 90


def held_out(runner: GxRunner, name: str, clean: pd.DataFrame) -> None:
    """A draft from one random half, scored on the other half: what a good new delivery would get."""
    order = np.random.default_rng(5).permutation(len(clean))
    half = len(clean) // 2
    suite = parse_suite(suggest(clean.iloc[order[:half]].reset_index(drop=True), name, NOW), name)
    verdict = runner.validate(f"{name} half", suite, clean.iloc[order[half:]].reset_index(drop=True), NOW).score
    worst = ", ".join(f"{c.id} {c.unexpected}" for c in verdict.failing[:6]) or "nothing failed"
    print(f"  clean half never seen: {verdict.score} ({worst})")


def cells(runner, name, suite, clean, dirty) -> None:
    frame = derive(dirty, suite, NOW)
    real = (clean != dirty) & ~(clean.isna() & dirty.isna())
    flagged = pd.DataFrame(False, index=clean.index, columns=clean.columns)
    for check_id, rows in runner.locate(name, suite, frame, suite.checks).items():
        column = suite.check(check_id).column
        if column in flagged.columns:
            flagged.loc[rows, column] = True
    hits = int((flagged & real).sum().sum())
    total, wrong = int(flagged.sum().sum()), int(real.sum().sum())
    print(
        f"  cells: {wrong} wrong, {total} flagged, precision {hits / max(total, 1):.3f}, "
        f"recall {hits / max(wrong, 1):.3f}"
    )
    for column in clean.columns:
        if real[column].any() or flagged[column].any():
            hit = int((flagged[column] & real[column]).sum())
            print(
                f"    {column:<22} wrong {int(real[column].sum()):>5}  "
                f"flagged {int(flagged[column].sum()):>5}  right {hit:>5}"
            )


if __name__ == "__main__":
    default = Path(__file__).resolve().parents[3] / "shared" / "data" / "dirty"
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else default))
