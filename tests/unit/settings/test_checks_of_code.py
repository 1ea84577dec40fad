"""The doctor looks for the modules that the configuration names, and executes none of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from busta_health_dagster import bootstrap

TRAP = "raise SystemExit('the doctor executed it')\n"


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`bets_of_theirs`, with `validators` inside: both end whoever imports them. `plain_bets` is a namespace."""
    for name in ("bets_of_theirs/__init__.py", "bets_of_theirs/validators.py", "plain_bets/odds.py", "one_module.py"):
        file = tmp_path / "code" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(TRAP)
    monkeypatch.syspath_prepend(tmp_path / "code")
    return tmp_path


def warned(folder: Path, keys: str) -> list[str]:
    (folder / "sources.yaml").write_text(
        f"version: 1\nsources:\n  - {{name: one, type: odds, {keys}}}\n  - {{name: two, type: odds, {keys}}}\n"
    )
    found = bootstrap.diagnose_config(folder, {})
    assert found.config is not None
    return [f"{w.field}: {w.message} -> {w.remedy}" for w in found.warnings if w.field.startswith("sources[0]")]


def validator(path: str) -> str:
    return f"probe: http, url: 'https://example.com/odds', quality: {{validator: '{path}', validator_scale: 1}}"


@pytest.mark.parametrize(
    "path", ["bets_of_theirs.validators:Odds", "plain_bets.odds:Odds", "one_module:Odds", "json:x"]
)
def test_a_module_that_is_there_is_not_executed_and_needs_no_word(code: Path, path: str) -> None:
    assert warned(code, validator(path)) == []
    assert not {"bets_of_theirs", "plain_bets", "one_module"} & sys.modules.keys()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("nowhere.validators:Odds", "There is no module 'nowhere' here"),
        ("bets_of_theirs.nowhere.more:Odds", "There is no module 'bets_of_theirs.nowhere' here"),
        (
            "one_module.validators:Odds",
            "There is no module 'one_module.validators': 'one_module' is a module and no package",
        ),
        ("platform.validators:Odds", "There is no module 'platform.validators': 'platform' is a module and no package"),
        ("nowhere", "'nowhere' is not a dotted path"),
        (".bets:Odds", "'.bets:Odds' is not a dotted path"),
    ],
)
def test_a_validator_whose_module_is_not_there_is_warned_of(code: Path, path: str, says: str) -> None:
    (warning,) = warned(code, validator(path))
    assert warning.startswith(f"sources[0] one, quality.validator: {says}")
    assert "the quality of one is not scored. -> " in warning


def test_a_data_source_whose_module_is_not_there_is_warned_of(code: Path) -> None:
    (warning,) = warned(code, "probe: framework, source: 'nowhere.sources:Odds'")
    assert warning == (
        "sources[0] one, source: There is no module 'nowhere' here: one cannot be observed. "
        "-> install its package beside the monitor, or set PYTHONPATH"
    )
