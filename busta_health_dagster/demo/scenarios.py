"""The story: thirty days that look like a real month, the state a viewer meets at the start, and what happens while
they watch.

Uptimes that follow from it (5-minute slots, 30 days, target 99.5%): weather_api 98.61 and pfr_stats about 99.1 miss
it, play_by_play_csv 99.52 is next to breach, the rest are fine. Incidents begin and end on whole slots, so that
history and live checks count alike.
"""

from __future__ import annotations

from busta_health_dagster.demo.faults import Fault
from busta_health_dagster.demo.timeline import DAY, HOUR, MINUTE, Incident, PlannedMaintenance, Scenario
from busta_health_dagster.domain.errors import UnknownName


def _ago(days: int = 0, hours: int = 0, minutes: int = 0) -> int:
    return -(days * DAY + hours * HOUR + minutes * MINUTE)


def _past(
    source: str,
    fault: Fault,
    start_s: int,
    minutes: int,
    cause: str,
    *,
    ms: float = 0,
    share: float = 0,
    status: int = 503,
) -> Incident:
    return Incident(source, fault, start_s, start_s + minutes * MINUTE, ms, share, status, cause)


_PAST = (
    _past("weather_api", Fault.OUTAGE, _ago(26, 3), 120, "provider region down"),
    _past("rss_league_news", Fault.OUTAGE, _ago(24, 9, 30), 95, "provider moved hosts", status=502),
    _past("rss_beat_writers", Fault.TIMEOUT, _ago(22, 14), 165, "overloaded on trade deadline"),
    _past("pfr_stats", Fault.FLAPPING, _ago(21, 2), 1980, "crawl limit of the site", ms=3100, share=0.03),
    _past("odds_api", Fault.UNSEEN, _ago(18, 20), 30, "our own network"),
    _past("play_by_play_csv", Fault.OUTAGE, _ago(17, 21), 145, "share not mounted"),
    _past("postgres_warehouse", Fault.TIMEOUT, _ago(16, 4), 125, "long migration held a lock"),
    _past("play_by_play_csv", Fault.STALE, _ago(14, 4, 50), 600, "vendor delivered late"),
    _past("weather_api", Fault.REFUSED, _ago(12, 7), 120, "provider region down"),
    _past("feature_store", Fault.OUTAGE, _ago(10, 22), 75, "nightly build failed"),
    _past("injury_reports", Fault.BAD_QUALITY, _ago(9, 16), 360, "statuses renamed upstream", share=0.16),
    _past("rss_fantasy", Fault.GARBAGE, _ago(8, 11), 55, "an HTML error page with status 200"),
    _past("injury_reports", Fault.OUTAGE, _ago(7, 18), 35, "not noted", status=500),
    _past("scores_api", Fault.OUTAGE, _ago(6, 10), 20, "bad deploy of the provider", status=502),
    _past("odds_api", Fault.OUTAGE, _ago(5, 23, 15), 15, "provider deploy", status=502),
    _past("injury_reports", Fault.OUTAGE, _ago(5, 2), 25, "not noted", status=500),
    _past("rss_league_news", Fault.REFUSED, _ago(4, 8, 20), 30, "provider host restarted"),
    _past("rss_fantasy", Fault.REFUSED, _ago(4, 8, 20), 30, "same host as rss_league_news"),
    _past("rss_beat_writers", Fault.OUTAGE, _ago(4, 5, 25), 100, "planned: storage maintenance"),
    _past("play_by_play_csv", Fault.OUTAGE, _ago(3, 3, 30), 60, "share remounted"),
    _past("scores_api", Fault.RATE_LIMITED, _ago(2, 12), 30, "our own backfill used the quota", status=429),
    _past("rss_transactions", Fault.TIMEOUT, _ago(1, 17, 15), 65, "provider disk full"),
    _past("feature_store", Fault.UNSEEN, _ago(0, 12, 15), 60, "the monitor's mount was gone"),
)

_PRESENT = (
    Incident(
        "pfr_stats",
        Fault.FLAPPING,
        _ago(2, 23),
        None,
        ms=3480,
        share=0.069,
        status=502,
        cause="new page layout, parser release planned",
    ),
    Incident("weather_api", Fault.OUTAGE, _ago(0, 5, 55), 25 * MINUTE, status=503, cause="provider region down"),
    Incident("play_by_play_csv", Fault.STALE, _ago(0, 4, 50), 40 * MINUTE, cause="vendor has not delivered"),
    Incident(
        "rss_beat_writers", Fault.OUTAGE, _ago(0, 1, 20), 30 * MINUTE, status=503, cause="planned: host migration"
    ),
    Incident(
        "injury_reports", Fault.BAD_QUALITY, _ago(0, 1, 10), 45 * MINUTE, share=0.18, cause="statuses renamed upstream"
    ),
    Incident("odds_api", Fault.SLOW, _ago(0, 0, 35), 10 * MINUTE, ms=6400, cause="provider under load"),
)

