"""An odds board with a month of ordinary days behind it: what its own metrics tell, and what a schedule must not."""

import pytest

from busta_health_dagster.domain.anomaly import Change, Judgement, Metric, Term
from busta_health_dagster.engines.anomaly.bank import DetectorBank
from busta_health_dagster.engines.anomaly.behaviour import Use, behaviours
from busta_health_dagster.engines.anomaly.custom import thresholds
from busta_health_dagster.engines.anomaly.rows import StateUnreadable
from tests.unit.engines.anomaly.boards import A_DAY, HALF_HOUR, Board, grown


def half_the_bookmakers(_, poll):
    return poll | {"distinct_books": 5.0, "books_per_event": poll["books_per_event"] * 0.45}


def test_ordinary_weeks_in_which_games_leave_the_board_say_nothing():
    board = grown()
    assert board.play(14 * A_DAY) == []


def test_lost_bookmakers_are_told_at_the_second_poll_and_explain_themselves():
    board = grown()
    first = board.slot
    found = board.play(8, half_the_bookmakers)
    opening = found[0]
    assert (opening.metric, opening.term, opening.change) == ("distinct_books", Term.LEVEL, Change.OPENED)
    assert (opening.at, opening.since) == (first + HALF_HOUR, first)
    assert opening.score > opening.threshold
    assert "distinct_books 5 where 11 is usual" in opening.text
    assert {f.change for f in found[1:]} <= {Change.JOINED}  # one cause, one message
    ended = board.play(6)
    assert Change.CLEARED in {f.change for f in ended}
    assert board.bank.verdict("board").judgement is Judgement.GOOD


def test_a_board_that_is_empty_after_a_full_one_is_a_fact_at_the_second_poll():
    board = grown()
    nothing = {"items": 0.0, "distinct_books": 0.0}
    found = board.play(3, lambda _, poll: {"data_age_s": poll["data_age_s"], **nothing})
    assert [(f.term, f.change, f.at) for f in found] == [(Term.EMPTY, Change.OPENED, board.slot - 2 * HALF_HOUR)]
    assert "no items, 28 before" in found[0].text


