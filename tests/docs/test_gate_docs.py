"""docs/gate.md and docs/into-your-dagster.md are tried as they stand: their configuration loads, their code runs."""

from __future__ import annotations

import re
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.workspace.autodiscovery import loadable_targets_from_python_file
from dagster._core.workspace.load_target import WorkspaceFileTarget

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.gate import GatePolicy

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "gate.md").read_text(encoding="utf-8")
GUEST = (DOCS / "into-your-dagster.md").read_text(encoding="utf-8")
RULE = re.search(r"`(\{name: bets-held.*?\})`", PAGE)


def blocks(language: str, page: str = PAGE) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (yaml,) = blocks("yaml")
    config = tmp_path / "config"
    config.mkdir()
    (config / "sources.yaml").write_text(yaml)
    assert RULE is not None
    (config / "alerts.yaml").write_text(f"version: 1\nrules:\n  - {RULE[1]}\n")
    environ = {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(config), "BUSTA_KEY_PREFIX": ""}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("BUSTA_DATABASE_URL", raising=False)
    return tmp_path


def test_the_configuration_is_what_the_page_says(home: Path) -> None:
    config = bootstrap.load_config(home / "config", {})
    assert config.sources["odds_api"].gate == GatePolicy(90.0, 900, "block")
    assert config.consumers["place-bets"].policy == GatePolicy(95.0, 300, None)
    assert config.rules[0].over_s == 720


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")
def test_the_code_runs_and_the_edges_are_real(home: Path) -> None:
    names: dict = {}
    for code in blocks("python"):
        exec(compile(code, "docs/gate.md", "exec"), names)
    graph = names["defs"].resolve_asset_graph()
    assert graph.get(dg.AssetKey(["models", "moneyline"])).parent_keys == {dg.AssetKey(["sources", "odds_api"])}
    assert names["bets"].name == "place_bets_gated"
    checks = graph.get_check_keys_for_assets({dg.AssetKey(["sources", "odds_api"])})
    assert "usable" in {key.name for key in checks}
    assert not names["by_hand"].execute_in_process(raise_on_error=False).success, "never observed: not usable"


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")
def test_a_project_that_is_merged_with_ours_as_the_page_says(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    names: dict = {}
    for code in blocks("python", GUEST):
        exec(compile(code, "docs/into-your-dagster.md", "exec"), names)
    graph = names["defs"].resolve_asset_graph()
    source = dg.AssetKey(["monitor", "sources", "odds_api"])
    assert graph.get(dg.AssetKey(["models", "moneyline"])).parent_keys == {source}


def test_the_dagster_yaml_of_the_page_satisfies_the_doctor(home: Path) -> None:
    theirs = home / "theirs"
    theirs.mkdir()
    (text,) = [block for block in blocks("yaml", GUEST) if "run_coordinator" in block]
    (theirs / "dagster.yaml").write_text(text)
    found = bootstrap.diagnose_config(home / "config", {"DAGSTER_HOME": str(theirs)})
    assert [p for p in found.warnings if "dagster.yaml" in p.where] == []


def test_the_workspace_of_the_page_is_one_that_dagster_reads(home: Path) -> None:
    (text,) = [block for block in blocks("yaml", GUEST) if "load_from" in block]
    (home / "workspace.yaml").write_text(text)
    target = WorkspaceFileTarget([str(home / "workspace.yaml")])
    assert [origin.location_name for origin in target.create_origins()] == ["busta_health_dagster", "betting.py"]


def test_dagster_loads_the_code_of_the_page_as_a_file(home: Path) -> None:
    """It refuses a second Definitions at module scope, which no merge in a test would notice."""
    (code,) = blocks("python", GUEST)
    (home / "betting.py").write_text(code)
    (target,) = loadable_targets_from_python_file(str(home / "betting.py"), str(home))
    assert target.attribute == "defs"
