"""A suite that would be dropped silently, or that would game the score, does not load; the message says where and what instead."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from busta_health_dagster.domain.errors import BadInput, ConfigError
from busta_health_dagster.quality.loader import find_suite, load_suite, parse_suite

SUITES = Path(__file__).resolve().parents[3] / "expectations"
NOT_NULL = "expect_column_values_to_not_be_null"
BETWEEN = "expect_column_values_to_be_between"


def entry(type_=BETWEEN, kwargs=None, *, severity=None, **meta):
    out = {"type": type_, "kwargs": {"column": "price"} if kwargs is None else kwargs, "meta": meta}
    return out if severity is None else {**out, "severity": severity}


def suite(*entries, **meta):
    return {"name": "t", "expectations": [entry(NOT_NULL, id="nulls"), *entries], "meta": meta}


def problems(*entries, **meta):
    with pytest.raises(ConfigError) as caught:
        parse_suite(suite(*entries, **meta), "expectations/t.json", json.dumps(suite(*entries, **meta), indent=1))
    return caught.value.problems


@pytest.mark.parametrize("path", sorted(SUITES.glob("*.json")), ids=lambda p: p.stem)
def test_every_shipped_suite_loads_whole_and_as_yaml_too(path, tmp_path):
    loaded = load_suite(path)
    assert len(loaded.checks) == len(json.loads(path.read_text())["expectations"])
    assert all(c.why for c in loaded.checks)
    assert {c.dimension.value for c in loaded.checks} >= {"completeness", "validity", "uniqueness", "consistency"}
    copy = tmp_path / "copy.yaml"
    copy.write_text(yaml.safe_dump(json.loads(path.read_text())))
    assert load_suite(copy).checks == loaded.checks


@pytest.mark.parametrize(
    ("bad", "field", "message", "remedy"),
    [
        (entry("expect_column_values_to_be_betwen"), ".type", "unknown expectation", BETWEEN),
        (entry(severity="loud"), ".severity", "'loud'", "critical, warning or info"),
        ({**entry(), "meta": {"severity": "grave"}}, "meta.severity", "'grave'", "CRITICAL"),
        (entry(kwargs={"column": "price", "min_valu": 1}), "kwargs.min_valu", "takes no 'min_valu'", "min_value"),
        (entry(kwargs={}), "kwargs", "needs 'column'", "column"),
        (entry(dimension="accuracy"), "meta.dimension", "'accuracy'", "validity"),
        (entry(mostly=0.9), "mostly", "too lenient for ERROR (floor 0.95)", "lower severity"),
        (
            {**entry(mostly=0.99), "meta": {"mostly": 0.99, "severity": "CRITICAL"}},
            "mostly",
            "too lenient for CRITICAL",
            "1 or more",
        ),
        (entry(kwargs={"column": "price", "mostly": 0.99}, mostly=0.98), "meta.mostly", "disagree", "same in both"),
        (entry(mostly=99), "mostly", "not a share", "0.99"),
        (entry(weight=-1), "meta.weight", "-1 is not a number", "1"),
        (entry("expect_column_max_to_be_between", mostly=0.99), "mostly", "table-level", "leave it out"),
        (
            entry("expect_column_values_to_match_regex", {"column": "price", "regex": "(["}),
            "kwargs.regex",
            "not a regular expression",
            "compiles",
        ),
        (
            entry("expect_column_values_to_be_in_set", {"column": "price", "value_set": []}),
            "value_set",
            "empty value set",
            "list",
        ),
        (entry(kwargs={"column": "price", "min_value": 3, "max_value": 1}), "kwargs", "nothing could pass", "swap"),
        (entry(id="nulls"), "nulls", "used twice", "another"),
        (entry(severty="ERROR"), "meta.severty", "unknown key", "severity"),
        (entry(kwargs={"column": "other"}), "column other", "no completeness check", NOT_NULL),
        ("nonsense", "expectations[1]", "not an expectation", "type"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_remedy(bad, field, message, remedy):
    (problem,) = problems(bad)
    assert field in problem.field
    assert message in problem.message
    assert remedy in problem.remedy
    assert problem.where.startswith("expectations/t.json")


def test_all_problems_come_at_once_and_with_their_lines():
    found = problems(entry("expect_nothing"), entry(kwargs={"column": "price", "min_valu": 1}))
    assert len(found) == 2
    assert found[1].where.split(":")[1].isdigit()


def test_an_info_null_check_does_not_count_and_neither_does_one_on_another_column():
    with pytest.raises(ConfigError, match="no completeness check"):
        parse_suite({"name": "t", "expectations": [entry(NOT_NULL, id="n", severity="info"), entry()]}, "t")


def test_derived_columns_are_judged_by_their_sources():
    derive = [{"column": "age", "kind": "age_seconds", "from": "price"}]
    assert parse_suite(suite(entry(kwargs={"column": "age", "max_value": 9}), derive=derive), "t").derivations[
        0
    ].sources == ("price",)
    (one,) = problems(
        entry(kwargs={"column": "age"}), derive=[{"column": "age", "kind": "age_seconds", "from": "seen"}]
    )
    assert one.field == "column seen"
    assert "there is no check" in problems(derive=[{"column": "d", "kind": "defects", "checks": ["nope"]}])[0].message
    assert "not a derived column" in problems(derive=[{"column": "d", "kind": "magic"}])[0].message
    assert {
        p.field.rsplit(".", 1)[1] for p in problems(derive=[{"column": "d", "kind": "age_seconds", "frm": "x"}])
    } == {"from", "frm"}


@pytest.mark.parametrize(
    "rows", [{"age": 3}, {"age": {}}, {"age": {"mim": 0}}, {"age": {"max": "1"}}, {"age": {"max": True}}, ["age"]]
)
def test_rows_to_leave_out_are_a_list_of_values_or_a_range(rows):
    derived = {"column": "d", "kind": "difference", "from": "price", "minus": "price"}
    (one,) = problems(derive=[derived | {"unless": rows}])
    assert (one.field, one.message) == ("meta.derive[0] d.unless", "cannot be used")
    assert '{"min": 0, "max": 600}' in one.remedy
    assert parse_suite(suite(derive=[derived | {"unless": {"age": {"max": 1}}}]), "t").derivations


def test_files_that_are_no_suite_say_so(tmp_path):
    broken = tmp_path / "a.json"
    broken.write_text('{"name": "a",\n "expectations": [}')
    with pytest.raises(ConfigError, match=r"a\.json:2:\d+"):
        load_suite(broken)
    (tmp_path / "b.yaml").write_text("a: [1\nb: 2")
    with pytest.raises(ConfigError, match=r"b\.yaml:\d+:\d+"):
        load_suite(tmp_path / "b.yaml")
    with pytest.raises(ConfigError, match="GX's shape"):
        parse_suite([1], "x.json")
    with pytest.raises(ConfigError, match="empty, so it could never fail"):
        parse_suite({"name": "x", "expectations": []}, "x.json")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_suite(tmp_path / "none.json")
    (tmp_path / "big.json").write_text(" " * 4_000_001)
    with pytest.raises(BadInput, match="Is it the data file"):
        load_suite(tmp_path / "big.json")


def test_a_suite_is_found_by_name_and_an_unknown_one_gets_a_suggestion():
    assert find_suite("odds", SUITES).name == "odds.json"
    assert find_suite(str(SUITES / "odds.json"), SUITES) == SUITES / "odds.json"
    with pytest.raises(ConfigError, match="Instead:  odds"):
        find_suite("oddz", SUITES)


def test_loading_a_suite_needs_neither_gx_nor_pandas():
    import subprocess

    code = f"import sys; from busta_health_dagster.quality.loader import load_suite; load_suite({str(SUITES / 'odds.json')!r}); print(sorted({{'pandas','great_expectations'}} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
