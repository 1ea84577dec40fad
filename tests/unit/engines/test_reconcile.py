"""Two sources against each other: what is missing there, what is said differently, and what was never compared."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.source import Reconcile
from busta_health_dagster.engines.reconcile import reconcile

SPEC = Reconcile(
    "scores_api",
    ("home", "away"),
    ("kick_off", "total", "venue"),
    columns={"home": "home_team", "total": "points"},
    tolerance={"kick_off": 900.0, "total": 1.5},
)
NAMES = {"Kansas City Chiefs": "KC", "Buffalo Bills": "BUF"}


def ours(home: str = "Kansas City Chiefs", away: str = "Buffalo Bills", **more: object) -> dict:
    return {"home": home, "away": away, "kick_off": "2026-11-29T18:00:00Z", "total": 47.5, "venue": "Arrowhead"} | more


def theirs(home: str = "KC", away: str = "BUF", **more: object) -> dict:
    row = {
        "home_team": home,
        "away": away,
        "kick_off": "2026-11-29T13:00:00-05:00",
        "points": 47,
        "venue": " ARROWHEAD ",
    }
    return row | more


def found(left: list[dict], right: list[dict], names: dict[str, str] = NAMES) -> dict[str, tuple]:
    return {c.id: (c.eligible, c.unexpected, c.passed) for c in reconcile(SPEC, left, right, names)}


def test_spellings_zones_and_tolerances_are_no_differences() -> None:
    assert found([ours()], [theirs()]) == {
        "reconcile.found": (1, 0, True),
        "reconcile.kick_off": (1, 0, True),
        "reconcile.total": (1, 0, True),
        "reconcile.venue": (1, 0, True),
    }


def test_sides_swapped_at_one_of_them_are_missing_at_the_other() -> None:
    games = [(f"H{n}", f"A{n}") for n in range(10)]
    left = [ours(home, away) for home, away in games]
    right = [theirs(*(game if n else game[::-1])) for n, game in enumerate(games)]
    assert found(left, right)["reconcile.found"] == (10, 1, True), "one in ten may be late"
    right[1] = theirs("A1", "H1")
    assert found(left, right)["reconcile.found"] == (10, 2, False)


def test_a_difference_beyond_the_tolerance_counts_and_an_empty_cell_does_not() -> None:
    later = found([ours()], [theirs(kick_off="2026-11-29T18:16:00Z", points=50, venue=None)])
    assert later["reconcile.kick_off"] == (1, 1, False)
    assert later["reconcile.total"] == (1, 1, False)
    assert later["reconcile.venue"] == (0, 0, None)
    assert found([ours(total=math.nan)], [theirs()])["reconcile.total"] == (0, 0, None)


def test_where_no_record_is_found_both_spellings_are_shown_and_nothing_passes() -> None:
    checks = reconcile(SPEC, [ours()], [theirs()], {})
    assert checks[0].passed is False
    assert checks[0].error == (
        "no record is in scores_api: here `kansas city chiefs / buffalo bills`, there `kc / buf`; correct `on`, or give "
        "`names` that translate"
    )
    assert reconcile(SPEC, [ours()], [], NAMES)[0].passed is False
    assert reconcile(SPEC, [], [theirs()], NAMES)[0].passed is None, "of nothing nothing is missing"


def test_a_record_without_a_part_of_its_key_is_in_no_comparison() -> None:
    assert found([ours(away=None), ours()], [theirs()])["reconcile.found"] == (1, 0, True)


@given(st.lists(st.tuples(st.text(max_size=5), st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=5)))))
def test_a_table_agrees_with_itself_whatever_is_in_it(rows: list[tuple]) -> None:
    spec = Reconcile("b", ("key",), ("value",))
    table = [{"key": key, "value": value} for key, value in rows]
    assert all(check.passed is not False for check in reconcile(spec, table, table, {}))
