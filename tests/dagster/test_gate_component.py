"""The monitor in a project of Dagster's components, asked through `dg` as a newcomer does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DG = Path(sys.executable).with_name("dg")
FILES = {
    "pyproject.toml": """\
[project]
name = "bets"
version = "0.1.0"
requires-python = ">=3.11"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "bets"
""",
    "src/bets/__init__.py": "",
    "src/bets/definitions.py": """\
from pathlib import Path

import dagster as dg


@dg.definitions
def defs():
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
""",
    "src/bets/defs/__init__.py": "",
    "src/bets/defs/health/defs.yaml": """\
type: busta_health_dagster.integration.SourceHealth

attributes:
  config_dir: ../../../../config
  home: ../../../../home
  key_prefix: monitor
""",
    "config/sources.yaml": """\
version: 1
sources:
  - {name: odds_api, type: odds, probe: tcp, host: 127.0.0.1, port: 9, allow_private: true}
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def dg(project: Path, *words: str) -> tuple[int, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))}
    environ = {**kept, "PYTHONPATH": str(project / "src"), "COLUMNS": "200", "DAGSTER_HOME": str(project / "dagster")}
    (project / "dagster").mkdir(exist_ok=True)
    (project / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    done = subprocess.run(
        [DG, *words], cwd=project, env=environ, capture_output=True, text=True, timeout=300, check=False
    )
    return done.returncode, done.stdout if done.returncode == 0 else done.stdout + done.stderr


def test_the_component_is_listed_and_loads_from_yaml(project: Path) -> None:
    code, listed = dg(project, "list", "components", "--json")
    assert code == 0, listed
    assert "busta_health_dagster.integration.SourceHealth" in listed
    code, found = dg(project, "list", "defs", "--json")
    assert code == 0, found
    keys = {asset["asset_key"] for asset in json.loads(found)["assets"]}
    assert {"monitor/health/fleet", "monitor/sources/odds_api", "monitor/reports/weekly"} <= keys


def test_an_unknown_attribute_is_named_with_its_line(project: Path) -> None:
    defs = project / "src" / "bets" / "defs" / "health" / "defs.yaml"
    defs.write_text(defs.read_text().replace("key_prefix", "prefix"))
    code, said = dg(project, "check", "yaml")
    assert code != 0
    assert "defs.yaml:6" in said
    assert "prefix" in said
