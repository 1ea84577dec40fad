"""Data contracts become drafts of suites: columns, types and rules; what cannot is named, and so is a version we do not know."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.quality.contracts import read_contract, suite_of
from busta_health_dagster.quality.loader import parse_suite
from busta_health_dagster.quality.pushdown import obstacle
from busta_health_dagster.quality.scorecard import score_file

pytestmark = pytest.mark.filterwarnings("ignore:module 'sre_.*' is deprecated:DeprecationWarning")
CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: bets
status: active
team: {members: [{username: ann@example.com, role: Owner}]}
slaProperties: [{property: latency, value: 4, unit: h}]
schema:
- name: bets
  physicalName: bets_v2
  properties:
  - {name: bet_id, logicalType: integer, primaryKey: true, logicalTypeOptions: {minimum: 1}}
  - {name: placed, logicalType: timestamp, required: true}
  - {name: stake, physicalName: stake_usd, logicalType: number, required: true, logicalTypeOptions: {exclusiveMinimum: 0, maximum: 5000, multipleOf: 0.01}}
  - name: state
    logicalType: string
    quality:
    - {metric: invalidValues, arguments: {validValues: [open, won, lost]}, mustBeLessThan: 10, unit: percent, severity: warning}
    - {metric: nullValues, mustBeLessThan: 100, unit: rows, id: few nulls}
    - {type: text, description: states follow each other, id: order}
  - {name: book, logicalType: string, logicalTypeOptions: {minLength: 2, pattern: '^[a-z_]+$'}}
  - {name: legs, logicalType: array}
  quality:
  - {metric: rowCount, mustBeGreaterThan: 0}
  - {type: sql, query: 'select count(*) from {object} where stake_usd > 1000;', mustBeLessOrEqualTo: 3, dimension: conformity, id: whales}
  - {type: custom, engine: soda, implementation: 'x', id: theirs}
  - type: custom
    engine: greatExpectations
    implementation: |
      type: expect_table_column_count_to_be_between
      kwargs: {minValue: 5, maxValue: 9}
"""


def contract(text: str = CONTRACT, **changed: Any) -> Any:
    return {**yaml.safe_load(text), **changed}


def checks(draft: Any) -> dict[str, dict[str, Any]]:
    return {e["meta"]["id"]: e for e in draft.suite["expectations"]}


def test_columns_types_and_rules_become_checks() -> None:
    draft = suite_of(contract(), "bets.yaml")
    assert draft.table == "bets"
    found = checks(draft)
    assert {id_: e["type"].removeprefix("expect_") for id_, e in found.items()} == {
        "table.columns": "table_columns_to_match_set",
        "bet_id.not_null": "column_values_to_not_be_null",
        "bet_id.number": "column_values_to_be_number_between",
        "bet_id.unique": "column_values_to_be_unique",
        "placed.not_null": "column_values_to_not_be_null",
        "placed.timestamp": "column_values_to_be_timestamp",
        "stake_usd.not_null": "column_values_to_not_be_null",
        "stake_usd.number": "column_values_to_be_number_between",
        "state.valid_values": "column_values_to_be_in_set",
        "book.pattern": "column_values_to_match_regex",
        "book.length": "column_value_lengths_to_be_between",
        "bets.row_count": "table_row_count_to_be_between",
        "bets.gx": "table_column_count_to_be_between",
    }
    assert found["bet_id.number"]["kwargs"] == {"column": "bet_id", "min_value": 1, "whole": True}
    stake = found["stake_usd.number"]["kwargs"]
    assert 0 < stake["min_value"] < 1e-300, "exclusive"
    assert stake["max_value"] == 5000
    assert found["table.columns"]["kwargs"]["column_set"] == ["bet_id", "placed", "stake_usd"]
    valid = found["state.valid_values"]["meta"]
    assert (valid["severity"], valid["mostly"], valid["owner"]) == ("WARNING", 0.9, "ann@example.com")
    assert found["bets.gx"]["kwargs"] == {"min_value": 5, "max_value": 9}
    assert draft.suite["meta"] == {"keys": ["bet_id"], "optional": ["book", "state"]}


def test_what_cannot_be_taken_over_is_named_with_the_reason() -> None:
    assert suite_of(contract(), "bets.yaml").left_out == (
        "stake_usd: logicalTypeOptions multipleOf of logicalType number",
        "state, few nulls: a limit of 100 rows is no share of them; write it with unit: percent",
        "state, order: a rule in words; write it as a metric or in SQL",
        "legs: a list inside a row; name it in meta.unnest of the suite",
        "bets, whales: a rule in SQL asks a database; add --sql where the source is one",
        "bets, theirs: a rule of soda, which only that engine can read",
        "slaProperties latency: say it at the source (interval, max_data_age, sla)",
    )


