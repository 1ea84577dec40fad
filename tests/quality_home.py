"""A home whose sources are files of our own making, and a clock that is moved by hand."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.pipeline.observing.observe import observe
from busta_health_dagster.pipeline.quality.quality_pass import QualityRun, run_quality
from busta_health_dagster.testing import FakeClock

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.app.app import App

ROOT = Path(__file__).parents[1]
ALERTS = """\
version: 1
rules: [{name: low-quality, metric: quality, op: "<", value: 90%, for: 2, severity: warning}]
channels: [{name: log, kind: file, path: "notifications.jsonl"}]
escalations: [{name: default, steps: [{after: 0m, severity: warning, notify: [log]}]}]
routes: [{select: {}, escalation: default}]
"""
SUITE = {
    "name": "plays",
    "expectations": [
        {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": column, "mostly": 0.95},
            "meta": {"id": f"{column}.not_null", "severity": "ERROR", "mostly": 0.95, "why": f"no {column}"},
        }
        for column in ("game_id", "player")
    ],
    "meta": {"keys": ["game_id"], "public": []},
}


@dataclass
class QualityHome:
    """`rows` per source name lie in `<name>.jsonl`; `quality` is the text of its quality key."""

    root: Path
    clock: FakeClock
    app: App

    def write(self, name: str, rows: list[dict[str, Any]]) -> None:
        path = self.root / "data" / f"{name}.jsonl"
        path.write_text("".join(json.dumps(r) + "\n" for r in rows))

    def remove(self, name: str) -> None:
        (self.root / "data" / f"{name}.jsonl").unlink()

    def look(self, *, hours: float = 1.0) -> None:
        """Let time pass, then take the scheduled looks."""
        self.clock.advance(hours * 3600)
        observe(self.app)

    def score(self, *names: str, force: bool = False, **more: Any) -> QualityRun:
        return run_quality(self.app, names or None, force=force, **more)

    def scores(self, run: QualityRun) -> dict[str, float | None]:
        return {o.scored.source: o.scored.score.score for o in run.outcomes}


def plays(n: int = 100, *, nameless: int = 0) -> list[dict[str, Any]]:
    return [{"game_id": i, "player": None if i < nameless else f"Player {i}", "yards": i % 9} for i in range(n)]


def open_home(root: Path, **quality: str) -> QualityHome:
    """One source per keyword, each with 100 good rows."""
    (root / "config").mkdir()
    (root / "data").mkdir()
    shutil.copytree(ROOT / "expectations", root / "expectations")
    (root / "expectations" / "plays.json").write_text(json.dumps(SUITE))
    lines = [
        f'  - {{name: {name}, type: stats, probe: file, path: "{root}/data/{name}.jsonl", confirm: 0, quality: {spec}}}'
        for name, spec in quality.items()
    ]
    (root / "config" / "sources.yaml").write_text("version: 1\nsources:\n" + "\n".join(lines) + "\n")
    (root / "config" / "alerts.yaml").write_text(ALERTS)
    clock = FakeClock(floor_to(1_795_420_800, 3600) + 5)
    app = bootstrap.open_app(home=root / "home", config_dir=root / "config", environ={}, create_store=True, clock=clock)
    home = QualityHome(root, clock, app)
    for name in quality:
        home.write(name, plays())
    return home
