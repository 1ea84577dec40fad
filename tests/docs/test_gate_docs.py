"""docs/gate.md and "Into your Dagster" are tried as they stand: their configuration loads, their code runs."""

from __future__ import annotations

import re
from pathlib import Path

import dagster as dg
import pytest

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.gate import GatePolicy

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "gate.md").read_text(encoding="utf-8")
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
    for code in blocks("python", (DOCS / "dagster.md").read_text(encoding="utf-8")):
        exec(compile(code, "docs/dagster.md", "exec"), names)
    graph = names["defs"].resolve_asset_graph()
    source = dg.AssetKey(["monitor", "sources", "odds_api"])
    assert graph.get(dg.AssetKey(["models", "moneyline"])).parent_keys == {source}
