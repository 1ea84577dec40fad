"""A home with a small fleet of files, and a real Dagster instance on it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from dagster import DagsterInstance
from gate_stories import story  # noqa: F401  a fixture
from small_home import TOLD

from busta_health_dagster import bootstrap

SOURCES = """\
version: 1
sources:
  - {name: good_file, type: stats, probe: file, path: "%(data)s/good.csv", max_data_age: 26h, confirm: 0}
  - {name: gone_file, type: stats, probe: file, path: "%(data)s/gone.csv", max_data_age: 26h, confirm: 0}
  - {name: old_file, type: news, probe: file, path: "%(data)s/old.csv", max_data_age: 1h, confirm: 0}
"""
RULES = """\
version: 1
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
  - {name: slow-response, metric: response_ms, op: ">", value: 5s, for: 2, severity: warning}
  - {name: failure-rate, pattern: rate, metric: failed, op: ">", value: 5%%, over: 6h, min_bad: 4, severity: warning}
  - {name: stale-data, metric: data_age_s, op: ">", value: max_data_age, severity: warning}
"""
ALERTS = RULES + TOLD


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "good.csv").write_text("game_id,play\n1,run\n2,pass\n")
    (folder / "old.csv").write_text("a\n1\n")
    os.utime(folder / "old.csv", (1_700_000_000, 1_700_000_000))
    return folder


@pytest.fixture
def home(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A prepared home; the environment points at it, as it does in every process that `busta` starts."""
    config = tmp_path / "config"
    config.mkdir()
    (config / "sources.yaml").write_text(SOURCES % {"data": data})
    (config / "alerts.yaml").write_text(ALERTS % {"data": data})
    environ = {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(config)}
    for name in ("BUSTA_DATABASE_URL", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in bootstrap.prepare_home(home=None, config_dir=None, environ=environ).items():
        monkeypatch.setenv(name, value)
    return tmp_path / "home"


@pytest.fixture
def instance(home: Path, unused_instance: Callable[[Path], object]):
    unused_instance(Path(os.environ["DAGSTER_HOME"]))
    with DagsterInstance.get() as found:
        yield found
