"""How much Dagster's own storage grows in a day, SQLite: 12 and 100 sources, with and without somebody who reads them.

    python -m benchmarks.dagster_bytes [--ticks 24]

Real runs of `health_tick` on a virtual clock, one every five minutes; every source brings new data at each of them. With
readers each source feeds an asset, so that every version of the data is materialized. The first ticks, which tell
Dagster of every source, are not counted. Sensor ticks are not in it: they are purged after a day.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from unittest import mock

from benchmarks.tables import Figure, show

DAY_TICKS = 288
MOST_MB = 60.0
"""targets.md, for 12 sources."""


def growth_mb(sources: int, ticks: int, *, read: bool) -> float:
    """Megabytes in a day, from so many ticks."""
    from dagster import DagsterInstance

    from busta_health_dagster import bootstrap
    from busta_health_dagster.defs.build import build
    from busta_health_dagster.domain.units import floor_to
    from busta_health_dagster.testing import FakeClock

    with tempfile.TemporaryDirectory() as base:
        folder = Path(base)
        files = _configure(folder, sources, read=read)
        clock = FakeClock(floor_to(time.time(), 300) + 1)
        environ = {"BUSTA_HOME": str(folder / "home"), "BUSTA_CONFIG_DIR": str(folder / "config")}
        with mock.patch.object(bootstrap, "SystemClock", return_value=clock), mock.patch.dict(os.environ):
            os.environ.pop("BUSTA_DATABASE_URL", None)
            os.environ |= bootstrap.prepare_home(home=None, config_dir=None, environ=environ)
            tick = build().resolve_job_def("health_tick")
            with DagsterInstance.get() as instance:
                before = 0
                for number in range(ticks + 3):
                    if number == 3:
                        before = _bytes(folder)
                    for file in files:
                        file.write_text(f"a\n{number}\n")
                        os.utime(file, (clock.now(), clock.now()))
                    assert tick.execute_in_process(instance=instance).success
                    clock.advance(300)
                return (_bytes(folder) - before) / ticks * DAY_TICKS / 1e6


def _configure(folder: Path, sources: int, *, read: bool) -> list[Path]:
    for name in ("config", "data"):
        (folder / name).mkdir()
    files = [folder / "data" / f"{n}.csv" for n in range(sources)]
    lines = ["version: 1", "sources:"]
    for n, file in enumerate(files):
        feeds = f", feeds: [models/m{n}]" if read else ""
        lines.append(f'  - {{name: source_{n:03}, type: stats, probe: file, path: "{file}", max_data_age: 1h{feeds}}}')
    (folder / "config" / "sources.yaml").write_text("\n".join(lines) + "\n")
    shipped = Path(__file__).parents[1] / "config" / "alerts.yaml"
    (folder / "config" / "alerts.yaml").write_text(shipped.read_text())
    return files


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "home" / "dagster").rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ticks", type=int, default=24)
    args = parser.parse_args()
    figures = []
    for sources in (12, 100):
        for read in (False, True):
            megabytes = growth_mb(sources, args.ticks, read=read)
            what = f"{sources} sources, {'each read by an asset' if read else 'no reader'}"
            bound = sources == 12
            target = f"under {MOST_MB:.0f} MB" if bound else ""
            figures.append(Figure(what, f"{megabytes:.1f} MB", target, megabytes < MOST_MB if bound else None))
    show(f"Dagster's storage in a day, from {args.ticks} ticks", figures)


if __name__ == "__main__":
    main()