_NEXT = (
    Incident("rss_transactions", Fault.REFUSED, 5 * MINUTE, 15 * MINUTE, cause="provider host restarted"),
    Incident("scores_api", Fault.RATE_LIMITED, 20 * MINUTE, 25 * MINUTE, status=429, cause="quota used up"),
    Incident("feature_store", Fault.OUTAGE, 30 * MINUTE, 40 * MINUTE, cause="file replaced by hand"),
    Incident("rss_fantasy", Fault.GARBAGE, 35 * MINUTE, 45 * MINUTE, cause="an HTML error page with status 200"),
    Incident("postgres_warehouse", Fault.TIMEOUT, 50 * MINUTE, 60 * MINUTE, cause="long migration holds a lock"),
)

_ROUND = (
    Incident("weather_api", Fault.OUTAGE, 5 * MINUTE, 30 * MINUTE, status=503, cause="provider region down"),
    Incident("odds_api", Fault.SLOW, 10 * MINUTE, 30 * MINUTE, ms=6400, cause="provider under load"),
    Incident("rss_transactions", Fault.REFUSED, 20 * MINUTE, 30 * MINUTE, cause="provider host restarted"),
    Incident("scores_api", Fault.RATE_LIMITED, 35 * MINUTE, 40 * MINUTE, status=429, cause="quota used up"),
    Incident(
        "injury_reports", Fault.BAD_QUALITY, 30 * MINUTE, 150 * MINUTE, share=0.18, cause="statuses renamed upstream"
    ),
    Incident("rss_fantasy", Fault.GARBAGE, 50 * MINUTE, 60 * MINUTE, cause="an HTML error page with status 200"),
    Incident("feature_store", Fault.OUTAGE, 65 * MINUTE, 75 * MINUTE, cause="file replaced by hand"),
    Incident("odds_api", Fault.BAD_QUALITY, 70 * MINUTE, 170 * MINUTE, share=0.08, cause="one book sends no prices"),
    Incident("rss_league_news", Fault.SLOW, 80 * MINUTE, 95 * MINUTE, ms=5600, cause="provider under load"),
    Incident("weather_api", Fault.TIMEOUT, 95 * MINUTE, 105 * MINUTE, cause="provider hangs"),
    Incident("postgres_warehouse", Fault.TIMEOUT, 120 * MINUTE, 130 * MINUTE, cause="long migration holds a lock"),
)

_PLANNED = (
    PlannedMaintenance(
        "beat-writers-storage", "rss_beat_writers", _ago(4, 5, 30), 2 * HOUR, "storage maintenance", "FREQ=MONTHLY"
    ),
    PlannedMaintenance("beat-writers-migration", "rss_beat_writers", _ago(0, 1, 25), 2 * HOUR, "host migration"),
    PlannedMaintenance("pfr-parser-release", "pfr_stats", 6 * DAY, HOUR, "parser release"),
)

_CALM_PAST = _PAST + tuple(i.clipped(_ago(0, 0, 10)) for i in _PRESENT)
_ALL = (
    "weather_api",
    "odds_api",
    "scores_api",
    "pfr_stats",
    "injury_reports",
    "rss_league_news",
    "rss_fantasy",
    "rss_transactions",
    "rss_beat_writers",
    "play_by_play_csv",
    "postgres_warehouse",
    "feature_store",
)

SCENARIOS: dict[str, Scenario] = {
    s.name: s
    for s in (
        Scenario(
            "default",
            "Six sources in trouble at the start, then something new about every five minutes.",
            _PAST,
            _PRESENT + _NEXT,
            _ROUND,
            loop_from_s=HOUR,
            loop_every_s=3 * HOUR,
            planned=_PLANNED,
        ),
        Scenario("calm", "Everything is up; the troubles are history.", _CALM_PAST, planned=_PLANNED[:1]),
        Scenario(
            "storm",
            "All twelve fail five minutes after the start, for half an hour, every two hours.",
            _CALM_PAST,
            loop=tuple(Incident(n, Fault.OUTAGE, 5 * MINUTE, 35 * MINUTE, cause="everything at once") for n in _ALL),
            loop_every_s=2 * HOUR,
            planned=_PLANNED[:1],
        ),
        Scenario(
            "outage",
            "odds_api refuses connections five minutes after the start and stays away for an hour.",
            _CALM_PAST,
            (Incident("odds_api", Fault.REFUSED, 5 * MINUTE, 65 * MINUTE, cause="provider gone"),),
            planned=_PLANNED[:1],
        ),
        Scenario(
            "flapping",
            "scores_api fails every other slot or so, without end.",
            _CALM_PAST,
            (
                Incident(
                    "scores_api", Fault.FLAPPING, 0, None, share=0.5, status=502, cause="one of two nodes is broken"
                ),
            ),
            planned=_PLANNED[:1],
        ),
    )
}


def scenario(name: str) -> Scenario:
    """A scenario by name.

    Raises:
        UnknownName: there is none of that name; the message lists them.
    """
    if name not in SCENARIOS:
        listing = ", ".join(f"{s.name} ({s.about})" for s in SCENARIOS.values())
        raise UnknownName(f"There is no demo scenario {name!r}. Instead: --scenario with one of {listing}")
    return SCENARIOS[name]
