"""A promise that can be checked: whatever a series does, anomalies that turn out to be nothing keep to the budget."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from busta_health_dagster.domain.anomaly import Change
from busta_health_dagster.engines.anomaly import budget
from busta_health_dagster.engines.anomaly.bank import DetectorBank, WatchedSource
from busta_health_dagster.engines.anomaly.tick import UP, Tick
from tests.unit.engines.anomaly.boards import A_DAY, START, grown

HOUR = 3600
N = 4


def alarms_per_half(seed: int, days: int, stay: float, depth: float) -> np.ndarray:
    """(2, N) alarms in each half of `days`, of sources whose one metric falls by `depth` for a few hours now and then."""
    rng = np.random.default_rng(seed)
    bank = DetectorBank([WatchedSource(f"s{i}", "t", HOUR) for i in range(N)], keep_cold=True)
    told = np.zeros((2, N), int)
    low = np.zeros(N, bool)
    # Two calm weeks, so that the metric is taken for one that behaves.
    for hour in range((14 + days) * 24):
        low = np.where(low, rng.random(N) > 0.25, rng.random(N) < stay) & (hour > 14 * 24)
        tick = Tick.blank(N, START + HOUR * hour)
        tick.status[:] = UP
        values = np.where(low, 100.0 * (1 - depth), 100.0) + rng.standard_normal(N)
        tick.metrics.update({f"s{i}": {"own": float(values[i])} for i in range(N)})
        for finding in bank.step(tick):
            if finding.change in {Change.OPENED, Change.NEWS} and hour > 14 * 24:
                told[(hour - 14 * 24) * 2 // (days * 24 + 1), int(finding.source[1:])] += 1
    return told


@settings(max_examples=2, deadline=None, derandomize=True)
@given(seed=st.integers(0, 99), stay=st.sampled_from([0.003, 0.01, 0.05]), depth=st.sampled_from([0.4, 0.7, 0.95]))
def test_whatever_the_series_the_long_run_rate_meets_the_budget(seed, stay, depth):
    days = 120
    told = alarms_per_half(seed, days, stay, depth)
    # Half of the time, one per 30 days, and what the account may still have to lose.
    assert (told[1] <= days / 2 / 30 + 3).all(), told


def test_an_unconfirmed_anomaly_beyond_the_first_makes_the_metric_that_cried_stricter_and_time_pays():
    board = grown()
    for _ in range(2):
        board.play(6, lambda _, poll: poll | {"distinct_books": 3.0})
        board.play(A_DAY)
    row = board.bank.row("board")
    rows = board.bank.custom.rows
    assert 0.5 < board.bank.rows.owed[row] <= 1
    assert rows.debt[board.bank.custom.row("board", "distinct_books")] > 0.5
    assert rows.debt[board.bank.custom.row("board", "books_per_event")] == 0
    said = board.bank.verdict("board").stricter
    assert said.startswith("asked to be")
    assert said.endswith("as sure since 2 Oct")
    owed = float(board.bank.rows.owed[row])
    board.play(15 * A_DAY)
    assert owed - 0.55 < board.bank.rows.owed[row] < owed - 0.45


def test_a_confirmed_anomaly_costs_nothing_and_teaches_nothing():
    board = grown()
    board.play(4, lambda _, poll: poll | {"distinct_books": 3.0})
    board.bank.confirm(["board", "no_such_source"])
    board.play(A_DAY)
    assert board.bank.rows.owed[0] == 0
    assert board.bank.rows.credit[0] == budget.CREDIT
    assert board.bank.open_incidents() == []
    again = board.play(4, lambda _, poll: poll | {"distinct_books": 6.0})
    assert [f.metric for f in again if f.change is Change.OPENED] == ["distinct_books"]


def test_the_sentence_counts_in_doublings():
    since = 1_791_763_200  # 2026-10-12
    assert budget.sentence(0.0, since) == ""
    assert budget.sentence(1.0, since) == "asked to be twice as sure since 12 Oct"
    assert budget.sentence(2.0, since) == "asked to be 4 times as sure since 12 Oct"
