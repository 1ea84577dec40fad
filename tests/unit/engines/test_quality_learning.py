"""What a source usually looks like follows slow change, and holds a real drift against it until it is the new normal."""

from __future__ import annotations

from dataclasses import replace

from busta_health_dagster.domain.quality import ColumnShape, SchemaSnapshot
from busta_health_dagster.engines.schema_learning import ENOUGH, NEW_NORMAL_S, accept, learn, reference

HOUR = 3600


def shape(rows: int = 1000, **columns: str) -> SchemaSnapshot:
    wanted = columns or {"id": "integer", "price": "number"}
    return SchemaSnapshot(tuple(ColumnShape(n, t, 0.0) for n, t in wanted.items()), rows)


def learned(*shapes: SchemaSnapshot):
    known = None
    for i, one in enumerate(shapes):
        known, _ = learn(known, one, i * HOUR)
    assert known is not None
    return known


SETTLED = learned(*[shape()] * ENOUGH)


def test_nothing_drifts_before_enough_was_seen_and_a_column_that_comes_and_goes_is_not_expected() -> None:
    known = learned(shape())
    assert reference(known) is None
    known, found = learn(known, shape(id="integer"), HOUR)
    assert found == ()
    known, _ = learn(known, shape(), 2 * HOUR)
    expected = reference(known)
    assert expected is not None
    assert [c.name for c in expected.columns] == ["id"]


def test_a_column_that_is_gone_drifts_again_and_again_until_it_is_the_new_normal() -> None:
    gone, known = shape(id="integer"), SETTLED
    for hour in (10, 11, 12):
        known, found = learn(known, gone, hour * HOUR)
        assert [d.kind for d in found] == ["removed"]
        assert known.shape == SETTLED.shape
        assert known.drifting_since == 10 * HOUR
    known, found = learn(known, gone, 10 * HOUR + NEW_NORMAL_S)
    assert [d.kind for d in found] == ["removed"]
    assert learn(known, gone, 11 * HOUR + NEW_NORMAL_S)[1] == ()


def test_a_drift_that_ends_starts_again_the_next_time() -> None:
    known, _ = learn(SETTLED, shape(id="integer"), 10 * HOUR)
    known, found = learn(known, shape(), 11 * HOUR)
    assert (found, known.drifting_since) == ((), None)


def test_volume_is_followed_slowly_and_a_collapse_is_not() -> None:
    known, found = learn(SETTLED, shape(900), 10 * HOUR)
    assert (known.shape.rows, found) == (990, ())
    known, found = learn(SETTLED, shape(50), 10 * HOUR)
    assert (known.shape.rows, [d.kind for d in found]) == (1000, ["volume"])


def test_a_null_column_teaches_no_type_and_null_rates_follow() -> None:
    nulls = replace(shape(), columns=(ColumnShape("id", "integer", 0.0), ColumnShape("price", "null", 0.05)))
    known, _ = learn(SETTLED, nulls, 10 * HOUR)
    column = known.shape.column("price")
    assert column is not None
    assert (column.type, round(column.null_rate, 3)) == ("number", 0.005)


def test_a_person_may_say_that_this_is_how_it_should_look() -> None:
    known = accept(shape(id="integer"), 10 * HOUR)
    assert learn(known, shape(id="integer"), 11 * HOUR)[1] == ()
    assert [d.kind for d in learn(known, shape(price="number"), 11 * HOUR)[1]] == ["removed", "added"]
