"""Words that the stories about a running monitor share: what it says of itself, and what it has told whom."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import requests

from busta_health_dagster import bootstrap
from tests.e2e.up_stories import environment

if TYPE_CHECKING:
    from pathlib import Path

    from busta_health_dagster.domain.observation import Observation

EVERY_MINUTE = """\
version: 1
defaults: {confirm: 0, interval: 1m}
sources:
  - {name: good_file, type: stats, probe: file, path: "%(data)s/good.csv"}
  - {name: gone_file, type: stats, probe: file, path: "%(data)s/gone.csv"}
"""


GROUPING = "grouping: {by: [rule, source], wait: 0s, interval: 5s, provider: null}\n"
"""A message goes when it is written: the default holds those of one group back for minutes."""


def monitor(base: Path) -> dict[str, str]:
    """The environment of one that observes two files every minute, and notifies a file."""
    environ = environment(base, EVERY_MINUTE)
    with (base / "config" / "alerts.yaml").open("a") as alerts:
        alerts.write(GROUPING)
    return environ


def metric(url: str, name: str) -> float | None:
    """None while no one answers."""
    try:
        lines = requests.get(f"{url}/metrics", timeout=60).text.splitlines()
    except requests.RequestException:
        return None
    return next((float(line.split()[1]) for line in lines if line.startswith(f"{name} ")), None)


def page(url: str) -> str:
    try:
        return requests.get(f"{url}/source-health", timeout=60).text
    except requests.RequestException:
        return ""


def ticks_done(environ: dict[str, str]) -> float:
    with bootstrap.open_app(environ=environ) as app, app.store.read() as uow:
        return uow.counters.all().get("busta_ticks_total", 0)


def sent(base: Path) -> list[tuple[str, str]]:
    """(kind, fingerprint) of every message in the file that is the channel."""
    path = base / "data" / "notifications.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(line["type"], line["data"]["alert"]["fingerprint"]) for line in map(json.loads, lines)]


def observations(environ: dict[str, str], source: str, *, since: float = 0.0) -> list[Observation]:
    with bootstrap.open_app(environ=environ) as app, app.store.read() as uow:
        return list(uow.observations.window([source], int(since), 2**31).get(source, ()))
