"""Replay speed: 30 days of 100 sources through the default rules (anomaly off). Target: under 60 s; of `--suggest` on 50
sources: under 30 s.

    python -m benchmarks.backtest [--sources 100] [--days 30] [--suggest]

Prints seconds of CPU and of wall time for reading the store and replaying it, and microseconds per observation.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.clock import SystemClock
from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.pipeline.backtest.backtest import stored_run, tried
from busta_health_dagster.pipeline.backtest.noise_summary import summarize_noise
from busta_health_dagster.pipeline.backtest.suggestions import suggest

SLOT_S = 300
CONFIG = Path(__file__).parent.parent / "config"


class Fixed(SystemClock):
    """The end of the history is now."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> float:
        return float(self.at)


def history(names: list[str], first: int, days: int) -> list[list[Observation]]:
    """A day per list: 0.05% of the observations begin an outage of 1 to 12 slots (four a month and source), 0.2% are slow."""
    rng = random.Random(7)
    down = dict.fromkeys(names, 0)
    out = []
    for day in range(days):
        some = []
        for slot in range(first + day * 86400, first + (day + 1) * 86400, SLOT_S):
            for name in names:
                if not down[name] and rng.random() < 0.0005:
                    down[name] = rng.randint(1, 12)
                if down[name]:
                    down[name] -= 1
                    some.append(Observation(name, slot, slot + 2, Status.DOWN, "timeout"))
                    continue
                ms = rng.gauss(300, 40) if rng.random() > 0.002 else rng.uniform(4000, 7000)
                some.append(
                    Observation(
                        name, slot, slot + 2, Status.UP, response_ms=ms, items=120, data_age_s=90.0, quality=97.0
                    )
                )
        out.append(some)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=100)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--suggest", action="store_true", help="other limits for every rule, too")
    asked = parser.parse_args()
    names = [f"source_{n:03d}" for n in range(asked.sources)]
    until = 1_795_420_200 // 86400 * 86400
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        config.mkdir()
        (config / "alerts.yaml").write_text((CONFIG / "alerts.yaml").read_text())
        entries = "\n".join(
            f"  - {{name: {n}, type: api, probe: tcp, host: h.example.com, port: 1, max_data_age: 1h}}" for n in names
        )
        (config / "sources.yaml").write_text(f"version: 1\nsources:\n{entries}\n")
        app = bootstrap.open_app(
            home=Path(folder), config_dir=config, environ={}, create_store=True, clock=Fixed(until)
        )
        for day in history(names, until - asked.days * 86400, asked.days):
            with app.store.write() as uow:
                uow.observations.add(day)
        rules = tried([r for r in app.config.rules if r.name != "anomaly"], include_shadow=False)
        wall, cpu = time.perf_counter(), time.process_time()
        run = stored_run(app, rules, app.config.policy, since_s=asked.days * 86400, again=asked.suggest)
        counted = Counter[str]()
        noise = summarize_noise(
            run, lambda _n, _t: None, lambda changes: counted.update(events=len(changes.transitions))
        )
        if asked.suggest:
            counted["suggestions"] = sum(one.changes for one in suggest(run, noise, 0.2, "type"))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        observations = asked.sources * asked.days * 288
        each = f"{1e6 * cpu / observations:.1f} us per observation"
        print(f"{observations:,} observations, {dict(counted)}: {cpu:.1f} CPU s, {wall:.1f} s wall, {each}")
        app.close()


if __name__ == "__main__":
    main()
