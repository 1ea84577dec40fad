"""Injuries, weather and the stats page."""

from __future__ import annotations

from html import escape
from typing import Any

from busta_health_dagster.demo.noise import stream
from busta_health_dagster.demo.payloads.league import CODES
from busta_health_dagster.domain.units import iso

FIRST = (
    "James",
    "Marcus",
    "Tyler",
    "Devon",
    "Chris",
    "Aaron",
    "Malik",
    "Jordan",
    "Luke",
    "Trey",
    "Isaiah",
    "Cole",
    "Xavier",
    "Nick",
    "Andre",
    "Brock",
)
LAST = (
    "Walker",
    "Henderson",
    "Brooks",
    "Coleman",
    "Patterson",
    "Reed",
    "Simmons",
    "Foster",
    "Bryant",
    "Hayes",
    "Griffin",
    "Wallace",
    "Sanders",
    "Price",
    "Bell",
    "Ward",
)
_POSITIONS = ("QB", "RB", "WR", "TE", "OT", "G", "C", "DE", "DT", "LB", "CB", "S", "K")
_PARTS = ("Ankle", "Knee", "Hamstring", "Concussion", "Shoulder", "Groin", "Calf", "Back", "Illness", "Foot")
_STATUSES = ("out", "doubtful", "questionable", "probable")
_PRACTICE = ("DNP", "Limited", "Full")


def injuries(now: float, newest: float, count: int, bad: float) -> list[dict[str, Any]]:
    """One row per player. Spoilt: statuses renamed upstream, some without a team, one row twice."""
    week = int(now // (7 * 86400))
    rng = stream("injuries", week)
    rows: list[dict[str, Any]] = []
    for place in range(count):
        moved = stream("injury", week, place, int(newest // 21_600))
        rows.append(
            {
                "player_id": f"00-{3_000_000 + week % 1000 * 100 + place:07d}",
                "player": f"{rng.choice(FIRST)} {rng.choice(LAST)}",
                "team": rng.choice(CODES),
                "position": rng.choice(_POSITIONS),
                "injury": rng.choice(_PARTS),
                "status": moved.choices(_STATUSES, (30, 8, 45, 17))[0],
                "practice": moved.choice(_PRACTICE),
                "report_date": iso(newest - (0 if place == 0 else moved.randrange(0, 5400))),
            }
        )
    if bad:
        spoilt = -int(-bad * count // 1)
        for place, row in enumerate(rows[1 : spoilt + 1]):
            row |= {"status": "game_time_decision"} if place % 3 else {"status": None, "team": None}
        rows[-1] = dict(rows[-2])
    return rows


CALM_ANEMOMETER = 0.006  # the share of healthy stations that report no wind
_STADIUMS = tuple((f"K{code:0<3}", code) for code in CODES[:30])


def weather(now: float, newest: float, count: int, bad: float) -> dict[str, Any]:
    """Observations of `count` stadium stations. Spoilt: temperatures of broken sensors and missing winds."""
    rows = []
    spoilt = -int(-bad * count // 1)
    for place, (station, team) in enumerate(_STADIUMS[:count]):
        rng = stream("weather", station, int(newest // 900))
        season = stream("climate", station, int(newest // 86400)).uniform(-8, 24)
        wind = None if (place < spoilt and place % 2) or rng.random() < CALM_ANEMOMETER else rng.uniform(2, 28)
        rows.append(
            {
                "station": station,
                "team": team,
                "latitude": round(26 + place * 0.7, 3),
                "longitude": round(-122 + place * 1.6, 3),
                "temperature_c": 999.9 if place < spoilt else round(season + rng.uniform(-0.7, 0.7), 1),
                "wind_kph": None if wind is None else round(wind, 1),
                "gust_kph": round((wind or 0) * 1.4, 1),
                "humidity": rng.randrange(28, 97),
                "precipitation_mm": round(max(0.0, rng.uniform(-6, 3)), 1),
                "observed_at": iso(newest),
            }
        )
    return {"generated_at": iso(now), "units": "metric", "observations": rows}


def stats_page(now: float, newest: float, count: int, bad: float) -> str:  # noqa: ARG001  one signature for all payloads
    """A page as scrapers meet it: a table in HTML. Spoilt: rows with the numbers gone, as after a change of layout."""
    rng, day = stream("passing", 2026), int(newest // 86400) % 300
    rows = []
    for place in range(count):
        games_played = 1 + day * 16 // 300
        attempts = games_played * rng.randrange(24, 41)
        completed = int(attempts * rng.uniform(0.57, 0.72))
        yards = int(completed * rng.uniform(9.5, 12.8))
        cells = [
            str(place + 1),
            f"{rng.choice(FIRST)} {rng.choice(LAST)}",
            rng.choice(CODES),
            str(games_played),
            str(completed),
            str(attempts),
            str(yards),
        ]
        if place < bad * count:
            cells[4:] = ["", "", ""]
        tags = ("ranker", "player", "team", "g", "pass_cmp", "pass_att", "pass_yds")
        rows.append(
            "<tr>"
            + "".join(f'<td data-stat="{t}">{escape(c)}</td>' for t, c in zip(tags, cells, strict=True))
            + "</tr>"
        )
    head = "".join(f"<th>{h}</th>" for h in ("Rk", "Player", "Tm", "G", "Cmp", "Att", "Yds"))
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>2026 Passing</title></head>"
        "<body><h1>2026 Passing</h1>\n"
        f'<p>Updated <time datetime="{iso(newest)}">{iso(newest)}</time></p>\n'
        f'<table id="passing"><thead><tr>{head}</tr></thead><tbody>\n'
        + "\n".join(rows)
        + "\n</tbody></table></body></html>\n"
    )
