"""The shipped suites against what their providers send: good answers score 100, frauds below 90."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.quality.loader import load_suite
from busta_health_dagster.quality.scorecard import score_file

SUITES = Path(__file__).parents[3] / "expectations"
NOW = datetime(2026, 11, 28, 17, 0, tzinfo=UTC)
TEAMS = [(f"City {n} Hosts", f"Town {n} Guests") for n in range(14)]
HOME_CHANCE = [0.30, 0.72, 0.55, 0.81, 0.64, 0.22, 0.50, 0.76, 0.35, 0.68, 0.59, 0.84, 0.41, 0.27]


def american(chance: float) -> int:
    return round(-100 * chance / (1 - chance)) if chance > 0.5 else round(100 * (1 - chance) / chance)


def decimal(chance: float) -> float:
    return round(1 / chance, 2)


def board(price=american, books: int = 6, **of_book: object) -> list[dict]:
    """A week of games, each at several bookmakers: who wins, and by how much."""
    stamp = (NOW - timedelta(minutes=3)).isoformat().replace("+00:00", "Z")
    games = []
    for n, ((home, away), chance) in enumerate(zip(TEAMS, HOME_CHANCE, strict=True)):
        line = round((0.5 - chance) * 24) / 2
        markets = lambda b, home=home, away=away, chance=chance, line=line: [  # noqa: E731
            {
                "key": "h2h",
                "last_update": stamp,
                "outcomes": [
                    {"name": home, "price": price(chance + 0.02 + b / 500)},
                    {"name": away, "price": price(1 - chance + 0.02 - b / 500)},
                ],
            },
            {
                "key": "spreads",
                "last_update": stamp,
                "outcomes": [
                    {"name": home, "price": price(0.523), "point": line + b % 2 / 2},
                    {"name": away, "price": price(0.524), "point": -line - b % 2 / 2},
                ],
            },
        ]
        games.append(
            {
                "id": f"game{n}",
                "commence_time": (NOW + timedelta(hours=3 + n)).isoformat().replace("+00:00", "Z"),
                "home_team": home,
                "away_team": away,
                "bookmakers": [
                    {"key": f"book{b}", "last_update": stamp, "markets": markets(b)} | of_book for b in range(books)
                ],
            }
        )
    return games


@pytest.fixture
def scored(runner, tmp_path: Path):
    """-> (the score, ids of the checks that failed)."""

    def of(suite: str, payload: object, now: datetime = NOW, against: object = None) -> tuple[float, list[str]]:
        for name, content in (("data", payload), ("before", against)):
            (tmp_path / f"{name}.json").write_text(json.dumps(content))
        before = None if against is None else tmp_path / "before.json"
        done = score_file(SUITES / f"{suite}.json", tmp_path / "data.json", now, runner, against=before).score
        return done.score, [check.id for check in done.checks if check.passed is False]

    return of


@pytest.mark.parametrize("price", [american, decimal])
def test_a_good_board_scores_100_in_both_kinds_of_odds(scored, price) -> None:
    assert scored("odds_events", board(price)) == (100.0, [])


def test_several_lines_of_one_market_are_no_duplicates(scored) -> None:
    games = board()
    for game in games:
        for book in game["bookmakers"]:
            more = [
                {"name": side, "price": price, "point": point}
                for side, price, point in (
                    (game["home_team"], 150, -9.5),
                    (game["away_team"], -170, 9.5),
                    (game["home_team"], -160, 9.5),
                    (game["away_team"], 140, -9.5),
                )
            ]
            book["markets"].append({"key": "alternate_spreads", "last_update": NOW.isoformat(), "outcomes": more})
    assert scored("odds_events", games) == (100.0, [])


def test_player_props_have_the_time_of_their_market_and_one_price_per_player(scored) -> None:
    props = [
        {"name": side, "description": player, "price": price, "point": 1.5}
        for player in ("A. One", "B. Two")
        for side, price in (("Over", -120), ("Under", -105))
    ]
    scorers = [
        {"name": "Yes", "description": player, "price": price} for player, price in (("A. One", 250), ("B. Two", 900))
    ]
    games = board()[:1]
    for book in games[0]["bookmakers"]:
        del book["last_update"]
        book["markets"] = [
            {"key": "player_pass_tds", "last_update": NOW.isoformat(), "outcomes": props},
            {"key": "player_anytime_td", "last_update": NOW.isoformat(), "outcomes": scorers},
        ]
    assert scored("odds_events", games) == (100.0, [])


def test_an_exchange_lays_below_one_and_an_outright_far_above(scored) -> None:
    games = board()
    for game in games:
        game["bookmakers"][0]["markets"] += [
            {
                "key": "h2h_lay",
                "last_update": NOW.isoformat(),
                "outcomes": [{"name": game["home_team"], "price": 150}, {"name": game["away_team"], "price": 190}],
            },
            {
                "key": "outrights",
                "last_update": NOW.isoformat(),
                "outcomes": [{"name": f"Team {n}", "price": 900 + n} for n in range(20)],
            },
        ]
    assert scored("odds_events", games) == (100.0, [])


def swapped_at_one(games: list[dict]) -> None:
    for game in games:
        for market in game["bookmakers"][2]["markets"]:
            first, second = market["outcomes"]
            first["name"], second["name"] = second["name"], first["name"]


def half_gone(games: list[dict]) -> None:
    del games[len(games) // 2 :]


def all_of_2019(games: list[dict]) -> None:
    for game in games:
        game["commence_time"] = "2019" + game["commence_time"][4:]


def against_itself(games: list[dict]) -> None:
    games[3]["away_team"] = games[3]["home_team"]


def mixed_odds(games: list[dict]) -> None:
    for game in games:
        for outcome in game["bookmakers"][0]["markets"][0]["outcomes"]:
            outcome["price"] = 1.91


def test_among_forty_bookmakers_the_one_that_swaps_is_still_found(scored) -> None:
    games = board(books=40)
    swapped_at_one(games)
    score, failed = scored("odds_events", games)
    assert score < 90
    assert "book.consensus" in failed


def test_prices_of_games_that_are_being_played_need_not_agree(scored) -> None:
    games = board(decimal)
    for game in games[:2]:
        game["commence_time"] = (NOW - timedelta(hours=1)).isoformat()
        for late in game["bookmakers"][:2]:
            late["markets"][0]["outcomes"][0]["price"], late["markets"][0]["outcomes"][1]["price"] = 9.5, 1.06
    assert scored("odds_events", games) == (100.0, [])


def test_the_winner_of_a_season_has_no_home_team(scored) -> None:
    season = board()[:1]
    season[0] |= {"home_team": None, "away_team": None, "has_outrights": True}
    names = [{"name": f"Team {n}", "price": 900 + n} for n in range(20)]
    for book in season[0]["bookmakers"]:
        book["markets"] = [{"key": "outrights", "last_update": NOW.isoformat(), "outcomes": names}]
    assert scored("odds_events", season) == (100.0, [])
    games = board()
    games[0]["home_team"] = None
    assert "home_team.not_null" in scored("odds_events", games)[1]


@pytest.mark.parametrize(
    ("fraud", "check"),
    [
        (swapped_at_one, "price.consensus"),
        (swapped_at_one, "line.consensus"),
        (half_gone, "schema.volume"),
        (all_of_2019, "kick_off.ahead"),
        (against_itself, "teams.differ"),
        (mixed_odds, "price.odds"),
    ],
)
def test_a_fraud_scores_below_90_and_is_named(scored, fraud, check: str) -> None:
    good = board()
    games = copy.deepcopy(good)
    fraud(games)
    score, failed = scored("odds_events", games, against=good)
    assert score < 90
    assert check in failed


def scoreboard(at: datetime) -> dict:
    def side(where: str, name: str) -> dict:
        return {"homeAway": where, "team": {"abbreviation": name}, "score": "0", "records": [{"type": "total"}]}

    status = {"type": {"name": "STATUS_SCHEDULED", "state": "pre"}}
    return {
        "events": [
            {
                "id": str(n),
                "date": f"{at + timedelta(hours=n):%Y-%m-%dT%H:%MZ}",
                "status": status,
                "competitions": [
                    {
                        "id": str(n),
                        "date": f"{at + timedelta(hours=n):%Y-%m-%dT%H:%MZ}",
                        "competitors": [side("home", f"H{n}"), side("away", f"A{n}")],
                        "status": status,
                    }
                ],
            }
            for n in range(14)
        ]
    }


def test_a_scoreboard_is_read_with_its_two_competitors_side_by_side(scored) -> None:
    good = scoreboard(NOW)
    assert scored("scores", good) == (100.0, [])
    assert scored("scores", good["events"]) == (100.0, []), "and the rows alone, as a probe stores them"
    assert scored("scores", scoreboard(NOW - timedelta(days=30)))[1] == ["kick_off.this_week"], "a board of last month"
    itself = copy.deepcopy(good)
    itself["events"][0]["competitions"][0]["competitors"][1]["team"]["abbreviation"] = "H0"
    assert "teams.differ" in scored("scores", itself)[1]


def test_an_injury_list_is_read_through_two_lists(scored) -> None:
    words = ("Active", "Questionable", "Out", "Injured Reserve", "Doubtful", "Day-To-Day")
    reports = [
        {
            "id": f"-{n}",
            "status": words[n % len(words)],
            "date": f"{NOW - timedelta(hours=n):%Y-%m-%dT%H:%MZ}",
            "athlete": {
                "displayName": f"Player {n}",
                "position": {"abbreviation": ("QB", "CB", "S", "OT")[n % 4]},
                "team": {"abbreviation": ("ARI", "WSH", "KC")[n % 3]},
            },
        }
        for n in range(40)
    ]
    good = {
        "injuries": [{"displayName": "A", "injuries": reports[:20]}, {"displayName": "B", "injuries": reports[20:]}]
    }
    assert scored("injuries", good) == (100.0, [])
    reports[3]["status"] = "nonsense"
    score, failed = scored("injuries", good)
    assert (score < 90, failed) == (True, ["status.known"])


def forecast(begin: datetime, factor: float = 1.0, shift: float = 0.0) -> dict:
    return {
        "cnt": 40,
        "list": [
            {
                "dt": int((begin + timedelta(hours=3 * n)).timestamp()),
                "main": {
                    "temp": 40 + n * factor + shift,
                    "feels_like": 35 + n * factor + shift,
                    "humidity": 60 + n % 20,
                },
                "wind": {"speed": 4.5 + n % 7, "deg": 200},
                "pop": n % 5 / 5,
                "rain": {"3h": 0.2},
            }
            for n in range(40)
        ],
    }


def test_a_forecast_in_kelvin_or_of_yesterday_is_not_taken_for_good(scored) -> None:
    assert scored("weather", forecast(NOW + timedelta(hours=1))) == (100.0, [])
    assert scored("weather", forecast(NOW + timedelta(hours=1), shift=230))[1] == ["temperature_f.range"]
    assert "forecast.begins_now" in scored("weather", forecast(NOW - timedelta(days=1)))[1]


def test_play_by_play_has_the_words_of_nflverse(runner, tmp_path: Path) -> None:
    lines = ["play_id,game_id,posteam,defteam,qtr,down,ydstogo,play_type,yards_gained,desc"]
    for n in range(200):
        if n % 40 == 0:
            lines.append(f"{n},2026_01_ARI_LAC,NA,NA,{1 + n // 50},NA,0,NA,NA,end of quarter")
        else:
            kind = ("pass", "run", "punt", "no_play")[n % 4]
            lines.append(f"{n},2026_01_ARI_LAC,ARI,LAC,{1 + n // 50},{1 + n % 4},10,{kind},{n % 9},plays")
    (tmp_path / "pbp.csv").write_text("\n".join(lines) + "\n")
    done = score_file(SUITES / "play_by_play.json", tmp_path / "pbp.csv", NOW, runner).score
    assert (done.score, [c.id for c in done.checks if c.passed is False]) == (100.0, [])


@pytest.mark.parametrize("key", ["rows", "unnest", "pivot", "rename", "optional", "nulls"])
def test_a_layout_of_another_shape_is_named_with_an_example(key: str, tmp_path: Path) -> None:
    from busta_health_dagster.domain.errors import ConfigError

    suite = json.loads((SUITES / "weather.json").read_text())
    suite["meta"] |= {key: 7}
    (tmp_path / "s.json").write_text(json.dumps(suite))
    with pytest.raises(ConfigError, match=rf"meta\.{key}\s+cannot be used: 7"):
        load_suite(tmp_path / "s.json")


def test_rows_that_a_document_does_not_have_are_said_with_what_it_has(scored) -> None:
    with pytest.raises(
        BadInput, match="the document has no `list`, where `rows` of the suite leads; it has cod and message"
    ):
        scored("weather", {"cod": 401, "message": "Invalid API key"})
