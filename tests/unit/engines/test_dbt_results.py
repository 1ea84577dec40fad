"""The tests of a dbt node as checks: their statuses, their age, and what cannot be taken over, by name."""

from __future__ import annotations

from typing import Any

import pytest

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.quality import CheckSeverity, Dimension
from busta_health_dagster.engines.dbt_results import dbt_tests
from busta_health_dagster.engines.quality_score import score

NOW = 1_795_420_800  # 2026-11-23T08:00Z
HOUR = 3600
MODEL = "model.shop.orders"


def node_of_test(name: str, kind: str | None = None, **more: Any) -> dict[str, Any]:
    metadata = {} if kind is None else {"test_metadata": {"name": kind, "kwargs": {}}}
    return (
        {"resource_type": "test", "name": name, "attached_node": MODEL, "config": {"severity": "ERROR"}}
        | metadata
        | more
    )


def manifest(**tests: dict[str, Any]) -> dict[str, Any]:
    nodes = {
        MODEL: {"resource_type": "model", "name": "orders"},
        "model.shop.customers": {"resource_type": "model", "name": "customers"},
        "model.other.customers": {"resource_type": "model", "name": "customers"},
    }
    source = {"source.shop.raw.orders": {"resource_type": "source", "name": "orders", "source_name": "raw"}}
    return {"nodes": nodes | {f"test.shop.{name}": node for name, node in tests.items()}, "sources": source}


def results(version: str = "v6", at: str = "2026-11-23T07:00:00.123456Z", **statuses: str) -> dict[str, Any]:
    return {
        "metadata": {
            "dbt_schema_version": f"https://schemas.getdbt.com/dbt/run-results/{version}.json",
            "generated_at": at,
        },
        "results": [
            {
                "unique_id": f"test.shop.{name}",
                "status": status,
                "message": None if status == "pass" else f"Got it: {status}",
            }
            for name, status in statuses.items()
        ],
    }


def taken_over(found: Any, catalogue: Any, node: str = "orders") -> Any:
    return dbt_tests(found, catalogue, node, now=NOW, max_age_s=26 * HOUR)


def test_each_status_becomes_what_it_says() -> None:
    catalogue = manifest(
        ids=node_of_test("ids", "unique", column_name="id"),
        nulls=node_of_test("nulls", "not_null", column_name="id"),
        states=node_of_test("states", "accepted_values", config={"severity": "warn"}),
        links=node_of_test("links", "relationships"),
        late=node_of_test("late", "dbt_utils.recency"),
        own=node_of_test("own"),
        skipped=node_of_test("skipped"),
    )
    found = taken_over(
        results(ids="pass", nulls="fail", states="pass", links="warn", late="error", own="pass", skipped="skipped"),
        catalogue,
    )
    checks = {c.id: (c.dimension, c.column, c.severity, c.passed, c.error) for c in found.checks}
    assert checks == {
        "dbt.ids": (Dimension.UNIQUENESS, "id", CheckSeverity.ERROR, True, None),
        "dbt.nulls": (Dimension.COMPLETENESS, "id", CheckSeverity.ERROR, False, None),
        "dbt.states": (Dimension.VALIDITY, None, CheckSeverity.WARNING, True, None),
        "dbt.links": (Dimension.CONSISTENCY, None, CheckSeverity.WARNING, False, None),
        "dbt.late": (Dimension.TIMELINESS, None, CheckSeverity.ERROR, False, "dbt could not run it: Got it: error"),
        "dbt.own": (Dimension.VALIDITY, None, CheckSeverity.ERROR, True, None),
        "dbt.skipped": (Dimension.VALIDITY, None, CheckSeverity.ERROR, None, None),
        "dbt.age": (Dimension.TIMELINESS, None, CheckSeverity.ERROR, True, None),
    }
    assert found.notes == ("dbt: not evaluated: skipped (skipped)",)
    verdict = score(found.checks, rows=1)
    assert verdict.score is not None
    assert verdict.score < 89
    assert next(c for c in found.checks if c.id == "dbt.nulls").why == "Got it: fail"


def test_results_that_are_too_old_are_not_evaluated_and_their_age_fails() -> None:
    catalogue = manifest(nulls=node_of_test("nulls", "not_null"), broken=node_of_test("broken"))
    found = taken_over(results(at="2026-11-21T08:00:00Z", nulls="pass", broken="error"), catalogue)
    assert {c.id: c.passed for c in found.checks} == {"dbt.nulls": None, "dbt.broken": None, "dbt.age": False}
    assert found.checks[-1].why == "dbt ran these tests 2 d ago; at most 1 d 2 h is asked for"


