"""Rows of the play-by-play file, the warehouse table and the feature store."""

from __future__ import annotations

from typing import Any

from busta_health_dagster.demo.noise import stream
from busta_health_dagster.demo.payloads.league import CODES, KICKOFF_EVERY_S, game
from busta_health_dagster.domain.units import from_epoch, iso

_PLAYS = ("pass", "run", "punt", "field_goal", "kickoff")


def plays(newest: float, count: int, bad: float) -> list[dict[str, Any]]:
    """A day's plays of sixteen games. Spoilt: yards that no field has, plays without a team, plays twice."""
    last = int(newest // KICKOFF_EVERY_S)
    per_game, rows = count // 16, []
    for index in range(last - 16, last):
        g, rng = game(index), stream("plays", index)
        home = away = 0
        for number in range(per_game):
            kind = rng.choices(_PLAYS, (52, 36, 5, 4, 3))[0]
            offence, defence = (g.home, g.away) if number // 6 % 2 else (g.away, g.home)
            scrimmage = kind in {"pass", "run"}
            if rng.random() < 0.05:
                home, away = (home + 7, away) if offence == g.home else (home, away + 7)
            rows.append(
                {
                    "game_id": g.game_id,
                    "play_id": number * 21 + 35,
                    "game_date": f"{from_epoch(g.kickoff):%Y-%m-%d}",
                    "quarter": min(4, 1 + number * 4 // per_game),
                    "play_type": kind,
                    "possession": None if rng.random() < 0.01 else offence,
                    "defence": defence,
                    "down": rng.randrange(1, 5) if scrimmage else None,
                    "yards_to_go": rng.randrange(1, 16) if scrimmage else None,
                    "yardline_100": rng.randrange(1, 100),
                    "yards_gained": rng.randrange(-6, 24) if scrimmage else 0,
                    "home_score": home,
                    "away_score": away,
                    "epa": round(rng.gauss(0.02, 1.1), 4),
                }
            )
    for place in range(int(bad * len(rows))):
        rows[place * 5 % len(rows)] |= {"yards_gained": 250, "possession": None}
    if bad:
        rows[1::40] = [dict(r) for r in rows[0::40]][: len(rows[1::40])]
    return rows


def warehouse_games(newest: float, count: int, bad: float) -> list[dict[str, Any]]:
    """The last `count` games. Spoilt: teams missing, as after a join that found nothing."""
    last = int(newest // KICKOFF_EVERY_S)
    rows = []
    for place, index in enumerate(range(last - count, last)):
        g, rng = game(index), stream("warehouse", index)
        _, home, away = g.drives()[-1]
        rows.append(
            {
                "id": index,
                "game_id": g.game_id,
                "season": 2026,
                "game_date": f"{from_epoch(g.kickoff):%Y-%m-%d}",
                "home_team": g.home,
                "away_team": g.away,
                "home_score": home,
                "away_score": away,
                "spread_close": rng.randrange(-20, 21) / 2,
                "total_close": 38.5 + rng.randrange(0, 14),
                "updated_at": iso(newest if place == count - 1 else min(newest, g.kickoff + 14_400)),
            }
        )
    for row in rows[:: round(1 / bad)] if bad else []:
        row["home_team"] = None
    return rows


FEATURES = (
    "elo",
    "off_epa",
    "def_epa",
    "rest_days",
    "win_rate",
    "pace",
    "injured_starters",
    "travel_km",
    "qb_rating",
    "turnover_rate",
)


def features(newest: float, count: int, bad: float) -> list[dict[str, Any]]:
    """Ten features of 32 teams, `count / 320` days, newest first. Spoilt: nulls, as after a join without a match."""
    rows = []
    for back in range(count // (len(CODES) * len(FEATURES))):
        at = newest - back * 86400
        for team in CODES:
            rng = stream("features", team, int(at // 86400))
            rows += [
                {
                    "entity_id": team,
                    "feature": name,
                    "value": None if rng.random() < 0.01 + bad else round(rng.gauss(0, 1), 4),
                    "event_time": from_epoch(at),
                }
                for name in FEATURES
            ]
    return rows
