"""`busta backtest` against what the text of the rules says, worked out by hand: minutes after 08:00, who is notified."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from busta_health_dagster.cli.main import app
from busta_health_dagster.domain.units import from_iso, iso

T0 = 1_790_841_600  # 2026-10-01T08:00:00Z
CHANNELS = """\
version: 1
channels:
  - {name: chat, kind: slack, token: {env: SLACK_BOT_TOKEN}, channel: "#data-alerts"}
  - {name: mail, kind: email, host: smtp.example.com, from: health@example.com, to: [oncall@example.com]}
  - {name: pager, kind: pagerduty, routing_key: {env: PAGERDUTY_ROUTING_KEY}}
escalations:
  - name: default
    steps: [{after: 0m, severity: warning, notify: [chat]}, {after: 30m, severity: critical, notify: [chat, mail]}, {after: 2h, notify: [pager]}]
    repeat: 4h
  - {name: slow, steps: [{after: 0m, severity: warning, notify: [chat]}, {after: 4h, severity: critical, notify: [chat, mail]}], repeat: 24h}
routes:
  - {select: {rules: [source-down, no-data]}, escalation: default}
  - {select: {severities: [critical]}, escalation: default}
  - {select: {}, escalation: slow}
grouping: {by: [rule, group], wait: 0s, interval: 5m, storm: 20}
rules:
"""
RULES = {
    "source-down": 'metric: status, op: "==", value: down, severity: warning',
    "slow-response": 'metric: response_ms, op: ">", value: 5s, for: 2, severity: warning',
    "failure-rate": 'pattern: rate, metric: failed, op: ">", value: 5%, over: 6h, min_bad: 4, severity: warning',
    "low-quality": 'metric: quality, op: "<", value: 90%, for: 2, severity: warning',
    "budget-burn": "pattern: burn_rate, severity: critical",
    "no-data": "pattern: no_data, intervals: 3, severity: warning",
}
CHAT, BOTH, PAGER = ["chat"], ["chat", "mail"], ["pager"]
U, D = "u", "d"


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("BUSTA_HOME", "BUSTA_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def notified(
    root: Path,
    story: str | dict[str, str],
    *rules: str,
    step: int = 300,
    scores: dict[int, int] | None = None,
    work: tuple[int, int] | None = None,
) -> list[tuple[int, str, str, list[str]]]:
    """(minute, rule, event, whom). `u` up, `s` up and slow, `d` down, `?` unknown, a blank: no line."""
    words = {"u": "up,100", "s": "up,6000", "d": "down,", "?": "unknown,"}
    lines = ["timestamp,source,status,response_ms,quality"]
    for name, some in (story if isinstance(story, dict) else {"feed": story}).items():
        lines += [
            f"{iso(T0 + n * step)},{name},{words[c]},{(scores or {}).get(n, '')}"
            for n, c in enumerate(some)
            if c != " "
        ]
    (root / "log.csv").write_text("\n".join(lines) + "\n")
    (root / "alerts.yaml").write_text(CHANNELS + "".join(f"  - {{name: {r}, {RULES[r]}}}\n" for r in rules))
    more = []
    if work is not None:
        begin = iso(T0 + work[0] * 60)
        assert begin is not None
        text = f"{{name: work, select: {{}}, start: {begin[:16]}, zone: UTC, duration: {work[1] - work[0]}m}}"
        (root / "work.yaml").write_text(f"version: 1\nwindows: [{text}]\n")
        more = ["--maintenance", "work.yaml"]
    answer = CliRunner().invoke(app, ["backtest", "--observations", "log.csv", "--alerts", "alerts.yaml", *more])
    assert answer.exit_code == 0, answer.output
    events = [json.loads(line) for line in answer.stdout.splitlines()]
    return [(int(from_iso(e["at"]) - T0) // 60, e["rule"], e["event"], e["notify"]) for e in events]


def down(*events: tuple[int, str, list[str]]) -> list[tuple[int, str, str, list[str]]]:
    return [(at, "source-down", event, whom) for at, event, whom in events]


def test_the_ladder_is_climbed_at_30_minutes_and_2_hours_and_its_last_step_repeated_every_4(nowhere: Path) -> None:
    assert notified(nowhere, U * 24 + D * 108 + U * 12, "source-down") == down(
        (120, "opened", CHAT),
        (150, "escalated", BOTH),
        (240, "renotified", PAGER),
        (480, "renotified", PAGER),
        (665, "resolved", [*BOTH, "pager"]),
    )


def test_an_hourly_source_climbs_it_at_the_same_times(nowhere: Path) -> None:
    assert notified(nowhere, "uu" + D * 3 + "uuu", "source-down", step=3600) == down(
        (120, "opened", CHAT), (150, "escalated", BOTH), (240, "renotified", PAGER), (360, "resolved", [*BOTH, "pager"])
    )


def test_unknown_neither_resolves_nor_stops_the_clock(nowhere: Path) -> None:
    assert notified(nowhere, U * 5 + "ddd?????dd" + U * 5, "source-down") == down(
        (25, "opened", CHAT), (55, "escalated", BOTH), (80, "resolved", BOTH)
    )


def test_good_for_15_minutes_reopens_and_its_clock_runs_on_where_it_stood(nowhere: Path) -> None:
    """25 minutes open, 10 resolved, and 5 more to the half hour."""
    assert notified(nowhere, U * 10 + "dddd" + "uuu" + "dd" + U * 9, "source-down") == down(
        (50, "opened", CHAT),
        (75, "resolved", CHAT),
        (85, "opened", CHAT),
        (90, "escalated", BOTH),
        (100, "resolved", BOTH),
    )
    assert notified(nowhere, U * 25 + "duuuud" + U * 9, "source-down") == down(
        (125, "opened", CHAT), (135, "resolved", CHAT), (150, "opened", CHAT), (160, "resolved", CHAT)
    ), "20 minutes: another alert"


def test_maintenance_stops_the_clock_and_holds_back_what_would_open_in_it(nowhere: Path) -> None:
    paused = notified(nowhere, U * 6 + D * 30 + U * 6, "source-down", work=(50, 90))
    assert paused == down(
        (30, "opened", CHAT), (50, "suppressed", []), (100, "escalated", BOTH), (185, "resolved", BOTH)
    )
    held = notified(nowhere, U * 11 + D * 10 + U * 6, "source-down", work=(50, 90))
    assert held == down((55, "suppressed", []), (90, "opened", CHAT), (110, "resolved", CHAT))


def test_constant_change_is_told_once_at_its_start_and_once_at_its_end(nowhere: Path) -> None:
    """Six changes among 21 states are 35.5%; they have fallen to 16% when 17 good ones have followed the last."""
    assert notified(nowhere, U * 21 + "du" * 12 + U * 30, "source-down") == down(
        (105, "opened", CHAT),
        (130, "flapping_started", CHAT),
        (135, "escalated", BOTH),
        (300, "flapping_ended", []),
        (300, "resolved", BOTH),
    )


def test_25_sources_down_in_one_tick_are_25_alerts_and_one_message(nowhere: Path) -> None:
    storm = {f"feed_{n:02d}": "uuuudddduuuu" for n in range(25)}
    events = notified(nowhere, storm, "source-down")
    assert [(at, event) for at, _, event, _ in events] == [(20, "opened")] * 25 + [(45, "resolved")] * 25
    answer = CliRunner().invoke(
        app, ["backtest", "--observations", "log.csv", "--alerts", "alerts.yaml", "--summary", "-o", "json"]
    )
    (cost,) = json.loads(answer.stdout)["rules"]
    assert (cost["alerts"], cost["notifications"], cost["under_alert_s"]) == (25, 2, 25 * 25 * 60)


@pytest.mark.parametrize("gap", ["????????", "        "])
def test_silence_of_three_intervals_is_no_data(nowhere: Path, gap: str) -> None:
    """Also where the log of this one source has no line: it is about the source, and not about the monitor."""
    expected = [(35, "no-data", "opened", CHAT), (65, "no-data", "escalated", BOTH), (70, "no-data", "resolved", BOTH)]
    assert notified(nowhere, "uuuuu" + gap + "uuuuu", "no-data") == expected
    both = notified(nowhere, {"feed": "uuuuu" + gap + "uuuuu", "other": U * 18}, "no-data")
    assert both == expected
    dead = notified(nowhere, {"feed": "uuuuu        uuuuu", "other": "uuuuu        uuuuu"}, "no-data")
    assert dead == [], "no one checked anything: a dead monitor"


def test_a_failure_rate_opens_with_the_fourth_failure_and_clears_after_six_good_ones(nowhere: Path) -> None:
    assert notified(nowhere, U * 30 + "duuuuu" * 4 + U * 20, "failure-rate") == [
        (240, "failure-rate", "opened", CHAT),
        (270, "failure-rate", "resolved", CHAT),
    ]


def test_two_low_scores_in_a_row_open_and_two_good_ones_resolve(nowhere: Path) -> None:
    hours = (99, 85, 99, 85, 85, 85, 99, 99, 99)
    scores = {12 * n: score for n, score in enumerate(hours)}
    assert notified(nowhere, U * 110, "low-quality", scores=scores) == [
        (240, "low-quality", "opened", CHAT),
        (420, "low-quality", "resolved", CHAT),
    ]


def test_the_tiers_of_the_error_budget(nowhere: Path) -> None:
    """A: 3 of 12 and 2 of 3. B: 5 of 72 and 2 of 6. C, a warning: 9 of 864 and 2 of 72."""
    burn = "budget-burn"
    assert notified(nowhere, U * 30 + "dudud" + U * 20, burn) == [
        (170, burn, "opened", BOTH),
        (180, burn, "resolved", BOTH),
    ]
    page = notified(nowhere, U * 72 + ("d" + U * 12) * 3 + "dd" + U * 20, burn)
    assert page == [(560, burn, "opened", BOTH), (590, burn, "resolved", BOTH)]
    ticket = notified(nowhere, U * 72 + ("d" + U * 90) * 7 + "d" + U * 30 + "d" + U * 80, burn)
    assert ticket == [(3700, burn, "opened", CHAT), (3910, burn, "resolved", CHAT)]


def test_a_source_that_is_down_is_one_alert_and_the_others_say_why_they_are_silent(nowhere: Path) -> None:
    events = notified(nowhere, U * 6 + "ssssss" + "dddd" + "ssss" + U * 6, *RULES)
    assert events == [
        (35, "slow-response", "opened", CHAT),
        (60, "source-down", "opened", CHAT),
        (60, "slow-response", "suppressed", []),
        (70, "budget-burn", "suppressed", []),
        (75, "failure-rate", "suppressed", []),
        (85, "source-down", "resolved", CHAT),
        (105, "slow-response", "resolved", CHAT),
    ]


def test_half_down_for_hours_pages_and_the_budget_gets_through(nowhere: Path):
    story = notified(nowhere, U * 48 + (D + U) * 36 + U * 24, "source-down", "budget-burn")
    paged = [(rule, event) for _, rule, event, whom in story if "pager" in whom and event != "resolved"]
    assert ("source-down", "renotified") in paged
    assert ("budget-burn", "opened", BOTH) in [(rule, event, whom) for _, rule, event, whom in story]
    assert [event for _, rule, event, _ in story if rule == "source-down"] == [
        "opened",
        "flapping_started",
        "escalated",
        "renotified",
        "flapping_ended",
        "resolved",
    ]