def test_a_board_that_runs_out_game_by_game_is_how_a_season_ends():
    board = grown()
    left = [20.0, 12.0, 6.0, 3.0, 2.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    found = board.play(len(left), lambda k, poll: poll | {"items": left[k]})
    assert [f for f in found if f.term is Term.EMPTY] == []


def test_a_source_that_was_never_down_is_told_at_its_first_failure_when_polls_are_rare():
    board = grown()
    found = board.play(2, lambda _, __: {"down": 1.0})
    assert [(f.term, f.change) for f in found] == [(Term.FAILURES, Change.OPENED)]


def test_another_kind_of_trouble_inside_an_open_anomaly_is_news_and_more_of_the_same_is_not():
    board = grown()
    board.play(10, half_the_bookmakers)
    assert board.bank.verdict("board").open
    found = board.play(2, lambda _, __: {"down": 1.0})
    news = [f for f in found if f.change is Change.NEWS]
    assert [f.term for f in news] == [Term.FAILURES]
    assert board.play(4, lambda _, __: {"down": 1.0}) == []


def test_a_jump_far_beyond_the_open_anomaly_is_news_and_the_verdict_carries_it():
    board = grown()
    board.play(4, lambda _, poll: poll | {"distinct_books": 7.0})
    found = board.play(2, lambda _, poll: poll | {"distinct_books": 2.0})
    assert [(f.metric, f.change) for f in found] == [("distinct_books", Change.NEWS)]
    assert "distinct_books 2" in (board.bank.verdict("board").news or "")
    board.play(1, lambda _, poll: poll | {"distinct_books": 2.0})
    assert board.bank.verdict("board").news is None


def test_a_new_level_for_good_is_said_once_and_the_old_one_may_come_back():
    board = grown()
    fewer = lambda _, poll: poll | {"distinct_books": 6.0}  # noqa: E731
    found = board.play(10 * A_DAY, fewer)
    assert [(f.metric, f.change) for f in found] == [
        ("distinct_books", Change.OPENED),
        ("distinct_books", Change.NEW_NORMAL),
    ]
    assert "taken as the new normal" in found[1].text
    assert board.play(10 * A_DAY) == []


def test_a_level_taken_as_normal_on_a_small_board_excuses_nothing_on_a_full_one():
    board = grown()
    board.play(4 * A_DAY, lambda _, poll: poll | {"items": 1.0, "distinct_books": 6.0})
    board.play(6 * A_DAY)
    found = board.play(4, lambda _, poll: poll | {"distinct_books": 6.0})
    assert [(f.metric, f.change) for f in found] == [("distinct_books", Change.OPENED)]


def test_metrics_are_ranked_by_the_smallest_change_they_can_tell_and_the_rest_says_why_not():
    board = Board()
    wild = lambda k, poll: poll | {"wild": 100.0 if k // 6 % 2 else 400.0, "constant_zero": 0.0}  # noqa: E731
    board.play(31 * A_DAY, wild)
    found = {b.metric: b for b in behaviours(board.bank, "board")}
    order = [b.metric for b in behaviours(board.bank, "board")]
    assert order[0] in {"distinct_books", "books_per_event"}
    assert found["distinct_books"].use is Use.USED
    assert found["distinct_books"].fall == pytest.approx(0.3, abs=0.1)
    assert (found["items"].use, found["wild"].use, found["constant_zero"].use) == (Use.LEFT_OUT,) * 3
    assert "follows a schedule" in found["items"].why
    assert "its own ordinary days move it" in found["wild"].why
    assert found["constant_zero"].why == "always 0 so far: nothing can be missing from it"


def test_three_days_of_history_judge_no_metric_and_say_how_many_are_missing():
    board = grown(3)
    assert board.play(8, half_the_bookmakers) == []
    uses = {b.metric: (b.use, b.why) for b in behaviours(board.bank, "board")}
    assert uses["distinct_books"] == (Use.LEARNING, f"3 of {thresholds.FIRST_DAYS} days of history")


def test_only_the_metrics_of_the_rule_are_judged_where_it_names_some():
    board = grown(metrics=("books_per_event",))
    found = board.play(8, lambda _, poll: poll | {"distinct_books": 5.0})
    assert found == []
    assert {b.metric: b.use for b in behaviours(board.bank, "board")}["distinct_books"] is Use.NOT_CHOSEN
    assert board.play(8, half_the_bookmakers)[0].metric == "books_per_event"


def test_the_state_of_a_sources_metrics_survives_its_bytes():
    board = grown()
    board.play(5, half_the_bookmakers)
    twin = DetectorBank(board.bank.sources, board.bank.settings, keep_cold=True)
    twin.load_hot(board.bank.dump_hot())
    assert twin.verdict("board").findings == board.bank.verdict("board").findings
    assert twin.dump_hot() == board.bank.dump_hot()
    with pytest.raises(StateUnreadable, match="custom metrics"):
        twin.load_hot({"board": board.bank.dump_hot()["board"][:-7]})


def test_at_most_sixteen_metrics_are_followed_and_what_is_no_number_is_missing():
    board = Board()
    board.play(20, lambda _, poll: poll | {f"m{i}": float(i) for i in range(20)} | {"distinct_books": float("nan")})
    assert len(board.bank.custom.of("board")) == thresholds.MOST
    assert Metric.ITEMS not in board.bank.custom.of("board")


def test_metrics_that_are_gone_for_a_day_give_their_places_to_new_ones():
    board = Board()
    renamed = {f"new_{n}": 7.0 for n in range(thresholds.MOST)}
    old = {f"old_{n}": 5.0 for n in range(thresholds.MOST)}
    board.play(3, lambda _, poll: {"items": poll["items"], "data_age_s": 1.0, **old})
    board.play(A_DAY - 2, lambda _, poll: {"items": poll["items"], "data_age_s": 1.0, **renamed})
    assert set(board.bank.custom.of("board")) == set(old), "one that is missing for hours is not gone"
    twin = Board()
    twin.bank.load_hot(board.bank.dump_hot())  # every tick is a process of its own
    twin.i = board.i
    twin.play(4, lambda _, poll: {"items": poll["items"], "data_age_s": 1.0, **renamed})
    assert set(twin.bank.custom.of("board")) == set(renamed)
