"""Words that the stories about settings share: small registries of their own, so that they stand on settings alone, the
configuration of the design, and a directory to write files into.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field

from busta_health_dagster import settings
from busta_health_dagster.domain.fields import Duration, SecretRef, Strict, TextOrSecret


class JsonMatch(Strict):
    path: str
    min_items: int | None = None
    severity: str = "error"


class Expect(Strict):
    status: list[int] = Field(default_factory=list)
    json_: list[JsonMatch] = Field(default_factory=list, alias="json")


class Http(Strict):
    url: TextOrSecret
    headers: dict[str, TextOrSecret] = Field(default_factory=dict)
    params: dict[str, TextOrSecret | int] = Field(default_factory=dict)
    expect: Expect = Field(default_factory=Expect)
    items: str | None = None
    data_age: dict[str, str] | None = None


class Sql(Strict):
    url: TextOrSecret
    query: str
    items: str = "rows"
    data_age: dict[str, str] | None = None


class File(Strict):
    path: str


class Framework(Strict):
    source: str


class Heartbeat(Strict):
    grace: Duration = 300.0


class Tcp(Strict):
    host: str
    port: int


class Slack(Strict):
    token: SecretRef | None = None
    channel: str


class Email(Strict):
    host: str
    port: int = 587
    tls: str = "starttls"
    username: TextOrSecret | None = None
    password: SecretRef | None = None
    from_: str = Field(alias="from")
    to: list[str]


class Webhook(Strict):
    url: TextOrSecret
    secret: SecretRef | None = None


class Pager(Strict):
    routing_key: SecretRef


PROBES: dict[str, type[BaseModel]] = {
    "http": Http,
    "feed": Http,
    "sql": Sql,
    "file": File,
    "framework": Framework,
    "heartbeat": Heartbeat,
    "tcp": Tcp,
}
CHANNELS: dict[str, type[BaseModel]] = {"slack": Slack, "email": Email, "webhook": Webhook, "pagerduty": Pager}

DESIGN_SOURCES = """\
version: 1
defaults: {interval: 5m, timeout: 10s, confirm: 2, tier: 2, sla: {uptime: 99.5%, quality: 90%, degraded: good}}
types:
  odds: {concurrency_per_host: 5, group: odds_and_scores}
  news: {probe: feed, concurrency: 10, max_data_age: 6h, group: news}
sources:
  - name: odds_api
    type: odds
    probe: http
    url: https://odds.example.com/v4/sports/americanfootball_nfl/odds
    headers: {x-api-key: {env: ODDS_API_KEY}}
    expect:
      status: [200]
      json: [{path: "$[*].bookmakers[*].key", min_items: 3, severity: warning}]
    items: "$[*]"
    data_age: {path: "$[*].bookmakers[*].last_update"}
    cadence: 5m
    max_data_age: 10m
    quality: {suite: odds, every: 1h, rows: "$[*]"}
    tier: 1
    tags: {provider: odds-example}
    owners: ["team:data"]
    runbook: https://wiki.example.com/odds
    feeds: [models/moneyline, models/spread]
  - {name: espn_nfl, type: news, url: "https://feeds.example.com/nfl/rss"}
  - {name: games_table, type: warehouse, probe: sql, url: {env: WAREHOUSE_URL}, query: "select * from games order by updated_at desc", items: rows, data_age: {column: updated_at}, max_data_age: 26h}
  - {name: play_by_play, type: stats, probe: file, path: "data/raw/pbp/*.csv", max_data_age: 26h}
  - {name: injuries, type: injuries, probe: framework, source: "nfl_data_pipeline.sources.injuries:InjurySource"}
  - {name: nightly_features, type: features, probe: heartbeat, interval: 1h, grace: 20m}