def test_for_a_database_the_draft_is_what_a_database_counts_with_the_rules_in_sql() -> None:
    draft = suite_of(contract(), "bets.yaml", sql=True)
    suite = parse_suite(draft.suite, "bets.yaml")
    assert obstacle(suite) is None
    whales = checks(draft)["bets.sql"]
    assert whales["kwargs"]["unexpected_rows_query"] == (
        "select case when (select count(*) from {batch} where stake_usd > 1000) <= 3 then 0 else 1 end"
    )
    assert (whales["meta"]["returns"], whales["meta"]["dimension"]) == ("count", "validity")
    assert checks(draft)["state.nulls"]["kwargs"]["min_value"] == 0.0
    assert "stake_usd.range" in checks(draft)


def test_a_draft_scores_good_data_with_100_and_bad_data_below(tmp_path: Path) -> None:
    (tmp_path / "bets.json").write_text(json.dumps(suite_of(contract(), "bets.yaml").suite))
    good = [
        {"bet_id": i, "placed": "2026-11-23T08:00:00Z", "stake_usd": 10.5, "state": "open", "book": "betmgm"}
        for i in range(1, 101)
    ]
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    (tmp_path / "good.json").write_text(json.dumps(good))
    assert score_file(tmp_path / "bets.json", tmp_path / "good.json", now).score.score == 100.0
    good[3]["stake_usd"] = 0
    (tmp_path / "bad.json").write_text(json.dumps(good))
    assert score_file(tmp_path / "bets.json", tmp_path / "bad.json", now).score.score == 89.0


def test_a_compound_key_nested_columns_and_the_names_of_version_3_0() -> None:
    schema = [
        {
            "name": "lines",
            "properties": [
                {"name": "book", "primaryKey": True, "primaryKeyPosition": 2},
                {"name": "game", "primaryKey": True, "primaryKeyPosition": 1, "unique": True},
                {
                    "name": "price",
                    "logicalType": "object",
                    "properties": [
                        {
                            "name": "value",
                            "quality": [
                                {"rule": "nullCheck", "mustBe": 0},
                                {"rule": "validValues", "validValues": [1, 2], "mustBe": 0},
                            ],
                        }
                    ],
                },
            ],
        }
    ]
    found = checks(suite_of(contract(apiVersion="3.0.2", schema=schema, slaProperties=None), "lines.yaml"))
    assert found["key.unique"]["kwargs"] == {"column_list": ["game", "book"]}
    assert found["price.value.not_null"]["kwargs"] == {"column": "price.value"}
    assert found["price.value.valid_values"]["kwargs"]["value_set"] == [1, 2]


def test_a_contract_of_an_unknown_version_is_refused_by_name() -> None:
    known = r"\(v3.0.0, v3.0.1, v3.0.2, v3.1.0\); bring the contract to one of these, or upgrade this program"
    for version in ("v4.0.0", "v2.2.2", "v3.7.0"):
        with pytest.raises(
            BadInput, match=f"bets.yaml is of apiVersion {version}, which this program does not know {known}"
        ):
            suite_of(contract(apiVersion=version), "bets.yaml")
    with pytest.raises(BadInput, match=f"bets.yaml names no apiVersion {known}"):
        suite_of(contract(apiVersion=None), "bets.yaml")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([], "is no data contract"),
        ({"kind": "DataProduct", "apiVersion": "v1.0.0"}, "is no data contract"),
        (contract(schema=[]), "has no schema"),
        (contract(schema=None), "has no schema"),
        (contract(schema=[{"name": "a"}, {"name": "b"}]), "several tables: a and b; choose one with --table"),
        (
            contract(schema=[{"name": "a", "properties": [{"name": "x"}]}], slaProperties=None),
            "nothing that can be checked",
        ),
    ],
)
def test_what_is_no_contract_or_says_nothing_is_refused_by_name(given: Any, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        suite_of(given, "bets.yaml")


def test_a_table_is_chosen_by_either_of_its_names() -> None:
    assert suite_of(contract(), "bets.yaml", "bets_v2").table == "bets"
    with pytest.raises(BadInput, match="no table 'bet'; write --table bets"):
        suite_of(contract(), "bets.yaml", "bet")


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"metric": "nullValues"}, "it has no operators"),
        ({"metric": "nullValues", "mustBe": 0, "mustBeLessThan": 1}, "it has 2 operators"),
        ({"metric": "nullValues", "mustBeGreaterThan": 5}, "no upper limit"),
        ({"metric": "nullValues", "mustBe": "none"}, "is no number"),
        ({"metric": "nullValues", "mustBeLessThan": 100, "unit": "percent"}, "can never fail"),
        ({"metric": "invalidValues", "mustBe": 0}, "needs arguments.validValues"),
        ({"metric": "invalidValues", "mustBe": 0, "arguments": {"pattern": "(?=x)"}}, "not a pattern that can be used"),
        ({"metric": "missingValues", "mustBe": 0}, "needs arguments.missingValues"),
        ({"metric": "freshness", "mustBe": 0}, "'freshness' is not known"),
        ({"type": "sql", "query": "delete from bets", "mustBe": 0}, "DELETE"),
        (
            {"type": "custom", "engine": "greatExpectations", "implementation": "type: expect_magic"},
            "no expectation that",
        ),
        ({"type": "magic"}, "type 'magic' is not known"),
        ("nulls", "a quality rule is a mapping"),
    ],
)
def test_a_rule_that_says_nothing_we_can_check_is_left_out_by_name(rule: Any, why: str) -> None:
    schema = [{"name": "bets", "properties": [{"name": "id", "required": True, "quality": [rule]}]}]
    draft = suite_of(contract(schema=schema, slaProperties=None), "bets.yaml", sql=True)
    (reason,) = draft.left_out
    assert reason.startswith("id")
    assert why in reason


