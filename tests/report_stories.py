"""Weeks that the stories about reports share: a full one, the first, an empty one."""

from __future__ import annotations

from dataclasses import replace

from busta_health_dagster.domain.report import (
    Figure,
    IncidentRow,
    Incidents,
    MetricRow,
    OpenItem,
    SlaRow,
    Took,
    TrendRow,
    Week,
    WeeklyReport,
)
from busta_health_dagster.domain.report_running import (
    ChannelRow,
    DeadLetter,
    Delivery,
    Maintenance,
    MaintenanceFacts,
    Monitor,
    Noise,
    NoiseRow,
)

MONDAY = 1_794_787_200  # 2026-11-16T00:00:00Z
DAY, HOUR = 86400, 3600
WEEK = Week("2026-W47", MONDAY, MONDAY + 7 * DAY, MONDAY + 7 * DAY, MONDAY + 7 * DAY + 7 * HOUR)
HOSTILE = '=HYPERLINK("http://evil")<script>alert(1)</script> | `rm` *now* [x](http://evil)'


def sla(
    source: str, bad: float, *, week: float, before: float, unknown: int = 0, quality: float | None = 98.0
) -> SlaRow:
    evaluated = 8640 - unknown
    uptime, allowed = 100 * (evaluated - bad) / evaluated, evaluated * 0.005
    met = bad <= allowed
    return SlaRow(
        source,
        1,
        99.5,
        met,
        "met" if met else "missed",
        int(uptime * 1000) / 1000,
        int(100_000 * evaluated / 8640) / 1000,
        round(100 * (1 - bad / allowed) - 0.0005, 3),
        bad,
        allowed,
        300,
        0,
        unknown,
        week,
        before,
        int(allowed - bad) * 300 if met else None,
        "the budget lasts at the recent pace",
        quality,
        True,
    )


def days(*values: float | None) -> tuple[tuple[int, float | None], ...]:
    padded = [values[0]] * (30 - len(values)) + list(values)
    return tuple((MONDAY + (k - 23) * DAY, v) for k, v in enumerate(padded))


