"""Drift says what changed, how grave it is, and keeps quiet about what is everyday."""

from __future__ import annotations

from busta_health_dagster.domain.quality import CheckSeverity, ColumnShape, SchemaSnapshot
from busta_health_dagster.engines.schema_drift import drift, drift_checks


def shape(rows=1000, truncated=False, **columns):
    return SchemaSnapshot(
        tuple(ColumnShape(n, *(v if isinstance(v, tuple) else (v, 0.0))) for n, v in columns.items()), rows, truncated
    )


LEARNED = shape(id="integer", price="number", side="text", note=("text", 0.2))


def test_the_same_shape_is_no_finding_and_two_passing_checks():
    assert drift(LEARNED, LEARNED) == ()
    assert [c.passed for c in drift_checks(LEARNED, LEARNED)] == [True, True]


def test_every_kind_of_change_is_named_with_its_severity_gravest_first():
    seen = shape(100, id="text", Price="number", side=("text", 0.3), note=("text", 0.9))
    found = {(d.kind, d.column): (d.severity.value, d.explanation) for d in drift(LEARNED, seen)}
    assert found == {
        ("null_rate", "note"): ("ERROR", "column note was 20.0% null, is 90.0%"),
        ("removed", "price"): ("ERROR", "column price (number) is gone; perhaps renamed to Price"),
        ("retyped", "id"): ("ERROR", "column id was integer, is text"),
        ("volume", None): ("ERROR", "100 rows, 1000 learned (10%)"),
        ("null_rate", "side"): ("WARNING", "column side was 0.0% null, is 30.0%"),
        ("added", "Price"): ("INFO", "column Price (number) is new"),
    }
    columns, volume = drift_checks(LEARNED, seen)
    assert (columns.passed, columns.severity, volume.severity) == (False, CheckSeverity.ERROR, CheckSeverity.ERROR)
    assert "price (number) is gone" in columns.why


def test_a_new_column_alone_passes_and_whole_numbers_in_a_number_column_only_warn():
    assert drift_checks(LEARNED, shape(id="integer", price="number", side="text", note=("text", 0.2), extra="text"))[
        0
    ].passed
    (found,) = drift(LEARNED, shape(id="integer", price="integer", side="text", note=("text", 0.2)))
    assert found.severity is CheckSeverity.WARNING


def test_small_samples_and_cut_samples_raise_no_false_alarm():
    few = shape(6, True, id="integer", price=("number", 1 / 6), side="text", note=("text", 0.5))
    assert drift(LEARNED, few) == ()
    assert drift(LEARNED, shape(0)) == ()