control: [{name: gateway, probe: tcp, host: 192.0.2.1, port: 443}]
"""
DESIGN_ALERTS = """\
version: 1
channels:
  - {name: slack-data, kind: slack, token: {env: SLACK_BOT_TOKEN}, channel: "#data-alerts"}
  - {name: mail-oncall, kind: email, host: smtp.example.com, port: 587, tls: starttls, username: {env: SMTP_USER}, password: {env: SMTP_PASSWORD}, from: health@example.com, to: [oncall@example.com]}
  - {name: ops-hook, kind: webhook, url: "https://ops.example.com/hooks/busta", secret: {env: OPS_HOOK_SECRET}, fallback: mail-oncall}
  - {name: pager, kind: pagerduty, routing_key: {env: PAGERDUTY_ROUTING_KEY}}
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
  - {name: slow-response, metric: response_ms, op: ">", value: 5s, for: 2, severity: warning, overrides: [{select: {types: [stats]}, value: 8s}]}
  - {name: failure-rate, pattern: rate, metric: failed, op: ">", value: 5%, over: 6h, min_bad: 4, severity: warning}
  - {name: low-quality, metric: quality, op: "<", value: 90%, for: 2, severity: warning}
  - {name: stale-data, metric: data_age_s, op: ">", value: max_data_age, severity: warning}
  - {name: anomaly, pattern: anomaly, shadow: true, severity: warning}
  - {name: budget-burn, pattern: burn_rate, severity: critical}
  - {name: no-data, pattern: no_data, intervals: 3, severity: warning}
  - {name: odds-thin-and-slow, all: [{metric: items, op: "<", value: 50}, {metric: response_ms, op: ">", value: 2s}], for: 3, select: {names: [odds_api]}, severity: critical}
escalations:
  - name: default
    steps: [{after: 0m, severity: warning, notify: [slack-data]}, {after: 30m, severity: critical, notify: [slack-data, mail-oncall]}, {after: 2h, notify: [pager]}]
    repeat: 4h
    ack_timeout: 4h
  - {name: slow, steps: [{after: 0m, severity: warning, notify: [slack-data]}, {after: 4h, severity: critical, notify: [slack-data, mail-oncall]}], repeat: 24h}
routes:
  - {select: {rules: [source-down, no-data]}, escalation: default}
  - {select: {severities: [critical]}, escalation: default}
  - {select: {}, escalation: slow}
inhibit: [{source: {rules: [source-down]}, target: {rules: [slow-response, failure-rate, stale-data, anomaly, budget-burn]}, equal: [source]}]
grouping: {by: [rule, group], wait: 0s, interval: 5m, storm: 20}
"""
DESIGN_MAINTENANCE = """\
version: 1
windows:
  - {name: warehouse-upgrade, select: {names: [games_table]}, start: 2026-11-26T02:00, zone: America/New_York, duration: 45m, rrule: "FREQ=WEEKLY;BYDAY=TH", exdates: [2026-12-24T02:00], reason: minor upgrades}
events:
  - {name: nfl-sunday, select: {types: [odds, scores]}, start: 2026-09-13T13:00, zone: America/New_York, duration: 11h30m, rrule: "FREQ=WEEKLY;BYDAY=SU"}
"""
NOW = 1795422372.0  # Monday 23 November 2026, 08:26:12 UTC
ONE_SOURCE = "version: 1\nsources: [{name: odds_api, type: odds, probe: http, url: 'https://odds.example.com'}]\n"


class Files:
    """A configuration directory; `diagnose` reads it with our registries."""

    def __init__(self, path: Path) -> None:
        self.dir = path

    def write(self, **texts: str) -> Files:
        self.dir.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (self.dir / f"{name}.yaml").write_text(text, encoding="utf-8")
        return self

    def diagnose(self, environ: dict[str, str] | None = None) -> settings.Diagnosis:
        return settings.diagnose(self.dir, PROBES, CHANNELS, environ or {}, now=NOW)

    def config(self, environ: dict[str, str] | None = None) -> settings.Config:
        found = self.diagnose(environ)
        assert found.config is not None, "\n".join(map(str, found.errors))
        return found.config
