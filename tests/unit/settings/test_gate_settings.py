"""`gate:`, `consumers:` and `asset:` of sources.yaml: what is wrong is named with its line and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.gate import GatePolicy

ODDS = "probe: http, url: 'https://example.com/odds', items: '$[*]'"
AGED = f"{ODDS}, data_age: {{path: '$[*].at'}}"


def diagnosed(tmp_path: Path, text: str):
    (tmp_path / "sources.yaml").write_text("version: 1\n" + text)
    return bootstrap.diagnose_config(tmp_path, {})


def test_a_gate_is_merged_key_by_key(tmp_path: Path) -> None:
    found = diagnosed(
        tmp_path,
        "defaults: {gate: {unknown: allow}}\ntypes: {odds: {gate: {max_data_age: 5m}}}\nsources:\n"
        f"  - {{name: one, type: odds, {AGED}, gate: {{min_quality: 90}}, quality: {{suite: null, validator: 'a:B', validator_scale: 1}}}}\n"
        f"  - {{name: two, type: news, {AGED}}}\n",
    )
    assert found.config is not None
    assert found.config.sources["one"].gate == GatePolicy(90.0, 300, "allow")
    assert found.config.sources["two"].gate == GatePolicy(unknown="allow")


def test_without_a_gate_unknown_blocks(tmp_path: Path) -> None:
    found = diagnosed(tmp_path, f"sources:\n  - {{name: one, type: odds, {AGED}}}\n")
    assert found.config is not None
    assert found.config.sources["one"].gate == GatePolicy(unknown="block")


def test_a_gate_that_could_never_open_fails_the_doctor_and_stops_nothing(tmp_path: Path) -> None:
    found = diagnosed(
        tmp_path,
        f"sources:\n  - {{name: one, type: odds, {ODDS}, gate: {{min_quality: 90, max_data_age: 5m}}}}\n"
        f"  - {{name: two, type: odds, {ODDS}, gate: {{min_quality: 90, unknown: allow}}}}\n",
    )
    assert {p.field: p.message for p in found.errors} == {
        "sources[0] one, gate.min_quality": "gate.min_quality asks for a score, and nothing scores one: never usable.",
        "sources[0] one, gate.max_data_age": "gate.max_data_age asks for an age, and nothing tells that of one: never usable.",
    }
    assert found.config is not None


@pytest.mark.parametrize(
    ("written", "field", "says", "remedy"),
    [
        ("{name: bets, sources: [od]}", "consumers[0] bets, sources[0]", "No source is called 'od'", "one"),
        (
            "{name: bets, sources: [one], min_quality: 80}",
            "consumers[0] bets, min_quality",
            "min_quality 80 is looser than the 90 of source one: a consumer may only ask for more.",
            "min_quality: 90",
        ),
        (
            "{name: bets, sources: [one], max_data_age: 1h}",
            "consumers[0] bets, max_data_age",
            "max_data_age 1h is looser than the 5m of source one",
            "max_data_age: 5m",
        ),
        (
            "{name: bets, sources: [one], unknown: allow}",
            "consumers[0] bets, unknown",
            "looser than the block",
            "block",
        ),
        ("{name: bets, min_qualty: 80}", "consumers[0] bets", "min_quality", "min_quality"),
        ("{sources: [one]}", "consumers[0]", "name", "name: place-bets"),
        ("{name: bets, sources: [one], min_quality: 101}", "consumers[0] bets, min_quality", "100", ""),
    ],
)
def test_what_is_wrong_with_a_consumer_is_named(tmp_path: Path, written, field, says, remedy) -> None:
    found = diagnosed(
        tmp_path,
        f"sources:\n  - {{name: one, type: odds, {AGED}, gate: {{min_quality: 90, max_data_age: 5m}}, quality: {{validator: 'a:B', validator_scale: 1}}}}\n"
        f"consumers:\n  - {written}\n",
    )
    mine = [p for p in found.errors if p.field.startswith("consumers")]
    assert mine, found.errors
    problem = mine[0]
    assert problem.field.startswith(field)
    assert says in problem.message
    assert remedy in problem.remedy
    assert "sources.yaml:5" in problem.where


def test_two_consumers_of_one_name_and_no_list(tmp_path: Path) -> None:
    source = f"sources:\n  - {{name: one, type: odds, {AGED}}}\n"
    twice = diagnosed(tmp_path, f"{source}consumers: [{{name: a, sources: [one]}}, {{name: a, sources: [one]}}]\n")
    assert [p.message for p in twice.errors] == ["The name 'a' is taken: consumers have one name each."]
    flat = diagnosed(tmp_path, f"{source}consumers: {{a: [one]}}\n")
    assert [p.message for p in flat.errors] == ["`consumers` is not a list."]


def test_an_asset_belongs_to_one_source(tmp_path: Path) -> None:
    found = diagnosed(
        tmp_path,
        f"sources:\n  - {{name: one, type: odds, {AGED}, asset: odds/raw}}\n  - {{name: two, type: odds, {AGED}, asset: odds/raw}}\n",
    )
    (problem,) = found.errors
    assert problem.message == (
        "The asset odds/raw has the checks of source one already: those of two would overwrite them."
    )
    assert problem.field == "sources[1] two, asset"
    wrong = diagnosed(tmp_path, f"sources:\n  - {{name: one, type: odds, {AGED}, asset: 'odds//raw'}}\n")
    assert str(wrong.errors[0]).endswith("Instead:  write its parts with / between them: odds/raw")


def test_a_source_that_feeds_the_asset_it_stands_on_is_named_and_stops_nothing(tmp_path: Path) -> None:
    found = diagnosed(
        tmp_path,
        f"sources:\n  - {{name: one, type: odds, {ODDS}, asset: models/moneyline, feeds: [bets/slip, models/moneyline]}}\n",
    )
    (error,) = found.errors
    assert (":3:" in error.where, error.field) == (True, "sources[0] one, feeds")
    assert error.message == (
        "An asset would be built from itself, by `asset` and `feeds`: models/moneyline -> models/moneyline. "
        "Dagster loads no circle."
    )
    assert error.remedy.startswith("take models/moneyline out of the feeds of one; name there what is built from")
    assert found.config is not None


def test_two_sources_that_feed_each_others_assets_are_a_circle(tmp_path: Path) -> None:
    found = diagnosed(
        tmp_path,
        f"sources:\n  - {{name: one, type: odds, {ODDS}, asset: odds/raw, feeds: [odds/clean]}}\n"
        f"  - {{name: two, type: odds, {ODDS}, asset: odds/clean, feeds: [odds/raw]}}\n",
    )
    assert ["odds/raw -> odds/clean -> odds/raw" in e.message for e in found.errors] == [True]


@pytest.mark.parametrize("key", ["", "models//x", "/models", " ", "models/"])
def test_feeds_that_are_no_key_are_named(tmp_path: Path, key: str) -> None:
    found = diagnosed(
        tmp_path, f"types: {{odds: {{feeds: ['{key}']}}}}\nsources:\n  - {{name: one, type: odds, {ODDS}}}\n"
    )
    (error,) = found.errors
    assert (error.field, error.message) == (
        "types.odds, feeds",
        f"{key!r} is no asset key: nothing depends on one by it.",
    )
    assert found.config is not None
