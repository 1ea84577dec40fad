"""A draft from one season is tried on the next good one, and on small faults in the same season."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from busta_health_dagster.quality.column_profile import claims, is_calendar
from busta_health_dagster.quality.loader import parse_suite
from busta_health_dagster.quality.rules import is_timestamp, known_or_recurring, not_dominant
from busta_health_dagster.quality.suggest import suggest

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CLUBS = [f"{a} {b}" for a in ("North", "South", "East", "West") for b in ("Hawks", "Bears", "Kings", "Stars", "Rams")]


def season(year: int, clubs: list[str], seed: int) -> pd.DataFrame:
    """A season of results as text, as a CSV file has it: every club at home against every other."""
    rng = np.random.default_rng(seed)
    games = [(h, a) for h in clubs for a in clubs if h != a]
    order = rng.permutation(len(games))
    rows = []
    for n, i in enumerate(order):
        day = datetime(year, 8, 5, tzinfo=UTC) + timedelta(days=int(n * 270 / len(games)))
        home, away = rng.poisson(1.6), rng.poisson(1.2)
        rows.append(
            {
                "season": str(year),
                "week": str(1 + n * 38 // len(games)),
                "game_id": f"{year}{n:04d}",
                "date": f"{day:%Y-%m-%d}",
                "home": games[i][0],
                "away": games[i][1],
                "home_goals": str(home),
                "away_goals": str(away),
                "result": "H" if home > away else "A" if away > home else "D",
                "attendance": str(int(rng.normal(30_000, 6_000))),
                "rating": f"{rng.normal(0, 4):.2f}" if rng.random() > 0.003 else "N/A",
            }
        )
    return pd.DataFrame(rows, dtype="str")


TRAIN = season(2025, CLUBS, 1)
NEXT = season(2026, [*CLUBS[:17], "Newtown Foxes", "Riverside Owls", "Lakeside Bulls"], 2)
SUITE = parse_suite(suggest(TRAIN, "results", NOW), "results")


def score_of(runner, frame: pd.DataFrame) -> float:
    found = runner.validate("results", SUITE, frame, NOW).score.score
    assert found is not None
    return found


def test_the_next_good_season_scores_as_good(runner) -> None:
    """A new year, new ids, three promoted clubs in 29% of the games, and one `N/A` in 300 ratings."""
    assert score_of(runner, NEXT) >= 95


def faulty(kind: str) -> pd.DataFrame:
    """NEXT's own season with 5% of the rows spoilt in one way."""
    rng = np.random.default_rng(5)
    frame = season(2025, CLUBS, 3)
    rows = rng.permutation(len(frame))[: len(frame) // 20]
    at = frame.index[rows]
    if kind == "nulls":
        frame.loc[at, "home"] = None
    elif kind == "copies":
        frame = pd.concat([frame, frame.loc[at]], ignore_index=True)
    elif kind == "times 100":
        frame.loc[at, "attendance"] = [str(100 * int(v)) for v in frame.loc[at, "attendance"]]
    elif kind == "typos":
        frame.loc[at, "away"] = [v[:2] + "x" + v[2:] for v in frame.loc[at, "away"]]
    elif kind == "one value":
        frame.loc[at, "attendance"] = "25000"
    return frame


@pytest.mark.parametrize("kind", ["nulls", "copies", "times 100", "typos", "one value"])
def test_five_percent_of_bad_rows_alert(runner, kind: str) -> None:
    assert score_of(runner, season(2025, CLUBS, 3)) >= 95, "without the fault"
    assert score_of(runner, faulty(kind)) < 90


def replaced(kind: str) -> pd.DataFrame:
    frame = season(2025, CLUBS, 3)
    if kind == "another case":
        frame["home"] = frame["home"].str.lower()
    elif kind == "a trailing blank":
        frame["home"] = frame["home"] + " "
    elif kind == "another column":
        frame = frame.rename(columns={"home": "result", "result": "home"})
    elif kind == "one member":
        frame["home"] = CLUBS[3]
    elif kind == "times of 1970":
        frame.loc[frame.index[::10], "date"] = "1970-01-01"
    elif kind == "times of the next decade":
        frame.loc[frame.index[::10], "date"] = "2036-01-01"
    return frame


@pytest.mark.parametrize(
    "kind",
    [
        "another case",
        "a trailing blank",
        "another column",
        "one member",
        "times of 1970",
        "times of the next decade",
    ],
)
def test_a_column_that_was_replaced_alerts_although_every_new_value_recurs(runner, kind: str) -> None:
    assert score_of(runner, replaced(kind)) < 90


def test_a_set_of_which_most_is_new_has_not_grown() -> None:
    lower = pd.Series(["bears"] * 60 + ["hawks"] * 60 + ["Bears"] * 10)
    good = known_or_recurring(lower, ["Bears", "Hawks"], 0.05)
    assert set(lower[good]) == {"Bears"}


def test_a_time_has_bounds_and_one_that_cannot_be_read_is_outside() -> None:
    times = pd.Series(["2026-01-01", "1970-01-01T00:00:00Z", "2099-01-01", "soon"])
    assert list(is_timestamp(times, "2025-01-01", "2031-01-01T00:00:00Z")) == [True, False, False, False]
    assert list(is_timestamp(times)) == [True, True, True, False]


def test_a_set_grows_by_members_that_recur_and_not_by_mistakes() -> None:
    values = pd.Series(["Bears"] * 60 + ["Hawks"] * 60 + ["Foxes"] * 20 + ["Baers", "Hwaks"])
    good = known_or_recurring(values, ["Bears", "Hawks"], 0.05)
    assert list(values[~good]) == ["Baers", "Hwaks"]


def test_a_value_that_crowds_out_the_others_is_unexpected_and_few_rows_say_nothing() -> None:
    usual = pd.Series([str(i % 100) for i in range(400)])
    stuck = pd.Series(["7"] * 60 + [str(i % 100) for i in range(340)])
    arguments = {"shares": {}, "rare": 0.012, "rows": 400, "room": 0.02}
    assert not_dominant(usual, **arguments).all()
    assert set(stuck[~not_dominant(stuck, **arguments)]) == {"7"}
    assert not_dominant(pd.Series(["7"] * 40), **arguments).all()


@pytest.mark.parametrize(
    ("column", "yes"),
    [
        ("season", True),
        ("yearID", True),
        ("schedule_week", True),
        ("Date", True),
        ("weekly_sales_id", False),
        ("team", False),
    ],
)
def test_columns_that_say_when_are_known_by_their_words(column: str, yes: bool) -> None:
    assert is_calendar(column) is yes


def test_what_moves_on_with_time_has_no_closed_range() -> None:
    years = claims(pd.Series(["2023"] * 100 + ["2024"] * 100 + ["2025"] * 100), "season")
    assert [c.suffix for c in years if c.suffix in {"set", "number"}] == ["number"]
    assert years[0].kwargs["max_value"] >= 2030
    ids = claims(pd.Series([str(6671 + i) for i in range(300)]), "row_id")
    assert "max_value" not in ids[0].kwargs


def test_a_claim_that_the_last_rows_break_is_not_made() -> None:
    values = pd.Series(["a", "b"] * 70 + [f"new {i}" for i in range(60)])
    assert "set" not in {c.suffix for c in claims(values, "code")}


def test_a_few_odd_cells_do_not_unmake_a_column_of_numbers() -> None:
    values = pd.Series(["N/A" if i % 100 == 50 else f"{i % 41 / 7:.2f}" for i in range(300)])
    (number, *_) = claims(values, "rating")
    assert number.type == "expect_column_values_to_be_number_between"
