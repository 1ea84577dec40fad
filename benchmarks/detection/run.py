# ruff: noqa: E402, E501 - BLAS threads and the path are set before numpy is imported; printed lines are as long as they are
"""The whole detection benchmark: `python benchmarks/detection/run.py [--recordings DIR] [--data DIR] [--only PART ...]`.

Prints, beside the targets: recorded reality first (folders of observations with truth.json below --recordings or
BUSTA_RECORDINGS), the named synthetic set (DIR/sim of --data or BUSTA_DETECTION_DATA), the own generator's variations, the
curve of recall against false alarms over the dial, NAB (DIR/nab) with one fixed and with the optimised threshold, CPU per point,
bytes per series. What is not given is skipped with a line that says so.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

import numpy as np
import recordings
from generator import WEEK, generate, join
from replay import Fleet, load, replay, ticks
from scoring import Score, score
from worlds import VARIATIONS, Variation

from busta_health_dagster.engines.anomaly import learning
from busta_health_dagster.engines.anomaly.bank import DetectorBank, WatchedSource
from busta_health_dagster.engines.anomaly.series import score_series
from busta_health_dagster.engines.anomaly.thresholds import DetectorSettings
from busta_health_dagster.engines.anomaly.tick import Tick

NAB_FIXED = 1.0  # where a source would open an incident: the threshold a person would take without checking NAB
DIALS = (-2.0, -1.0, 0.0, 1.0, 2.0, 4.0)


def evaluated(fleet: Fleet, dial: float = 0.0, clean_weeks: int = 3) -> tuple[Score, object]:
    result = replay(fleet, DetectorSettings(dial=dial))
    step = fleet.sources[0].interval_s
    begin = int(fleet.slots[0]) + clean_weeks * WEEK
    return score(result.openings(), fleet.truth, len(fleet.sources), begin, int(fleet.slots[-1]) + step), result


def real(directory: Path | None) -> None:
    if directory is None or not directory.is_dir():
        print("recordings: skipped; name a directory with --recordings or BUSTA_RECORDINGS" + _gone(directory))
        return
    recordings.report(directory)


def _gone(directory: Path | None) -> str:
    return "" if directory is None else f" ({directory} is not there)"


def sim(data: Path | None) -> None:
    if data is None or not (data / "sim").is_dir():
        print("sim: skipped; name the directory that holds sim/ with --data or BUSTA_DETECTION_DATA" + _gone(data))
        return
    directory = data / "sim"
    found, result = evaluated(load(directory))
    print(f"\n== {directory} (checked while building: not an independent judgement)")
    print("   target: recall .97  on time .85  false/source-week .05  median delay 10 min")
    print("  ", found.line())
    print("  ", {k: f"{a}/{b}" for k, (a, b) in sorted(found.kinds.items())})
    print(
        f"   {result.cpu_s:.1f} CPU s, {result.points:,} points, hot {result.hot_bytes / 3 / 1000:.2f} KB and cold {result.cold_bytes / 3 / 1000:.1f} KB per series (targets 4 and 80)"
    )


def one_variation(job: tuple[Variation, int, int, float]) -> tuple[str, Score]:
    variation, first, seeds, dial = job
    fleet = join([generate(variation, first + seed) for seed in range(seeds)])
    return variation.name, evaluated(fleet, dial, 0 if variation.cold else 3)[0]


def variations(first: int, seeds: int, workers: int) -> None:
    print(
        f"\n== own generator, seeds {first}-{first + seeds - 1}: 12 sources each, weeks 4-5 scored unless said otherwise"
    )
    print("   target: recall .85 at .07 where noise or magnitudes differ")
    with ProcessPoolExecutor(workers) as pool:
        for name, found in pool.map(one_variation, [(v, first, seeds, 0.0) for v in VARIATIONS]):
            print(f"   {name:32s}{found.line()}", flush=True)
            if name == "like sim":
                print("      ", {k: f"{a}/{b}" for k, (a, b) in sorted(found.kinds.items())})


def curve(first: int, seeds: int, workers: int) -> None:
    print("\n== the dial (added to every h), own generator")
    for variation in (VARIATIONS[0], VARIATIONS[1]):
        with ProcessPoolExecutor(workers) as pool:
            for dial, (_, found) in zip(
                DIALS, pool.map(one_variation, [(variation, first, seeds, d) for d in DIALS]), strict=True
            ):
                print(f"   {variation.name:20s} dial {dial:+.0f}  {found.line()}", flush=True)


def cost(n: int = 5000, own: int = 0) -> None:
    sources = [WatchedSource(f"s{i}", f"t{i % 12}", 300, 300.0) for i in range(n)]
    bank, rng = DetectorBank(sources), np.random.default_rng(1)
    used = []
    for k in range(60):
        tick = Tick.blank(n, 1_788_134_400 + 300 * k)
        tick.status[:] = 1
        tick.response_ms[:], tick.items[:] = rng.lognormal(5, 0.3, n), rng.poisson(200, n)
        tick.quality[:], tick.data_age_s[:] = 95 + rng.normal(0, 1, n), 200
        if own:
            tick.metrics.update({name: {f"m{i}": 100.0 + k % 7 for i in range(own)} for name in bank.names})
        begin = time.process_time()
        bank.step(tick)
        used.append(time.process_time() - begin)
    begin = time.process_time()
    blobs = bank.dump_hot()
    bank.load_hot(blobs)
    packing = time.process_time() - begin
    if own:
        step, size = float(np.median(used[20:])), len(next(iter(blobs.values())))
        print(
            f"   with {own} custom metrics each: step {step * 1e3:.0f} ms = {step / ((3 + own) * n) * 1e6:.2f} us per point, {size / (3 + own) / 1000:.2f} KB per series"
        )
        return
    fleet = generate(Variation(weeks=4, events_per_week=0.0), 5)
    small = DetectorBank(fleet.sources, keep_cold=True)
    for tick in ticks(fleet):
        small.step(tick)
    begin = time.process_time()
    for row, name in enumerate(small.names):
        learning.refit(small.rows, row, small._cold[name], small.members(small.sources[row].type))
    refit = (time.process_time() - begin) / len(small.names)
    step = float(np.median(used[20:]))
    print(f"\n== cost, {n} sources x 3 series in one tick (target 10 us per point)")
    print(
        f"   step {step * 1e3:.0f} ms = {step / (3 * n) * 1e6:.2f} us per point; weekly refit {refit * 1e3:.0f} ms per source = {refit / (2016 * 3) * 1e6:.2f} us per point"
    )
    print(
        f"   hot state to bytes and back {packing * 1e3:.0f} ms, {len(next(iter(blobs.values()))) / 3000:.2f} KB per series"
    )


def _one_series(job: tuple[Path, Path]) -> tuple[int, float]:
    source, target = job
    with source.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    stamps = [int(datetime.fromisoformat(r["timestamp"]).replace(tzinfo=UTC).timestamp()) for r in rows]
    begin = time.process_time()
    scores = score_series(stamps, [float(r["value"]) for r in rows])
    used = time.process_time() - begin
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(["timestamp", "value", "anomaly_score"])
        out.writerows((r["timestamp"], r["value"], f"{s:.9g}") for r, s in zip(rows, scores, strict=True))
    return len(rows), used


def nab(data: Path | None, tool: Path | None, workers: int) -> None:
    if data is None or tool is None or not (data / "nab").is_dir() or not tool.exists():
        print(
            "nab: skipped; name the directory that holds nab/ with --data and the scorer with --nab-scorer"
            + _gone(data)
        )
        return
    directory = data / "nab"
    with tempfile.TemporaryDirectory() as place:
        files = sorted((directory / "data").glob("*/*.csv"))
        jobs = [(f, Path(place) / f.parent.name / f.name) for f in files]
        with ProcessPoolExecutor(workers) as pool:
            done = list(pool.map(_one_series, jobs))
        rows, used = sum(r for r, _ in done), sum(u for _, u in done)
        print(
            f"\n== NAB, {len(files)} series (a sanity check; the score's discount was chosen on these very series): {used / rows * 1e6:.0f} us per row, one series at a time"
        )
        names = directory / "list.txt"
        for extra, label in (([], "optimised"), (["--threshold", str(NAB_FIXED)], f"fixed at {NAB_FIXED}")):
            command = [
                sys.executable,
                str(tool),
                place,
                "--labels",
                str(directory / "combined_windows.json"),
                "--list",
                str(names),
                *extra,
            ]
            out = subprocess.run(command, capture_output=True, text=True, check=False)
            print(f"   {label}:\n" + "\n".join("      " + line for line in (out.stdout or out.stderr).splitlines()))


def _path(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--recordings", type=Path, default=_path("BUSTA_RECORDINGS"))
    parser.add_argument("--data", type=Path, default=_path("BUSTA_DETECTION_DATA"))
    parser.add_argument("--nab-scorer", type=Path, default=_path("BUSTA_NAB_SCORER"))
    parser.add_argument("--only", choices=["real", "sim", "variations", "curve", "cost", "nab"], action="append")
    args = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # every line is progress, into a pipe too
    parts = {
        "real": lambda: real(args.recordings),
        "sim": lambda: sim(args.data),
        "cost": lambda: (cost(), cost(own=4)),
        "variations": lambda: variations(args.first_seed, args.seeds, args.workers),
        "curve": lambda: curve(args.first_seed, args.seeds, args.workers),
        "nab": lambda: nab(args.data, args.nab_scorer, args.workers),
    }
    for name, part in parts.items():
        if not args.only or name in args.only:
            begin = time.monotonic()
            print(f"\n-- {name} ...")
            part()
            print(f"   ({name}: {time.monotonic() - begin:.0f} s)")


if __name__ == "__main__":
    main()
