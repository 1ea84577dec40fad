"""What became of a check over 30 days: counted per UTC day, bounded, and failing since its first failure in a row."""

from __future__ import annotations

from busta_health_dagster.domain.quality import CheckResult, CheckSeverity, Dimension, Scored, no_data
from busta_health_dagster.engines.check_history import updated
from busta_health_dagster.engines.quality_score import score

DAY = 86400
T0 = 20_000 * DAY


def validation(at: int, unexpected: int | None, *, check: str = "price.null", owner: str = "") -> Scored:
    """`unexpected` of 100 rows are bad; None: nothing was eligible."""
    eligible = 0 if unexpected is None else 100
    result = CheckResult(
        check,
        Dimension.COMPLETENESS,
        "price",
        CheckSeverity.ERROR,
        eligible,
        unexpected or 0,
        mostly=0.95,
        owner=owner,
    )
    return Scored("odds", at, at, "odds", score((result,), rows=100))


def test_a_check_fails_since_the_first_failure_in_a_row_and_a_day_counts_its_validations() -> None:
    (one,) = updated((), [validation(T0, 0), validation(T0 + 3600, 10), validation(T0 + DAY, 30)])
    assert (one.first_at, one.last_at, one.failing_since) == (T0, T0 + DAY, T0 + 3600)
    assert [(d.day, d.evaluated, d.passed, d.worst) for d in one.days] == [(20_000, 2, 1, 0.9), (20_001, 1, 0, 0.7)]
    (later,) = updated([one], [validation(T0 + DAY + 60, 0)])
    assert later.failing_since is None
    assert (later.evaluated, later.passed) == (4, 2)


def test_what_says_nothing_ends_no_failure() -> None:
    failing = updated((), [validation(T0, 10)])
    nothing = Scored("odds", T0 + DAY, T0 + DAY, "odds", no_data("the source is down"))
    assert updated(failing, [nothing])[0].failing_since == T0
    (one,) = updated(failing, [validation(T0 + DAY, None)])
    assert one.failing_since == T0
    assert [d.day for d in one.days] == [20_000]


def test_a_history_never_grows_beyond_thirty_days_and_a_check_that_left_the_suite_goes_with_its_last_day() -> None:
    held = updated((), [validation(T0, 0, check="old")])
    for day in range(40):
        held = updated(held, [validation(T0 + day * DAY, day % 2 * 50)])
        assert {one.id for one in held} == ({"old", "price.null"} if day < 30 else {"price.null"})
    assert len(held[0].days) == 30
    assert held[0].first_at == T0


def test_the_owner_is_the_one_of_the_newest_suite() -> None:
    held = updated((), [validation(T0, 0, owner="ann@example.com")])
    assert updated(held, [validation(T0 + 60, 0, owner="team:odds")])[0].owner == "team:odds"


def test_a_clock_that_was_set_back_leaves_each_day_once_and_in_order() -> None:
    held = updated((), [validation(T0 + DAY, 0)])
    held = updated(held, [validation(T0, 10)])
    (one,) = updated(held, [validation(T0 + DAY, 10)])
    assert [(d.day, d.evaluated, d.passed) for d in one.days] == [(20_000, 1, 0), (20_001, 2, 1)]
