"""deploy/ and the documents about the web: what they name exists, under that name, with that meaning."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from page_stories import history, seen, tick, world
from prometheus_client.parser import text_string_to_metric_families

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.pipeline.app.vantages import note_report
from busta_health_dagster.pipeline.delivery.attempt_result import OVERTAKEN
from busta_health_dagster.pipeline.service_levels.windows import WINDOWS_S
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web import metrics

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"\bbusta_[a-z0-9_]+\b")
ROW = re.compile(r"^\| `(busta_\w+)` \| (gauge|counter) \|([^|]*)\|", re.MULTILINE)
NOT_METRICS = {"busta_recording", "busta_monitor", "busta_sources"}


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, set[str]]]:
    """Name -> (type, labels) of what a monitored world exposes."""
    clock = FakeClock(1_795_000_000)
    places = "version: 1\nvantages: {nyc: {}}\n"
    with world(tmp_path_factory.mktemp("metrics"), clock, settings=places) as app:
        month = floor_to(app.now(), 300) - 30 * 86_400  # shares are exposed of what was observed long enough
        first = [
            Observation("odds_api", month + 300 * n, month + 300 * n, Status.UP, response_ms=120.0) for n in range(8640)
        ]
        with app.store.write() as uow:
            uow.observations.add(first)
        history(app, clock, 2)
        tick(app, seen(app, "odds_api"))
        with app.store.write() as uow:
            uow.vantages.add("nyc", [seen(app, "odds_api")])
            note_report(uow, "nyc", app.now())
            uow.counters.add({'busta_notifications_total{channel="log",result="delivered"}': 1})
            uow.counters.add({'busta_checks_total{source="odds_api",result="up"}': 1})
            uow.states.set_quality({"odds_api": (99.0, app.now())})
        text = metrics.render(app).decode()
    found = {}
    for family in text_string_to_metric_families(text):
        name = family.name + ("_total" if family.type == "counter" else "")
        found[name] = (family.type, {key for sample in family.samples for key in sample.labels})
    return found


def test_the_table_of_metrics_is_what_is_exposed(exposed: dict[str, tuple[str, set[str]]]) -> None:
    rows = {
        name: (kind, {part for part in re.split(r",\s*", labels.strip()) if part})
        for name, kind, labels in ROW.findall((ROOT / "docs/metrics.md").read_text())
    }
    assert set(rows) == set(exposed)
    for name, (kind, labels) in rows.items():
        assert exposed[name][0] == kind, name
        assert exposed[name][1] in (labels, set()), name


@pytest.mark.parametrize(
    "path", ["deploy/grafana/busta-health.json", "deploy/prometheus/rules.yml", "deploy/prometheus/rules_test.yml"]
)
def test_dashboards_and_rules_ask_for_metrics_that_exist(path: str, exposed: dict[str, tuple[str, set[str]]]) -> None:
    named = set(NAME.findall((ROOT / path).read_text(encoding="utf-8"))) - NOT_METRICS
    assert named
    assert named <= set(exposed), named - set(exposed)


VALUES = {
    "status": {*(s.word for s in Status), "maintenance"},
    "window": set(WINDOWS_S),
    "severity": {s.word for s in Severity},
    "result": {"delivered", "retry", "rejected", "dead", OVERTAKEN, *(s.word for s in Status)},
}
SELECTED = re.compile(r"\b(busta_[a-z0-9_]+)\{([^}]*)\}")
MATCHER = re.compile(r"(\w+)\s*(=~|!~|!=|=)\s*\"([^\"]*)\"")
GROUPED = re.compile(r"\bby \(([^)]*)\)")


def expressions() -> list[str]:
    board = json.loads((ROOT / "deploy/grafana/busta-health.json").read_text(encoding="utf-8"))
    groups = yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text(encoding="utf-8"))["groups"]
    asked = [t["expr"] for panel in board["panels"] for t in panel["targets"]]
    return asked + [rule["expr"] for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("asked", expressions())
def test_every_label_asked_for_exists_and_can_have_that_value(
    asked: str, exposed: dict[str, tuple[str, set[str]]]
) -> None:
    of_prometheus = {"job", "instance"}
    for name, inside in SELECTED.findall(asked):
        for label, how, value in MATCHER.findall(inside):
            assert label in exposed[name][1] | of_prometheus, (name, label)
            if label in VALUES and how in {"=", "!="}:
                assert value in VALUES[label], (name, label, value)
    labels = set().union(*(exposed[n][1] for n in NAME.findall(asked) if n in exposed)) | of_prometheus
    for group in GROUPED.findall(asked):
        assert {label.strip() for label in group.split(",")} <= labels, asked


def test_the_dashboard_is_one_that_grafana_imports() -> None:
    board = json.loads((ROOT / "deploy/grafana/busta-health.json").read_text(encoding="utf-8"))
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids)) >= 15
    for panel in board["panels"]:
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert all(target["expr"] and target["datasource"]["uid"] == "${datasource}" for target in panel["targets"]), (
            panel["title"]
        )
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]


def test_every_rule_says_what_to_do() -> None:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text(encoding="utf-8"))["groups"]
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    assert {"BustaDown", "BustaTickStale", "BustaDeliveryDead"} <= {rule["alert"] for rule in alerts}
    for rule in alerts:
        assert {"summary", "description"} <= set(rule["annotations"]), rule["alert"]
        assert rule["labels"]["severity"] in {"warning", "critical"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
@pytest.mark.parametrize(
    "words",
    [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "rules.yml"],
        ["test", "rules", "rules_test.yml"],
    ],
)
def test_promtool_accepts(words: list[str]) -> None:
    done = subprocess.run(
        ["promtool", *words], cwd=ROOT / "deploy/prometheus", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
