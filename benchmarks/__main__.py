"""`make bench`: every benchmark, one after the other. Each can be run alone: `python -m benchmarks.tick --help`."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

ALL = (
    "benchmarks.probing.cpu",
    "benchmarks.probing.neighbour",
    "benchmarks.tick",
    "benchmarks.store.reads",
    "benchmarks.quality.validation",
    "benchmarks.quality.dirty",
    "benchmarks.quality.large",
    "benchmarks.alerting",
    "benchmarks.delivery",
    "benchmarks.web",
    "benchmarks.fleet",
    "benchmarks.gate",
    "benchmarks.dagster_bytes",
    "benchmarks.backtest",
    "benchmarks.detection.run",
)


def main() -> int:
    failed = []
    for name in ALL:
        if importlib.util.find_spec(name) is None:
            continue
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", name], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