def test_what_cannot_be_taken_over_is_named() -> None:
    older = {"resource_type": "test", "config": {}}
    catalogue = manifest(
        mine=node_of_test("mine"),
        unrun=node_of_test("unrun"),
        theirs=node_of_test("theirs", attached_node="model.shop.customers"),
        both={**older, "name": "both", "depends_on": {"nodes": [MODEL, "model.shop.customers"]}},
        alone={**older, "name": "alone", "depends_on": {"nodes": [MODEL]}},
        related={
            **older,
            "name": "related",
            "depends_on": {"nodes": ["model.shop.customers", MODEL]},
            "test_metadata": {"name": "relationships", "kwargs": {"model": "{{ get_where_subquery(ref('orders')) }}"}},
        },
    )
    found = taken_over(
        results(mine="pass", theirs="fail", both="fail", alone="pass", related="pass", gone="pass"), catalogue
    )
    assert {c.id for c in found.checks} == {"dbt.mine", "dbt.alone", "dbt.related", "dbt.age"}
    assert found.notes == (
        "dbt: no result of unrun in this run",
        "dbt: left out, since they read several models: both",
        "dbt: the manifest does not have test.shop.gone; write both files in one run",
    )


def test_a_node_is_a_model_a_source_with_its_table_or_an_id_of_dbt() -> None:
    catalogue = manifest(mine=node_of_test("mine"), raw=node_of_test("raw", attached_node="source.shop.raw.orders"))
    answered = results(mine="pass", raw="pass")
    assert taken_over(answered, catalogue, "orders").node == MODEL
    assert taken_over(answered, catalogue, "raw.orders").node == "source.shop.raw.orders"
    assert [c.id for c in taken_over(answered, catalogue, "raw.orders").checks] == ["dbt.raw", "dbt.age"]
    with pytest.raises(
        BadInput, match=r"several nodes called 'customers': model.other.customers and model.shop.customers"
    ):
        taken_over(answered, catalogue, "customers")
    assert taken_over(answered, catalogue, "model.shop.customers").notes == ("dbt: model.shop.customers has no tests",)
    with pytest.raises(BadInput, match=r"no model or source 'order'; write .*orders"):
        taken_over(answered, catalogue, "order")


def test_two_tests_of_one_name_are_told_apart() -> None:
    found = taken_over(results(a="pass", b="fail"), manifest(a=node_of_test("same"), b=node_of_test("same")))
    assert {c.id: c.passed for c in found.checks if c.id != "dbt.age"} == {"dbt.same": True, "dbt.same.2": False}


@pytest.mark.parametrize(
    ("found", "catalogue", "why"),
    [
        (results("v9"), manifest(), r"of version v9, which this program does not know \(v1, v2, v3, v4, v5, v6\)"),
        ({"results": []}, manifest(), r"no run_results.json of dbt"),
        ([], manifest(), r"no run_results.json of dbt"),
        (manifest(), manifest(), r"no run_results.json of dbt"),
        (results(at="yesterday"), manifest(), r"does not say when it was made"),
        (results(), {"nodes": []}, r"no manifest.json of dbt"),
        (results(), results(), r"no manifest.json of dbt"),
    ],
)
def test_what_dbt_did_not_write_is_refused_by_name(found: Any, catalogue: Any, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        taken_over(found, catalogue)


def test_results_of_a_time_to_come_have_no_age() -> None:
    catalogue = manifest(own=node_of_test("own"))
    with pytest.raises(
        BadInput, match=r"was made 40 d from now \(metadata.generated_at 2027-01-02 08:00\).*set the clock"
    ):
        taken_over(results(at="2027-01-02T08:00:00Z", own="pass"), catalogue)
    a_little = taken_over(results(at="2026-11-23T08:02:00Z", own="pass"), catalogue)
    assert [c.passed for c in a_little.checks] == [True, True]


def test_a_run_without_a_test_of_the_node_says_nothing_of_it() -> None:
    found = taken_over(results(other="pass"), manifest(own=node_of_test("own")))
    assert [(c.id, c.passed) for c in found.checks] == [("dbt.age", None)]
    old = taken_over(results(at="2026-11-01T08:00:00Z", other="pass"), manifest(own=node_of_test("own")))
    assert [(c.id, c.passed) for c in old.checks] == [("dbt.age", False)]


def test_values_of_another_type_than_dbt_writes_end_in_no_traceback() -> None:
    catalogue = manifest(
        own=node_of_test(
            "own", attached_node=None, depends_on={"nodes": [MODEL, "x"]}, test_metadata={"kwargs": ["m"]}
        ),
        named=node_of_test("named", test_metadata={"name": ["unique"]}, config=[1], column_name=["id"]),
    )
    found = results(own="pass", named="pass")
    found["results"][1]["status"] = ["pass"]
    told = taken_over(found, catalogue | {"sources": [1]})
    assert [(c.id, c.passed) for c in told.checks] == [("dbt.named", None), ("dbt.age", True)]
    assert told.notes[0] == "dbt: not evaluated: named (['pass'])"


def test_a_test_that_is_called_age_is_not_taken_for_the_age_of_the_results() -> None:
    found = taken_over(results(age="fail"), manifest(age=node_of_test("age")))
    assert [(c.id, c.passed) for c in found.checks] == [("dbt.age.2", False), ("dbt.age", True)]
