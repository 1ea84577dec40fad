"""Two sources, a month, and outages whose numbers are counted by hand."""

from __future__ import annotations

import csv
from pathlib import Path

from busta_health_dagster.domain.units import iso

MONDAY = 1_795_392_000  # 2026-11-23T00:00:00Z, when week 47 is over
DAY, HOUR = 86400, 3600
SEVEN = MONDAY + 7 * HOUR
SOURCES = """\
version: 1
sources:
  - {name: odds_api, type: odds, probe: file, path: /nowhere/odds.csv, max_data_age: 26h, feeds: [models/moneyline]}
  - {name: scores_api, type: scores, probe: file, path: /nowhere/scores.csv, max_data_age: 26h}
"""
ALERTS = """\
version: 1
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
channels:
  - {name: log, kind: file, path: notifications.jsonl}
  - {name: also, kind: file, path: also.jsonl}
escalations:
  - {name: default, steps: [{after: 0m, severity: warning, notify: [log]}]}
  - {name: reports, steps: [{after: 0m, notify: [log, also]}]}
routes:
  - {select: {rules: [weekly-report]}, escalation: reports}
  - {select: {}, escalation: default}
"""
SETTINGS = """\
version: 1
web: {public_url: "https://health.example.com"}
"""
OUTAGES = {
    "odds_api": [(MONDAY - 21 * DAY, 31), (MONDAY - 5 * DAY + 10 * HOUR, 12)],
    "scores_api": [(MONDAY - 20 * DAY, 20), (MONDAY - 6 * DAY, 6), (MONDAY - 3 * DAY + 9 * HOUR, 18)],
}
"""(first bad slot, how many): 43 and 44 bad slots in 30 days; 12 and 24 of them in week 47."""


def write_history(path: Path, *, since: int, until: int, outages=OUTAGES) -> Path:
    with path.open("w", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(["timestamp", "source", "status", "response_ms"])
        for source, some in outages.items():
            bad = {start + 300 * k for start, n in some for k in range(n)}
            for slot in range(since, until, 300):
                out.writerow([iso(slot), source, *(("down", "") if slot in bad else ("up", 120.5))])
    return path
