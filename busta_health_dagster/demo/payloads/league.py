"""A league of 32 teams in which a game kicks off every ninety minutes: at any hour of a demo two are being played."""

from __future__ import annotations

from dataclasses import dataclass

from busta_health_dagster.demo.noise import stream
from busta_health_dagster.domain.units import from_epoch

KICKOFF_EVERY_S = 5400
GAME_S = 11_400
TEAMS = (
    ("ARI", "Arizona Cardinals"),
    ("ATL", "Atlanta Falcons"),
    ("BAL", "Baltimore Ravens"),
    ("BUF", "Buffalo Bills"),
    ("CAR", "Carolina Panthers"),
    ("CHI", "Chicago Bears"),
    ("CIN", "Cincinnati Bengals"),
    ("CLE", "Cleveland Browns"),
    ("DAL", "Dallas Cowboys"),
    ("DEN", "Denver Broncos"),
    ("DET", "Detroit Lions"),
    ("GB", "Green Bay Packers"),
    ("HOU", "Houston Texans"),
    ("IND", "Indianapolis Colts"),
    ("JAX", "Jacksonville Jaguars"),
    ("KC", "Kansas City Chiefs"),
    ("LAC", "Los Angeles Chargers"),
    ("LAR", "Los Angeles Rams"),
    ("LV", "Las Vegas Raiders"),
    ("MIA", "Miami Dolphins"),
    ("MIN", "Minnesota Vikings"),
    ("NE", "New England Patriots"),
    ("NO", "New Orleans Saints"),
    ("NYG", "New York Giants"),
    ("NYJ", "New York Jets"),
    ("PHI", "Philadelphia Eagles"),
    ("PIT", "Pittsburgh Steelers"),
    ("SEA", "Seattle Seahawks"),
    ("SF", "San Francisco 49ers"),
    ("TB", "Tampa Bay Buccaneers"),
    ("TEN", "Tennessee Titans"),
    ("WAS", "Washington Commanders"),
)
CODES = tuple(code for code, _ in TEAMS)
FULL = dict(TEAMS)


@dataclass(frozen=True, slots=True)
class Game:
    """One game: the k-th of all time. A team plays once in each round of sixteen games, which is a day."""

    index: int
    home: str
    away: str

    @property
    def kickoff(self) -> int:
        return self.index * KICKOFF_EVERY_S

    @property
    def game_id(self) -> str:
        return f"{from_epoch(self.kickoff):%Y_%m%d}_{self.away}_{self.home}"

    def drives(self) -> list[tuple[int, int, int]]:
        """(seconds after kickoff, home points, away points), cumulated; the whole game."""
        rng, home, away, found = stream("drives", self.index), 0, 0, []
        for drive in range(24):
            points = rng.choices((0, 3, 7), (0.62, 0.16, 0.22))[0]
            home, away = (home + points, away) if drive % 2 else (home, away + points)
            found.append(((drive + 1) * GAME_S // 24, home, away))
        return found

    def score(self, now: float) -> tuple[int, int]:
        """(home, away) as it stands at `now`."""
        standing = [(h, a) for at, h, a in self.drives() if at <= now - self.kickoff]
        return standing[-1] if standing else (0, 0)


def game(index: int) -> Game:
    """The circle method: one team stays, the others rotate by one each round of sixteen games."""
    day, place = divmod(index, 16)
    order = [0, *(1 + (i + day) % 31 for i in range(31))]
    first, second = order[place], order[31 - place]
    home, away = (first, second) if (day + place) % 2 else (second, first)
    return Game(index, CODES[home], CODES[away])


def games(start: float, count: int) -> list[Game]:
    """`count` games from the first that kicks off at or after `start`."""
    first = -int(-start // KICKOFF_EVERY_S)
    return [game(first + i) for i in range(count)]
