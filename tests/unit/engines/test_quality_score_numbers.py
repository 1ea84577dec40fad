"""Caps, means and notes of the quality score to the digit: what decides a number, and the notes beside it."""

from __future__ import annotations

from fractions import Fraction

import pytest

from busta_health_dagster.domain.quality import Cap, CheckResult, CheckSeverity, Dimension, no_data
from busta_health_dagster.engines.quality_score import combine, score, score_metrics

D, S = Dimension, CheckSeverity


def check(
    dimension: Dimension = D.VALIDITY,
    unexpected: int = 0,
    *,
    named: str = "price.range",
    severity: CheckSeverity = S.ERROR,
    column: str = "price",
    eligible: int = 1000,
    mostly: float = 0.95,
    **more,
) -> CheckResult:
    return CheckResult(named, dimension, column, severity, eligible, unexpected, mostly=mostly, **more)


def critical(named: str, **more) -> CheckResult:
    return check(unexpected=1, named=named, column=named, severity=S.CRITICAL, mostly=1.0, **more)


def test_the_tightest_cap_decides_and_the_caps_are_told_tightest_first():
    checks = [check(unexpected=100), critical("b"), critical("a"), check(named="w", column="w", severity=S.WARNING)]
    result = score(checks, rows=1000)
    assert [(c.limit, c.check) for c in result.caps] == [(59, "b"), (69, "a"), (89, "price.range")]
    assert result.score == 59.0
    assert [c.id for c in result.checks] == ["a", "b", "price.range", "w"]
    assert result.raw == pytest.approx(100 * (4 * 0.999 * 2 + 2 * 0.9 + 1) / 11)


def test_a_raw_score_below_every_cap_stands():
    result = score([check(unexpected=900), critical("a")], rows=1000)
    assert result.raw == pytest.approx(100 * (2 * 0.1 + 4 * 0.999) / 6)
    assert result.score == 69.0
    assert score([check(unexpected=990)], rows=1000).score == 1.0


def test_what_others_measured_is_weighted_and_capped_like_our_own():
    shares = {D.COMPLETENESS: Fraction(9, 10), D.TIMELINESS: Fraction(1, 2)}
    plain = score_metrics(shares, [], rows=40)
    assert (plain.raw, plain.score, plain.half_width, plain.coverage) == (75.0, 75.0, 0.0, 40.0)
    assert plain.dimensions == {D.COMPLETENESS: 90.0, D.TIMELINESS: 50.0}
    assert (plain.rows, plain.total_rows, plain.provisional, plain.checks) == (40, 40, True, ())
    issues = [check(unexpected=100), critical("a")]
    capped = score_metrics(shares, issues, rows=40)
    assert (capped.raw, capped.score) == (75.0, 69.0)
    assert [c.limit for c in capped.caps] == [69, 89]
    assert capped.checks == tuple(issues)


def test_a_bare_overall_score_is_taken_floored_and_called_provisional():
    bare = score_metrics({}, [], rows=7, overall=Fraction(2, 3))
    assert (bare.score, bare.coverage, bare.dimensions, bare.provisional) == (66.6, 0.0, {}, True)
    assert score_metrics({}, [critical("a")], rows=7, overall=Fraction(1)).score == 69.0
    assert score_metrics({D.VALIDITY: Fraction(1)}, [], rows=7, overall=Fraction(0)).score == 100.0
    assert score_metrics({}, [], rows=7, overall=Fraction(0)).score == 0.0
    issue = check(unexpected=1)
    assert score_metrics({}, [issue], rows=7) == no_data("no metric and no overall score", rows=7, checks=(issue,))


@pytest.mark.parametrize(
    ("dimensions", "coverage", "provisional"),
    [
        ((D.COMPLETENESS, D.CONSISTENCY, D.UNIQUENESS), 60.0, False),
        ((D.COMPLETENESS, D.CONSISTENCY), 45.0, True),
    ],
)
def test_below_60_percent_of_coverage_a_score_is_provisional(dimensions, coverage, provisional):
    ours = score([check(d, named=d) for d in dimensions], rows=1000, total_rows=5000)
    theirs = score_metrics(dict.fromkeys(dimensions, Fraction(1)), [], rows=1000)
    for result in (ours, theirs):
        assert (result.coverage, result.provisional) == (coverage, provisional)
    assert (ours.rows, ours.total_rows, theirs.total_rows) == (1000, 5000, 1000)


def test_a_column_counts_as_its_worst_check_with_the_weight_of_its_heaviest():
    column = [check(unexpected=500, named="a", weight=0.5), check(named="b", weight=3)]
    other = [check(column="other", named="c", weight=1)]
    assert score(column + other, rows=1000).raw == pytest.approx(100 * (3 * 0.5 + 1) / 4)
    assert score([*column, check(eligible=0, named="d", weight=9)], rows=1000).raw == pytest.approx(50)


def test_a_column_that_was_looked_at_by_less_than_its_heaviest_check_lowers_the_coverage():
    half = [check(weight=1, named="a"), check(weight=2, named="b", eligible=0)]
    assert score(half, rows=1000).coverage == 12.5
    heavy_first = [check(weight=2, named="a", eligible=0), check(weight=1, named="b")]
    assert score(heavy_first, rows=1000).coverage == 12.5
    info = [check(named="a", column="a"), check(named="b", column="b", severity=S.INFO)]
    assert score(info, rows=1000).coverage == 25.0
    thirds = [check(named=n, column=n, eligible=0 if n == "c" else 9) for n in "abc"]
    assert score(thirds, rows=9).coverage == 16.6