@pytest.mark.parametrize("text", ["a: [", "\x00", "- " * 5])
def test_a_file_that_is_no_yaml_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"c\.yaml"):
        suite_of(read_contract(path), str(path))
    with pytest.raises(BadInput, match="cannot be read"):
        read_contract(tmp_path / "none.yaml")


A = {"name": "a", "logicalType": "integer", "required": True}
GX = {"type": "custom", "engine": "gx"}
COMPOUND, NULLS = "expect_compound_columns_to_be_unique", "expect_column_values_to_not_be_null"


@pytest.mark.parametrize(
    "table",
    [
        {"quality": 5},
        {"properties": [A | {"quality": 5}]},
        {"quality": [{"metric": "duplicateValues", "arguments": {"properties": [1, 2]}, "mustBe": 0}]},
        {"quality": [GX | {"implementation": {"type": NULLS, "kwargs": [1]}}]},
        {"quality": [GX | {"implementation": {"type": ["x"]}}]},
        {"quality": [GX | {"implementation": {"type": NULLS, "kwargs": {"column": ["x"]}}}]},
        {"quality": [GX | {"implementation": {"type": COMPOUND, "kwargs": {"column_list": [["x"]]}}}]},
        {"quality": [GX | {"implementation": {"type": COMPOUND, "kwargs": {"column_list": 3}}}]},
        {"quality": [GX | {"implementation": "["}]},
        {"properties": [A | {"logicalType": "number", "logicalTypeOptions": {"minimum": 10**400}}]},
        {"properties": [A | {"logicalType": "string", "logicalTypeOptions": {"pattern": 5, 1: 2, "a": 3}}]},
    ],
)
def test_a_value_of_the_wrong_type_is_left_out_by_name_and_the_rest_is_taken_over(table: Any) -> None:
    draft = suite_of(contract(schema=[{"name": "t", "properties": [A], **table}]), "c.yaml")
    assert "a.not_null" in checks(draft)
    json.dumps(draft.suite)
    if "duplicateValues" not in str(table):
        assert any(one.startswith(("t", "a")) for one in draft.left_out)


def test_properties_without_an_end_are_refused() -> None:
    endless: dict[str, Any] = {"name": "o", "logicalType": "object", "properties": []}
    endless["properties"].append(endless)
    with pytest.raises(BadInput, match="more than 30 deep"):
        suite_of(contract(schema=[{"name": "t", "properties": [endless]}]), "c.yaml")


@pytest.mark.parametrize("text", ["[" * 5000, "x: !!int abc", "a: [1", "? [1]\n: 2"])
def test_what_is_no_yaml_is_a_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(BadInput, match="is no YAML"):
        read_contract(tmp_path / "c.yaml")


def test_days_stay_texts_and_one_that_does_not_exist_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("created: 2026-02-30\nvalidValues: [2026-01-01]\n")
    assert read_contract(tmp_path / "c.yaml") == {"created": "2026-02-30", "validValues": ["2026-01-01"]}
