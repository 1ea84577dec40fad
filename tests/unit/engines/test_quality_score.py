"""The score is section 9 of the semantics, to the tenth, whatever order the checks come in."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.quality import CheckResult, CheckSeverity, Dimension
from busta_health_dagster.engines.quality_score import combine, score

D, S = Dimension, CheckSeverity
N = 1000


def check(
    dimension=D.VALIDITY, unexpected=0, *, named=None, severity=S.ERROR, mostly=0.95, column="price", eligible=N, **more
):
    return CheckResult(
        named or f"{dimension}.{column}", dimension, column, severity, eligible, unexpected, mostly=mostly, **more
    )


def five(**replaced):
    checks = {d: check(d) for d in D}
    checks[D.UNIQUENESS] = check(D.UNIQUENESS, severity=S.CRITICAL, mostly=1.0)
    checks[D.TIMELINESS] = check(D.TIMELINESS, eligible=1, table=True, mostly=1.0)
    for name, fields in replaced.items():
        checks[D(name)] = dataclasses.replace(checks[D(name)], **fields)
    return list(checks.values())


WORKED = {
    "perfect": (five(), 100, 100.0),
    "40 nulls": (five(completeness={"unexpected": 40}), 99.0, 99.0),
    "80 nulls": (five(completeness={"unexpected": 80}), 98.0, 89.0),
    "one duplicate pair, critical": (five(uniqueness={"unexpected": 2}), 99.97, 69.0),
    "80 nulls and 20 duplicate passing checks": (
        five(completeness={"unexpected": 80}) + [check(D.COMPLETENESS, named=f"easy{i}") for i in range(20)],
        98.0,
        89.0,
    ),
    "stale": (five(timeliness={"unexpected": 1}), 85.0, 85.0),
    "validity check errored": (five(validity={"error": "boom"}), 75.0, 75.0),
    "two criticals": (
        five(completeness={"unexpected": 80, "severity": S.CRITICAL, "mostly": 1.0}, uniqueness={"unexpected": 2}),
        97.97,
        59.0,
    ),
}


@pytest.mark.parametrize("name", WORKED)
def test_the_worked_table_of_the_semantics(name):
    checks, raw, expected = WORKED[name]
    result = score(checks, rows=N)
    assert (result.raw, result.score) == (pytest.approx(raw), expected)


def test_zero_rows_no_checks_and_nothing_eligible_are_no_data_and_never_a_number():
    for result in (
        score(five(), rows=0),
        score([], rows=5),
        score([check(eligible=0)], rows=5),
        score([check(severity=S.INFO)], rows=5),
    ):
        assert result.score is None
        assert result.no_data
        assert result.reason


def test_a_score_exactly_on_a_tenth_is_not_shown_a_tenth_lower():
    # 0.29 * 100 is 28.999... in binary floats; r = 29/100 is not.
    assert (
        score(
            [
                check(unexpected=71, eligible=100, severity=S.INFO),
                check(unexpected=71, eligible=100, severity=S.WARNING, named="w"),
            ],
            rows=100,
        ).score
        == 29.0
    )
    assert score([check(unexpected=1, eligible=3, severity=S.WARNING)], rows=3).score == 66.6


def test_an_info_check_moves_nothing():
    assert score([*five(), check(unexpected=N, severity=S.INFO, named="info")], rows=N).score == 100.0


def test_coverage_falls_with_missing_dimensions_and_columns_without_values():
    assert score(five(), rows=N).coverage == 100.0
    half_empty = [check(), check(column="empty", eligible=0)]
    result = score(half_empty, rows=N)
    assert (result.coverage, result.provisional) == (12.5, True)


def test_each_further_critical_failure_takes_ten_more_and_the_floor_is_zero():
    def criticals(n):
        return [check(named=f"c{i}", column=f"c{i}", severity=S.CRITICAL, mostly=1.0, unexpected=1) for i in range(n)]

    assert [score(criticals(n), rows=N).score for n in (1, 2, 3, 9)] == [69.0, 59.0, 49.0, 0.0]


def test_the_half_width_is_agresti_coull_and_certain_checks_add_nothing():
    z2 = 1.959963984540054**2
    n, p = 100 + z2, (90 + z2 / 2) / (100 + z2)
    expected = 100 * (z2 * p * (1 - p) / n) ** 0.5
    assert score([check(unexpected=10, eligible=100)], rows=100).half_width == pytest.approx(expected)
    assert score([check(unexpected=1, eligible=1, table=True, mostly=1.0)], rows=100).half_width == 0


def test_a_few_rows_near_the_limit_are_uncertain_but_a_cap_below_it_is_not():
    near = score([check(unexpected=2, eligible=20, severity=S.WARNING)], rows=20)
    assert near.uncertain_against(90)
    assert not score([check(unexpected=200, eligible=2000, severity=S.WARNING)], rows=2000).uncertain_against(80)
    assert not score([check(unexpected=2, eligible=20, severity=S.CRITICAL, mostly=1.0)], rows=20).uncertain_against(90)


def test_of_two_verdicts_the_worse_rules_and_the_difference_is_said():
    good, bad = score(five(), rows=N), score(five(timeliness={"unexpected": 1}), rows=N)
    ruling = combine(good, bad)
    assert ruling.score == 85.0
    assert ruling.notes == (
        "suite 100.0, validator 85.0: the validator rules",
        "timeliness: suite 100.0, validator 0.0",
    )
    assert combine(good, score([], rows=0)).score == 100.0
    assert combine(score([], rows=0), score([], rows=0)).score is None


# Laws ------------------------------------------------------------------------------------------------------------------

results = st.builds(
    lambda i, d, c, s, n, share, w, error, table: CheckResult(
        f"k{i}",
        d,
        c,
        s,
        1 if table else n,
        round((1 if table else n) * share),
        weight=w,
        mostly={S.CRITICAL: 1.0}.get(s, 0.95),
        table=table,
        error=error,
    ),
    st.integers(0, 10**6),
    st.sampled_from(list(D)),
    st.sampled_from(["a", "b", "c", None]),
    st.sampled_from(list(S)),
    st.integers(0, 500),
    st.floats(0, 1),
    st.sampled_from([0.5, 1, 3]),
    st.sampled_from([None, None, None, "boom"]),
    st.booleans(),
)
suites = st.lists(results, min_size=1, max_size=12, unique_by=lambda c: c.id)


@given(suites, st.randoms())
def test_the_order_of_the_checks_does_not_matter(checks, random):
    shuffled = list(checks)
    random.shuffle(shuffled)
    assert score(shuffled, rows=10) == score(checks, rows=10)


@given(suites, st.sampled_from(list(D)), st.sampled_from(["a", "new"]), st.sampled_from(list(S)))
def test_a_further_passing_check_never_lifts_a_failing_source_over_its_cap(checks, dimension, column, severity):
    before = score(checks, rows=10)
    after = score([*checks, CheckResult("passing", dimension, column, severity, 100, 0)], rows=10)
    if before.caps:
        assert after.score is not None
        assert after.score <= before.caps[0].limit


@given(suites)
def test_a_score_is_between_0_and_100_and_never_above_raw_or_a_cap(checks):
    result = score(checks, rows=10)
    if result.score is not None:
        assert 0 <= result.score <= result.raw + 1e-9
        assert all(result.score <= cap.limit for cap in result.caps)
        assert result.half_width >= 0
        assert 0 <= result.coverage <= 100


cells = st.lists(st.sampled_from(["good", "null", "invalid", "double"]), min_size=1, max_size=40)


def _column_checks(states, severities):
    """What a null, a validity and a uniqueness check see in one column: the row checks skip nulls."""
    n, nulls = len(states), states.count("null")
    floor = {S.CRITICAL: 1.0, S.ERROR: 0.95}
    rows = [
        (D.COMPLETENESS, n, nulls),
        (D.VALIDITY, n - nulls, states.count("invalid")),
        (D.UNIQUENESS, n - nulls, states.count("double")),
    ]
    return [
        CheckResult(d, d, "x", s, e, u, mostly=floor.get(s, 0.9)) for (d, e, u), s in zip(rows, severities, strict=True)
    ]


@given(cells, st.tuples(*[st.sampled_from([S.WARNING, S.ERROR, S.CRITICAL])] * 3), st.data())
def test_making_a_good_cell_bad_never_raises_the_score(states, severities, data):
    good = [i for i, s in enumerate(states) if s == "good"]
    if not good:
        return
    worse = list(states)
    worse[data.draw(st.sampled_from(good))] = data.draw(st.sampled_from(["null", "invalid", "double"]))
    other = CheckResult("other", D.TIMELINESS, "t", S.WARNING, 1, 0, table=True)
    before = score([*_column_checks(states, severities), other], rows=len(states))
    after = score([*_column_checks(worse, severities), other], rows=len(states))
    assert after.score <= before.score
    assert after.raw <= before.raw + 1e-9