def test_among_equal_checks_the_one_with_the_fewest_rows_gives_the_interval():
    few, many = check(unexpected=1, eligible=10, named="z"), check(unexpected=100, eligible=1000, named="a")
    narrow = score([many], rows=1000).half_width
    wide = score([few], rows=1000).half_width
    assert wide is not None
    assert narrow is not None
    assert score([few, many], rows=1000).half_width == wide > narrow


def test_intervals_of_several_columns_and_dimensions_add_up_by_their_weights():
    z2 = 1.959963984540054**2

    def part(share: float, unexpected: int, eligible: int) -> float:
        n = eligible + z2
        p = (eligible - unexpected + z2 / 2) / n
        return share**2 * p * (1 - p) / n

    checks = [
        check(unexpected=10, eligible=100, named="a", column="a"),
        check(unexpected=30, eligible=200, named="b", column="b", severity=S.WARNING),
        check(D.UNIQUENESS, 5, eligible=50, named="c"),
        check(D.TIMELINESS, 1, eligible=1, named="table", table=True),
        check(D.CONSISTENCY, 0, named="broken", error="boom"),
    ]
    table_first = [check(named="0", column="t", eligible=1, table=True), *checks[:1]]
    alone = (z2 * part(1 / 2, 10, 100)) ** 0.5
    assert score(table_first, rows=200).half_width == pytest.approx(100 * alone)
    parts = part(25 / 75 * 2 / 3, 10, 100) + part(25 / 75 / 3, 30, 200) + part(15 / 75, 5, 50)
    assert score(checks, rows=200).half_width == pytest.approx(100 * (z2 * parts) ** 0.5)


def test_a_cap_says_in_a_sentence_what_failed_and_by_how_much():
    def only(failing: CheckResult) -> Cap:
        (cap,) = score([failing], rows=1000).caps
        return cap

    assert only(check(unexpected=123, mostly=0.975)) == Cap(
        89, "price.range", "ERROR check: 87.7% of 1000 passed, 97.5% wanted (123 failed)"
    )
    almost = only(check(unexpected=1, eligible=300_000, severity=S.CRITICAL, mostly=1.0))
    assert almost.reason == "CRITICAL check: 99.999% of 300000 passed, 100% wanted (1 failed)"
    assert only(check(error="no column price")).reason == "ERROR check could not run: no column price"
    table = check(unexpected=1, eligible=1, table=True, severity=S.WARNING)
    assert only(table) == Cap(99, "price.range", "WARNING check failed")
    assert (
        only(check(unexpected=1, eligible=1, table=True, why="3 of 5 feeds")).reason
        == "ERROR check failed: 3 of 5 feeds"
    )


def test_only_a_failing_check_that_weighs_something_caps():
    silent = [
        check(unexpected=50, named="just enough", column="a"),
        check(unexpected=1000, named="info", column="b", severity=S.INFO),
        check(unexpected=1000, named="weightless", column="c", weight=0),
        check(eligible=0, named="empty", column="d"),
    ]
    assert score(silent, rows=1000).caps == ()
    assert [c.check for c in score([*silent, check(unexpected=51, named="z", column="z")], rows=1000).caps] == ["z"]


def test_no_data_says_why_and_keeps_what_it_saw():
    seen = (check(eligible=0),)
    assert score(seen, rows=0) == no_data("zero rows: nothing to evaluate", checks=seen)
    assert score([], rows=5) == no_data("the suite has no checks", rows=5)
    nothing = "no check could be evaluated (no eligible values, or INFO checks only)"
    assert score(seen, rows=5) == no_data(nothing, rows=5, checks=seen)


def test_of_equal_verdicts_the_suite_rules_and_notes_that_were_there_stay():
    ours, theirs = score([check(unexpected=200)], rows=1000), score_metrics({D.VALIDITY: Fraction(4, 5)}, [], rows=9)
    both = combine(ours, theirs)
    assert both.rows == 1000
    assert both.notes == ("suite 80.0, validator 80.0: the suite rules",)
    more = combine(both, score_metrics({D.VALIDITY: Fraction(798, 1000), D.TIMELINESS: Fraction(1)}, [], rows=9))
    assert more.rows == 1000, "87.3 of the validator is the better"
    assert more.notes == (
        *both.notes,
        "suite 80.0, validator 87.3: the suite rules",
        "validity: suite 80.0, validator 79.8",
        "timeliness: evaluated by the validator only",
    )
    fewer = combine(score_metrics({D.VALIDITY: Fraction(4, 5), D.UNIQUENESS: Fraction(1)}, [], rows=9), ours)
    assert fewer.notes[-1] == "uniqueness: evaluated by the suite only"
    assert fewer.notes[0] == "suite 87.5, validator 80.0: the validator rules"


def test_a_tenth_is_the_least_difference_that_is_told():
    def of(thousandths: int):
        return score_metrics({D.VALIDITY: Fraction(thousandths, 1000)}, [], rows=9)

    assert combine(of(1), of(0)).notes[1:] == ("validity: suite 0.1, validator 0.0",)
    assert combine(of(500), of(500)).notes[1:] == ()


def test_no_data_yields_to_a_verdict_and_the_note_names_the_silent_one():
    real, silent = score([check()], rows=1000), no_data("zero rows")
    for ruling, note in (
        (combine(real, silent), "the validator had no verdict: zero rows"),
        (combine(silent, real), "the suite had no verdict: zero rows"),
    ):
        assert (ruling.score, ruling.notes) == (100.0, (note,))
    assert combine(no_data("a"), no_data("b")).reason == "suite: a; validator: b"
    noted = combine(silent, combine(silent, real))
    assert len(noted.notes) == 2
