"""Odds and scores: prices that drift, scores that advance."""

from __future__ import annotations

from typing import Any

from busta_health_dagster.demo.noise import stream, unit
from busta_health_dagster.demo.payloads.league import FULL, GAME_S, Game, games
from busta_health_dagster.domain.units import iso

BOOKS = (
    ("draftkings", "DraftKings"),
    ("fanduel", "FanDuel"),
    ("betmgm", "BetMGM"),
    ("caesars", "Caesars"),
    ("betrivers", "BetRivers"),
    ("pinnacle", "Pinnacle"),
    ("bovada", "Bovada"),
    ("betonlineag", "BetOnline.ag"),
    ("unibet_us", "Unibet"),
    ("espnbet", "ESPN BET"),
)
_DRIFT_S = 1800
SUSPENDED = 0.004  # a healthy feed, too, has a few offers without a price


def odds(now: float, newest: float, count: int, bad: float) -> list[dict[str, Any]]:
    """The next `count` events with ten books and three markets each. Spoilt: whole books without prices."""
    silent = max(1, round(bad * len(BOOKS))) if bad else 0
    return [_event(g, newest, silent) for g in games(now + 900, count)]


def _event(g: Game, newest: float, silent: int) -> dict[str, Any]:
    home, away, strength = FULL[g.home], FULL[g.away], _drift(g.index, newest)
    line = round(-14 * (strength - 0.5)) + 0.5
    total = 38.5 + int(unit("total", g.index) * 14)
    quiet = range(len(BOOKS) - silent, len(BOOKS))
    books = []
    for place, (key, title) in enumerate(BOOKS):
        rng = stream("prices", g.index, key, int(newest // 240))
        win = min(0.9, max(0.1, strength + rng.uniform(-0.012, 0.012)))
        lean, over = rng.uniform(-0.02, 0.02), rng.uniform(-0.02, 0.02)
        # Books publish a little apart; the first of the list is the newest of the payload.
        updated = iso(newest - (0 if place == 0 else rng.randrange(0, 100)))
        offer = {"event_id": f"{g.index:08x}", "book": key, "timestamp": updated}
        markets = (
            ("h2h", ("home", win, None), ("away", 1 - win, None)),
            ("spreads", ("home", 0.5 + lean, line), ("away", 0.5 - lean, -line)),
            ("totals", ("over", 0.5 + over, total), ("under", 0.5 - over, total)),
        )
        books.append(
            {
                "key": key,
                "title": title,
                "last_update": updated,
                "markets": [
                    {
                        "key": market,
                        "outcomes": [
                            # Each offer names its event and book again, as flat feeds do: a suite scores offers, not events.
                            {
                                **offer,
                                "market": market,
                                "side": side,
                                "point": point,
                                "price": None if place in quiet or rng.random() < SUSPENDED else american(chance),
                            }
                            for side, chance, point in sides
                        ],
                    }
                    for market, *sides in markets
                ],
            }
        )
    return {
        "id": f"{g.index:08x}",
        "sport_key": "americanfootball_nfl",
        "commence_time": iso(g.kickoff),
        "home_team": home,
        "away_team": away,
        "bookmakers": books,
    }


def american(chance: float, margin: float = 1.045) -> int:
    """The American price of a chance with the book's margin on it: 0.5 -> -109."""
    implied = min(0.97, chance * margin)
    return -round(100 * implied / (1 - implied)) if implied >= 0.5 else max(100, round(100 * (1 - implied) / implied))


def _drift(index: int, at: float) -> float:
    """The home side's chance: a level per game, and a slow walk between half-hourly points."""
    level = 0.28 + 0.44 * unit("level", index)
    step, part = divmod(at, _DRIFT_S)
    before, after = (0.06 * (unit("walk", index, int(step) + i) - 0.5) for i in (0, 1))
    return level + before + (after - before) * part / _DRIFT_S


def scores(now: float, newest: float, count: int, bad: float) -> list[dict[str, Any]]:
    """Half the slate played or being played, half to come. Spoilt: negative scores and a status no one has heard of."""
    rows = [_score(g, newest) for g in games(now - count / 2 * 5400, count)]
    for row in rows[: -int(-bad * len(rows) // 1)] if bad else []:
        row |= {"home_score": -7, "status": "TBA"}
    return rows


def _score(g: Game, at: float) -> dict[str, Any]:
    played = at - g.kickoff
    home, away = g.score(at)
    quarter = min(3, max(0, int(played / GAME_S * 4)))
    left = max(0, 900 - int((played - quarter * GAME_S / 4) * 3600 / GAME_S))
    live = 0 <= played < GAME_S
    begun = played >= 0
    return {
        "game_id": g.game_id,
        "season": 2026,
        "status": "in_progress" if live else "final" if begun else "scheduled",
        "start_time": iso(g.kickoff),
        "home_team": g.home,
        "away_team": g.away,
        "home_score": home if begun else None,
        "away_score": away if begun else None,
        "period": quarter + 1 if begun else 0,
        "clock": f"{left // 60}:{left % 60:02d}" if live else "0:00",
        "updated_at": iso(at),
    }
