"""The fleet in Dagster's catalog: a table, a strip per source and one sparkline, small enough for its page."""

from __future__ import annotations

import base64

from busta_health_dagster.domain.health import FleetHealth, SourceHealth
from busta_health_dagster.pipeline.views.fleet_report import CAP_BYTES, fleet_markdown, sparkline
from busta_health_dagster.wording.sentences import markdown_cell

NOW = 1_795_422_300


def row(name: str, status: str, detail: str = "") -> SourceHealth:
    return SourceHealth(
        source=name,
        type="odds",
        tier=1,
        probe="http",
        group="odds_and_scores",
        status=status,
        since=NOW - 3600,
        reason="ok",
        detail=detail,
        response_ms=120.0,
        items=5,
        data_age_s=60.0,
        quality=None,
        failure_rate=0.0,
        uptime={"24h": 100.0, "7d": 100.0, "30d": 99.517},
        coverage_30d=100.0,
        budget_left=3.4,
        observed_at=NOW,
        stale=False,
    )


def fleet(*rows: SourceHealth, strips=None) -> FleetHealth:
    return FleetHealth(NOW, rows, NOW, NOW + 300, stale_monitor=False, strips=strips or {})


def test_the_table_says_what_is_wrong_and_shows_each_sources_strip() -> None:
    text = fleet_markdown(fleet(row("weather", "down", "answered 503"), row("odds", "up")))
    assert "■ 1 down · ● 1 up" in text
    assert (
        "| ■ down | weather | ![24 h](/source-health/strip/weather.svg?bars) | 1 h | answered 503 | 99.51% | 120 ms |"
        in text.replace("\u00a0", " ")
    )


def test_the_sparkline_says_in_words_what_it_draws() -> None:
    picture = sparkline(
        fleet(row("a", "up"), row("b", "down"), strips={"a": ("up", "up", "up"), "b": ("up", "down", None)})
    )
    assert picture.endswith("Sources up over 24 h: 100% now, 50.00% at worst")
    svg = base64.b64decode(picture.split("base64,")[1].split(")")[0]).decode()
    assert 'points="0,4 180,20 360,4"' in svg


def test_a_thousand_sources_stay_below_the_limit_and_the_rest_is_counted() -> None:
    text = fleet_markdown(fleet(*(row(f"source_{n}", "down", "timeout " * 20) for n in range(1000))))
    assert len(text.encode()) <= CAP_BYTES
    assert "more, none worse than these." in text


def test_text_from_a_source_is_only_text() -> None:
    assert markdown_cell("![x](https://evil.example/p.png) | <b>bold</b>\nnext") == (
        "\\!\\[x\\](https:\u200b//evil.example/p.png) \\| \\<b\\>bold\\</b\\> next"
    )
