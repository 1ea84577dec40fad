"""The notifications of the design's Monday: alert 4127 of odds_api, 4119 of weather_api, a storm of 37, week 47."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from busta_health_dagster.domain.alert import Alert, AlertState, Hold
from busta_health_dagster.domain.delivery import Delivery
from busta_health_dagster.domain.digest import Digest
from busta_health_dagster.domain.notification import (
    AckFacts,
    AlertFacts,
    GroupFacts,
    Member,
    NextFacts,
    Normal,
    Notification,
    NotificationKind,
    Notified,
    ReportFacts,
    RuleFacts,
    SourceFacts,
    VerdictFacts,
)
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.rule import Pattern, Severity
from busta_health_dagster.engines.alerting.digest import DigestItem
from busta_health_dagster.reports.digest import digest_facts

BASE = "https://health.example.com"
HOSTILE = 'down <!channel> <a href="https://evil.example">*x*</a> & http://evil.example/a\r\nBcc: all@example.com "}],'


def at(text: str, day: int = 23) -> int:
    return int(datetime.fromisoformat(f"2026-11-{day}T{text}").replace(tzinfo=UTC).timestamp())


ODDS = SourceFacts(
    "odds_api",
    "odds",
    1,
    "odds_and_scores",
    Status.DEGRADED,
    at("07:50"),
    "slow",
    "",
    6412.0,
    14,
    300.0,
    1,
    ("team:data",),
    {"provider": "odds-example"},
    ("models/moneyline", "models/spread"),
    "https://wiki.example.com/odds",
    99.96,
    99.5,
    93.0,
)
SLOW = RuleFacts("slow-response", Pattern.THRESHOLD, "response_ms", ">", 5000, 2)
PHASES = {"dns": 4.0, "connect": 22.0, "tls": 41.0, "first_byte": 6288.0, "body": 57.0}
FIRST = VerdictFacts(at("07:55"), "6.41 s, limit 5 s", 6412.0, 5000.0, 6412.0, Normal(128, 262), 2, phases_ms=PHASES)
ALERT = AlertFacts(
    4127,
    "odds_api/slow-response",
    Severity.WARNING,
    at("07:55:03"),
    at("07:50"),
    "open",
    at("07:50:03"),
    step=1,
    of_steps=3,
    next=NextFacts(at("08:25:03"), ("slack-data", "mail-oncall"), Severity.CRITICAL),
)

OPENED = Notification(
    NotificationKind.OPENED,
    at("07:55:03"),
    ALERT,
    ODDS,
    SLOW,
    FIRST,
    incident="INC-4127",
    reason="2 of 2 bad",
    base_url=BASE,
    do="Check the provider's status page. If it lasts, switch to the backup feed (runbook, step 2).",
)
ESCALATED = replace(
    OPENED,
    kind=NotificationKind.ESCALATED,
    at=at("08:25:03"),
    alert=replace(
        ALERT,
        severity=Severity.CRITICAL,
        step=2,
        escalated_at=at("08:25:03"),
        next=NextFacts(at("09:55:03"), ("pager",)),
    ),
    verdict=replace(FIRST, slot=at("08:25"), worst=7020.0, bad_in_a_row=8),
    related=("Quality 89.0, limit 90: 80 of 1,120 offers have no price. Not yet an alert (1 of 2).",),
    notified=(Notified("#data-alerts", at("07:55:34")),),
    reason="30 min open and not acknowledged",
)
ACKED = replace(
    ESCALATED,
    kind=NotificationKind.ACKED,
    at=at("08:31:40"),
    alert=replace(
        ESCALATED.alert,
        acked=AckFacts("op-1", at("08:31:40"), "asked the provider, ticket 88213", at("12:31:40")),
        next=None,
    ),
)
RESOLVED = replace(
    ACKED,
    kind=NotificationKind.RESOLVED,
    at=at("08:50:03"),
    alert=replace(ACKED.alert, state="resolved", resolved_at=at("08:50:03"), first_good_slot=at("08:45")),
    source=replace(ODDS, status=Status.UP, response_ms=209.0),
    verdict=replace(FIRST, value=209.0, worst=7020.0, bad_in_a_row=0, good_values=(231.0, 209.0), phases_ms={}),
    related=("Quality 89.0; the next score at 09:05 decides.",),
    reason="2 of 2 good",
)
REMOVED = replace(
    RESOLVED,
    recovered=False,
    reason="removed from the configuration",
    source=replace(ODDS, status=Status.UNKNOWN),
    related=(),
)
DOWN = Notification(
    NotificationKind.ESCALATED,
    at("08:00:03"),
    AlertFacts(
        4119,
        "weather_api/source-down",
        Severity.CRITICAL,
        at("02:30:03"),
        at("02:30"),
        step=3,
        of_steps=3,
        escalated_at=at("03:00:03"),
        next=NextFacts(at("12:00:03"), ("pager",), repeat=True),
    ),
    SourceFacts(
        "weather_api",
        "weather",
        2,
        "context",
        Status.DOWN,
        at("02:30"),
        "http_status",
        "HTTP 503 from the provider",
        attempts=3,
        owners=("team:data",),
        feeds=("models/totals",),
        runbook="https://wiki.example.com/weather",
        uptime_30d=98.66,
        target=99.5,
        budget_left=-166.3,
    ),
    RuleFacts("source-down", Pattern.STATUS, "status", "==", "down"),
    VerdictFacts(at("08:00"), "down", bad_in_a_row=67),
    incident="INC-4119",
    notified=(Notified("#data-alerts", at("02:30:04")), Notified("mail", at("03:00:04"))),
    base_url=BASE,
)
CAUSES = ["timeout 10 s"] * 24 + ["host not found"] * 11 + ["connect refused"] * 2
STORM = Notification(
    NotificationKind.OPENED,
    at("03:15:33", 24),
    group=GroupFacts(
        "storm-20261124T0315Z",
        tuple(
            Member(5000 + k, f"source_{k:02}", 1 + k // 13, Status.DOWN, Severity.WARNING, "source-down", why)
            for k, why in enumerate(CAUSES)
        ),
        60,
        at("03:15", 24),
        storm=True,
        next=NextFacts(at("03:45:33", 24), ("slack-data",), Severity.CRITICAL),
    ),
    do="Check the egress proxy first (runbook, step 1).",
    base_url=BASE,
)
STORM_LESS = replace(
    STORM,
    kind=NotificationKind.UPDATED,
    group=replace(STORM.group, members=tuple(replace(m, open=k < 12) for k, m in enumerate(STORM.group.members))),
)
STORM_OVER = replace(
    STORM,
    kind=NotificationKind.RESOLVED,
    at=at("04:02:03", 24),
    group=replace(STORM.group, members=tuple(replace(m, open=False, status=Status.UP) for m in STORM.group.members)),
)
PROVIDER = replace(
    STORM,
    group=GroupFacts(
        "group-20261124T031533Z-5d1c2f7a",
        tuple(
            Member(5100 + k, f"odds_{name}", 1 + k // 2, Status.DOWN, Severity.WARNING, "source-down", "HTTP 503")
            for k, name in enumerate(("main", "props", "live"))
        ),
        60,
        at("03:15", 24),
        next=NextFacts(at("03:45:33", 24), ("slack-data",), Severity.CRITICAL),
        cause="the-odds-api",
        of=4,
        elsewhere=("odds_futures",),
    ),
    do="",
)
PROVIDER_LESS = replace(
    PROVIDER,
    kind=NotificationKind.UPDATED,
    group=replace(
        PROVIDER.group,
        members=tuple(
            replace(m, open=k < 1, status=Status.DOWN if k < 1 else Status.UP)
            for k, m in enumerate(PROVIDER.group.members)
        ),
        elsewhere=(),
    ),
)
PROVIDER_OVER = replace(
    PROVIDER,
    kind=NotificationKind.RESOLVED,
    at=at("04:02:03", 24),
    group=replace(
        PROVIDER.group,
        members=tuple(replace(m, open=False, status=Status.UP) for m in PROVIDER.group.members),
        elsewhere=(),
    ),
)
WEEKLY = Notification(
    NotificationKind.REPORT,
    at("07:00"),
    report=ReportFacts(
        "weekly",
        "2026-W47",
        "Week 47: 10 of 12 sources met their SLA",
        "pfr_stats and weather_api did not. Fleet uptime 99.74% (-0.16 on week 46), 7 incidents (+3).",
        (("To decide", "pfr_stats: 3 confirmations instead of 2."),),
        "            source              30 d  budget  week\n■ missed    pfr_stats          99.13  -73.7%  98.90",
        "Mon 16 to Sun 22 Nov 2026, UTC · target 99.50 over 30 days",
        f"{BASE}/source-health/reports/2026-W47",
        "SOURCE HEALTH, WEEK 47 OF 2026\n",
        "<!doctype html><p>Week 47</p>",
    ),
    base_url=BASE,
)
_SLOW_ALERT = Alert(
    "odds_api/slow-response",
    "odds_api",
    "slow-response",
    id=4127,
    state=AlertState.OPEN,
    opened_at=at("14:05:03", 22),
    first_bad_slot=at("14:00", 22),
    bad_reason="6.41 s, limit 5 s",
    ack=Hold("anna", at("15:00", 22), 0.0, at("19:00", 22), "ticket 7"),
)
_OVER_ALERT = replace(
    _SLOW_ALERT,
    fingerprint="pfr_stats/failure-rate",
    source="pfr_stats",
    rule="failure-rate",
    state=AlertState.RESOLVED,
    first_good_slot=at("16:20", 22),
    bad_reason="6.9% of 72 failed, limit 5%",
    ack=None,
)
DIGEST = Notification(
    NotificationKind.REPORT,
    at("07:00"),
    report=digest_facts(
        (DigestItem(_SLOW_ALERT, 1), DigestItem(_OVER_ALERT, 3)),
        (replace(_SLOW_ALERT, fingerprint="rss_news/stale-data"),),
        Digest(480, "Europe/Berlin"),
        since=at("09:30", 22),
        at=at("07:00"),
        base_url=BASE,
    ),
    base_url=BASE,
)
TEST = Notification(
    NotificationKind.TEST, at("09:00"), text="Test message of busta: channel ops-hook works", base_url=BASE
)
INJECTED = replace(DOWN, source=replace(DOWN.source, detail=HOSTILE), related=(HOSTILE,))
ONE_TAP = replace(
    OPENED,
    action_urls={
        action: f"{BASE}/source-health/act/WzEsImFjayJd.077aeacb.{action}5tQk" for action in ("ack", "snooze", "open")
    },
)
GROUP_ONE_TAP = replace(PROVIDER, action_urls=ONE_TAP.action_urls)
RENOTIFIED = replace(
    DOWN,
    kind=NotificationKind.RENOTIFIED,
    at=at("12:00:03"),
    alert=replace(DOWN.alert, next=NextFacts(at("16:00:03"), ("pager",), repeat=True)),
    source=replace(DOWN.source, reason="missing", probe="file", detail="no file matches data/pbp/*.csv", runbook=None),
    reason="still open, repeated every 4 h",
)
BY_LINK = replace(
    ACKED,
    alert=replace(
        ACKED.alert,
        acked=AckFacts("by link, sent to slack-data", at("08:31:40"), "", at("12:31:40"), taken_over="op-1"),
    ),
)
SNOOZED = replace(
    ESCALATED,
    kind=NotificationKind.SNOOZED,
    at=at("08:31:40"),
    alert=replace(
        ESCALATED.alert, snoozed=AckFacts("anna", at("08:31:40"), "the provider works on it", at("09:31:40")), next=None
    ),
)
UNACKED = replace(
    ESCALATED,
    kind=NotificationKind.UNACKED,
    at=at("12:31:40"),
    reason="acknowledgement of op-1 ended after 4 h; the clock runs on",
)
FLAPPING = replace(
    ESCALATED,
    kind=NotificationKind.FLAPPING_STARTED,
    alert=replace(ESCALATED.alert, flapping=True, flapping_percent=42.5),
)
LATE = replace(ESCALATED, at=at("08:41:10"), late_from=at("08:25:03"))
PAST = replace(RESOLVED, past=True)
MONITOR = Notification(
    NotificationKind.MONITOR,
    at("09:00"),
    reason="channel",
    text="Channel pager did not get a message (escalated): HTTP 403. See: busta alerts outbox",
    base_url=BASE,
)
STORIES = {
    "one_tap": ONE_TAP,
    "renotified": RENOTIFIED,
    "by_link": BY_LINK,
    "snoozed": SNOOZED,
    "unacked": UNACKED,
    "flapping": FLAPPING,
    "steady": replace(FLAPPING, kind=NotificationKind.FLAPPING_ENDED, alert=ESCALATED.alert),
    "late": LATE,
    "past": PAST,
    "monitor": MONITOR,
    "opened": OPENED,
    "escalated": ESCALATED,
    "acked": ACKED,
    "resolved": RESOLVED,
    "removed": REMOVED,
    "down": DOWN,
    "group_one_tap": GROUP_ONE_TAP,
    "storm": STORM,
    "storm_less": STORM_LESS,
    "storm_over": STORM_OVER,
    "provider": PROVIDER,
    "provider_less": PROVIDER_LESS,
    "provider_over": PROVIDER_OVER,
    "weekly": WEEKLY,
    "digest": DIGEST,
    "test": TEST,
    "drill": replace(ESCALATED, drill=True),
    "injected": INJECTED,
}
THREAD = {"channel": "C0DATAALERTS", "ts": "1795420534.000200"}


def delivery(notification: Notification, **more) -> Delivery:
    key = f"msg_{notification.thread_key.removeprefix('alert-')}_{notification.kind.value}_{notification.alert.step if notification.alert else 1}"
    return Delivery(
        **({"key": key, "notification": notification, "channel": "the-channel", "created_at": notification.at} | more)
    )
