"""The twelve upstreams: where each answers, how fast, how often it has news and how much of it.

The live servers and the generated history read the same numbers, so that the first live check lies inside the band of
the past.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from busta_health_dagster.demo.faults import SHOWN_BY, Fault, Medium
from busta_health_dagster.demo.noise import unit

DAY = 86400


@dataclass(frozen=True, slots=True)
class Upstream:
    """One simulated upstream.

    `path` is a URL path, or a path below `<home>/demo`. News comes every `period_s` (with `irregular`: at a random
    moment of each period, fewer at night), and is `lag_s` old when it is published. `median_ms` and `spread` (sigma
    of the logarithm) describe a healthy answer; `items` (0: not countable) and `wobble` its size; `quality` (0: not
    scored) and `limit_*` are used by the history only.
    """

    name: str
    medium: Medium
    path: str
    median_ms: float
    spread: float
    period_s: int
    lag_s: int
    items: int
    wobble: int
    quality: float
    size_bytes: int
    irregular: bool = False
    content: str = ""
    limit_ms: float = 5000.0
    limit_age_s: int = 6 * 3600

    def load(self, at: float) -> float:
        """The daily and weekly shape, about 1: American evenings are busy, Sundays more so, mornings in Europe are
        quiet.
        """
        if self.medium is not Medium.HTTP:
            return 1.0
        hour = at % DAY / 3600
        sunday = int(at // DAY + 4) % 7 == 0
        return 1 + 0.16 * math.cos((hour - 1.5) * math.pi / 12) + (0.18 if sunday and hour >= 17 else 0.0)

    def newest(self, at: float, phase_s: float = 0.0) -> float:
        """Epoch of the newest item that is out at `at`. `phase_s` shifts the grid (the daily drop is set by the
        anchor).
        """
        if not self.irregular:
            return (at - phase_s - self.lag_s) // self.period_s * self.period_s + phase_s
        slot = int(at // self.period_s)
        while True:
            moment = self.moment(slot)
            if moment is not None and moment <= at:
                return moment
            slot -= 1

    def moment(self, slot: int) -> float | None:
        """When the entry of a period was published; None when that period had none (more often so at night, UTC 5-11).

        One period in four always has one, so that a healthy feed never comes near its limit of six hours.
        """
        start = slot * self.period_s
        quiet = 5 <= start % DAY // 3600 < 11
        if slot % 4 and unit(self.name, "none", slot) < (0.6 if quiet else 0.15):
            return None
        return math.floor(start + unit(self.name, "at", slot) * self.period_s * 0.95)

    def count(self, at: float) -> int:
        """How many items a healthy answer holds then; steps every six hours, as slates and reports do."""
        if not self.wobble:
            return self.items
        return self.items - self.wobble + int(unit(self.name, "count", int(at // (6 * 3600))) * (2 * self.wobble + 1))

    def shows(self, fault: Fault) -> bool:
        """Can this kind of upstream fail that way?"""
        return fault in SHOWN_BY[self.medium]


UPSTREAMS: dict[str, Upstream] = {
    u.name: u
    for u in (
        Upstream(
            "odds_api",
            Medium.HTTP,
            "/v4/sports/americanfootball_nfl/odds",
            150,
            0.14,
            240,
            100,
            14,
            1,
            99.8,
            165_000,
            content="application/json",
            limit_age_s=600,
        ),
        Upstream(
            "scores_api",
            Medium.HTTP,
            "/v1/nfl/scores",
            100,
            0.12,
            30,
            5,
            16,
            0,
            99.9,
            4_000,
            content="application/json",
            limit_age_s=960,
        ),
        Upstream(
            "pfr_stats",
            Medium.HTTP,
            "/years/2026/passing.htm",
            1180,
            0.12,
            6 * 3600,
            900,
            0,
            0,
            0.0,
            12_200,
            content="text/html",
            limit_ms=2900,
            limit_age_s=11 * 3600,
        ),
        Upstream(
            "injury_reports",
            Medium.HTTP,
            "/api/injuries",
            375,
            0.11,
            1800,
            300,
            58,
            9,
            99.9,
            10_700,
            content="application/json",
            limit_age_s=2 * 3600,
        ),
        Upstream(
            "rss_league_news",
            Medium.HTTP,
            "/feeds/league-news.rss",
            250,
            0.12,
            1500,
            0,
            25,
            0,
            99.9,
            9_000,
            irregular=True,
            content="application/rss+xml",
        ),
        Upstream(
            "rss_fantasy",
            Medium.HTTP,
            "/feeds/fantasy.atom",
            236,
            0.12,
            1800,
            0,
            20,
            0,
            99.9,
            8_400,
            irregular=True,
            content="application/atom+xml",
        ),
        Upstream(
            "rss_transactions",
            Medium.HTTP,
            "/feeds/transactions.rss",
            258,
            0.12,
            2400,
            0,
            30,
            0,
            99.9,
            10_900,
            irregular=True,
            content="application/rss+xml",
        ),
        Upstream(
            "rss_beat_writers",
            Medium.HTTP,
            "/feeds/beat-writers.json",
            265,
            0.12,
            2100,
            0,
            24,
            0,
            99.9,
            8_300,
            irregular=True,
            content="application/feed+json",
        ),
        Upstream(
            "weather_api",
            Medium.HTTP,
            "/v2/observations",
            215,
            0.12,
            900,
            120,
            30,
            0,
            99.8,
            6_400,
            content="application/json",
            limit_age_s=2400,
        ),
        Upstream(
            "play_by_play_csv",
            Medium.CSV,
            "play_by_play",
            7,
            0.2,
            DAY,
            0,
            2496,
            96,
            99.7,
            171_000,
            limit_age_s=26 * 3600,
        ),
        Upstream(
            "postgres_warehouse",
            Medium.TABLE,
            "warehouse.sqlite3",
            3,
            0.2,
            600,
            30,
            285,
            0,
            99.9,
            0,
            limit_age_s=2 * 3600,
        ),
        Upstream(
            "feature_store",
            Medium.PARQUET,
            "feature_store/team_features.parquet",
            7,
            0.2,
            3600,
            120,
            1600,
            0,
            99.8,
            13_600,
            limit_age_s=3 * 3600,
        ),
    )
}

NAMES = tuple(UPSTREAMS)
HTTP_NAMES = tuple(n for n, u in UPSTREAMS.items() if u.medium is Medium.HTTP)
DROP_OFFSET_S = -(4 * 3600 + 46 * 60)
"""The play-by-play file of a day is due this long before the anchor, so that a missing one is 28 h 46 min old at the
start.
"""


def phase_of(name: str, anchor: float) -> float:
    """The grid shift of a source's news, given when the demo was started."""
    return (anchor + DROP_OFFSET_S) % DAY if name == "play_by_play_csv" else 0.0