FULL = WeeklyReport(
    week=WEEK,
    written_at=WEEK.as_of,
    sources=4,
    observed=8052,
    figures=(
        Figure("Fleet uptime", 99.743, 99.9, "%", "down"),
        Figure("SLA met, 30 d", 2, 3, "", "down", 3),
        Figure("Incidents resolved", 2, 1, "", "up"),
        Figure("MTTR, mean", 2460.0, 1680.0, "s", "up"),
        Figure("Quality, mean", 98.149, 98.6, "", "down"),
        Figure("Notifications", 19, 11),
    ),
    open=(
        OpenItem(
            "weather_api",
            "down",
            "down",
            WEEK.until + 9000,
            "503 from the provider",
            "call the provider, or switch to a backup feed",
            ("source-down",),
            "INC-1050",
            "",
            ("models/totals", "models/wind"),
            "https://wiki.example.com/weather",
        ),
        OpenItem(
            "play_by_play_csv",
            "degraded",
            "stale",
            MONDAY + 6 * DAY + 13200,
            "27 h 20 min, limit 26 h",
            "ask the team that delivers it for what is missing",
            ("stale-data",),
            "INC-1047",
            "op-1",
            (),
            "",
            12.0,
            600,
            5.0,
        ),
    ),
    sla=(
        sla("weather_api", 48, week=100.0, before=100.0),
        sla("play_by_play_csv", 41, week=99.4, before=100.0),
        sla("odds_api", 3, week=99.85, before=100.0, unknown=6),
        SlaRow("new_feed", 2, 99.5, None, "insufficient data", 100.0, 12.5, 100.0, 0, 5.4, 300, 0, 7560, 100.0, None),
    ),
    incidents=Incidents(
        (
            IncidentRow(
                "INC-1049",
                "rss_transactions",
                "critical",
                ("source-down",),
                MONDAY + 5 * DAY + 54600,
                6300,
                9,
                None,
                "disk full",
            ),
            IncidentRow(
                "INC-1041",
                "odds_api",
                "warning",
                ("slow-response", "stale-data"),
                MONDAY + DAY + 47400,
                900,
                13,
                240,
                HOSTILE,
            ),
        ),
        (
            Took("Time to resolve, MTTR", 3600.0, 3600.0, 6300, 2, 1680.0),
            Took("Time to acknowledge, MTTA", 240.0, 240.0, 240, 1, 600.0),
            Took("Time to detect, MTTD", 11.0, 11.0, 13, 2, 9.0),
        ),
        301_500.0,
        2,
    ),
    response=(
        TrendRow("odds_api", 3410.0, 1520.0, 2900.0, days(1500.0, 1520.0, None, 2800.0, 3400.0)),
        TrendRow("weather_api", 280.4, 270.0, 5000.0, days(270.0, 281.0)),
        TrendRow("new_feed", 94.0, None, None, days(None, None, 94.0)),
    ),
    quality=(
        TrendRow("odds_api", 88.749, 96.2, 90.0, days(96.0, 95.0, 90.1, 88.7), -0.314, "already below", 0, 88.7, 1.6),
        TrendRow("weather_api", 99.0, 99.0, 90.0, days(99.0), 0.0, "flat"),
    ),
    metrics=(
        MetricRow("odds_api", "distinct_books", 4.2, 11.0, 3.0, 11.0),
        MetricRow("odds_api", "oldest_book_s", 5400.0, 5000.0, 40.0, 9000.0),
        MetricRow("new_feed", "entries", 12.0, None, 10.0, 14.0),
    ),
    noise=Noise(
        (
            NoiseRow("source-down", False, 8, 13, 1, 2, ("pfr_stats",)),
            NoiseRow("stale-data", False, 1, 6, 0, 1),
            NoiseRow("low-quality", False, 0, 0, 0, 0),
            NoiseRow("anomaly", True, 5, 0, 2, 0),
        ),
        19,
        9,
        21,
        (("pfr_stats: 3 confirmations instead of 2", "14 of its 22 outages were over at the next check"),),
    ),
    maintenance=Maintenance(
        (
            MaintenanceFacts(
                "beat-writers",
                "storage maintenance",
                ("rss_beat_writers",),
                MONDAY + 3 * DAY + 25200,
                MONDAY + 3 * DAY + 32400,
                7200,
                24,
                1,
            ),
        ),
        (MaintenanceFacts("migration", "", ("rss_beat_writers",), WEEK.as_of - 600, WEEK.as_of + 7200),),
        (
            MaintenanceFacts(
                "upgrade", "", ("postgres_warehouse",), WEEK.until + 3 * DAY + 7200, WEEK.until + 3 * DAY + 9900
            ),
        ),
    ),
    delivery=Delivery(
        (
            ChannelRow("slack-data", 19, 19, 0, 0, 0),
            ChannelRow("ops-hook", 2, 1, 1, 0, 1),
            ChannelRow("pager", 0, 0, 0, 0, 0),
        ),
        (DeadLetter("ops-hook", MONDAY + 5 * DAY + 50520, "410 Gone", (4103,), "mail-oncall", 7),),
        2.0,
        6.0,
    ),
    monitor=Monitor(
        2016,
        2014,
        99.95,
        8052,
        12,
        ((MONDAY + 6 * DAY + 72600, MONDAY + 6 * DAY + 73200),),
        (("odds_api", 12),),
        "The dead man's switch was fed, last at 2026-11-23T06:55:00Z.",
    ),
    bad_slices=62.0,
    base_url="https://health.example.com",
)
FIRST = replace(
    FULL,
    first=True,
    began=MONDAY + 3 * DAY + 36000,
    open=(),
    incidents=Incidents(),
    noise=Noise(),
    metrics=(),
    response=(),
    quality=(),
    figures=(Figure("Fleet uptime", 100.0, None, "%", "down"), Figure("SLA met, 30 d", None, None, "", "down", 0)),
    sla=tuple(replace(r, met=None, verdict="insufficient data", coverage=12.5, week_before=None) for r in FULL.sla),
    base_url="",
)
EMPTY = WeeklyReport(week=WEEK, written_at=WEEK.as_of, sources=4, observed=0)
NO_SOURCES = replace(EMPTY, sources=0)
FALL_BACK = replace(
    FULL, week=Week("2026-W44", 1_792_987_200, 1_793_595_600, 1_793_595_600, 1_793_620_800, "America/New_York")
)
