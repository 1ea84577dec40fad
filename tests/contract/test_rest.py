"""REST, metrics and the door in front of them, on SQLite and Postgres."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from page_stories import serving
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.access import Role
from busta_health_dagster.pipeline import access
from busta_health_dagster.pipeline.tick import run_tick
from busta_health_dagster.web.door import Door
from busta_health_dagster.web.routes import routes
from busta_health_dagster.web.serve import doorkeeper

SOURCES = """\
version: 1
sources:
  - {name: good_file, type: stats, probe: file, path: "%(data)s/good.csv", max_data_age: 26h, confirm: 0}
  - {name: gone_file, type: stats, probe: file, path: "%(data)s/gone.csv", max_data_age: 26h, confirm: 0}
  - {name: nightly, type: features, probe: heartbeat, interval: 1h, grace: 20m}
"""
ALERTS = """\
version: 1
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
channels:
  - {name: log, kind: file, path: "%(data)s/notifications.jsonl"}
escalations:
  - {name: default, steps: [{after: 0m, severity: warning, notify: [log]}]}
routes:
  - {select: {}, escalation: default}
"""


class Client(requests.Session):
    """A session that knows where the server is."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def request(self, method, path, **options):
        return super().request(method, self._url + path, timeout=20, **options)


@pytest.fixture
def app(tmp_path: Path, store_url: str):
    data, config = tmp_path / "data", tmp_path / "config"
    data.mkdir()
    config.mkdir()
    (data / "good.csv").write_text("a\n1\n2\n")
    (config / "sources.yaml").write_text(SOURCES % {"data": data})
    (config / "alerts.yaml").write_text(ALERTS % {"data": data})
    environ = {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(config), "BUSTA_DATABASE_URL": store_url}
    with bootstrap.open_app(environ=environ, create_store=True) as opened:
        run_tick(opened)
        yield opened


@pytest.fixture
def web(app):
    keeper = doorkeeper(app, host="127.0.0.1", port=0)
    with serving(Door(Starlette(routes=routes(app)), keeper)) as url, Client(url) as client:
        yield client


@pytest.fixture
def token(app):
    def make(role: Role) -> dict[str, str]:
        return {"authorization": f"Bearer {access.create_token(app, name=f'{role}-1', role=role, by='test')}"}

    return make


def test_the_fleet_in_one_object_and_in_pages(web: Client) -> None:
    status = web.get("/api/v1/status").json()
    assert status["counts"] == {"down": 1, "degraded": 0, "unknown": 1, "maintenance": 0, "up": 1}
    first = web.get("/api/v1/sources", params={"limit": 2}).json()
    second = web.get("/api/v1/sources", params={"limit": 2, "cursor": first["next"]}).json()
    assert [row["source"] for row in (*first["items"], *second["items"])] == ["gone_file", "nightly", "good_file"]
    assert second["next"] is None


def test_one_source_and_what_was_seen_of_it(web: Client) -> None:
    assert web.get("/api/v1/sources/good_file").json()["items"] == 2
    (seen,) = web.get("/api/v1/sources/good_file/observations").json()["items"]
    assert (seen["status"], seen["kind"]) == ("up", "scheduled")
    assert web.post("/api/v1/sources/good_file/check").json()["kind"] == "manual"


def test_an_alert_is_acknowledged_snoozed_and_explained(web: Client) -> None:
    (alert,) = web.get("/api/v1/alerts").json()["items"]
    assert (alert["source"], alert["rule"], alert["state"]) == ("gone_file", "source-down", "open")
    acked = web.post(f"/api/v1/alerts/{alert['id']}/ack", json={"note": "looking"}).json()
    assert (acked["acked_by"], acked["note"]) == ("local", "looking")
    assert web.post(f"/api/v1/alerts/{alert['id']}/unack", json={}).json()["acked_by"] is None
    assert web.post(f"/api/v1/alerts/{alert['id']}/snooze", json={"for": "2h"}).json()["snoozed_by"] == "local"
    assert web.post(f"/api/v1/alerts/{alert['id']}/resolve", json={}).json()["state"] == "resolved"
    refused = web.post(f"/api/v1/alerts/{alert['id']}/ack", json={})
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert web.get(f"/api/v1/alerts/{alert['id']}/explain").json()


def test_a_beat_brings_a_pushed_source_up(web: Client, app) -> None:
    assert web.post("/api/v1/heartbeat/nightly", json={"items": 7}).status_code == 202
    looked = web.post("/api/v1/sources/nightly/check").json()
    assert looked["status"] == "up", looked
    wrong = web.post("/api/v1/heartbeat/good_file", json={})
    assert wrong.status_code == 400
    assert "waits for no beats" in wrong.json()["detail"]


WINDOW = {
    "name": "migration",
    "select": {"names": ["good_file"]},
    "start": "2026-12-01T02:00",
    "zone": "Europe/Berlin",
    "duration": "45m",
}


def test_no_change_of_a_window_overwrites_another(web: Client) -> None:
    made = web.post("/api/v1/maintenance", json=WINDOW)
    assert made.status_code == 201
    url, tag = f"/api/v1/maintenance/{made.json()['id']}", made.headers["etag"]
    assert web.put(url, json=WINDOW).status_code == 428
    changed = web.put(url, json=WINDOW | {"duration": "1h"}, headers={"if-match": tag})
    assert changed.status_code == 200, changed.text
    assert changed.json()["duration_s"] == 3600
    assert web.put(url, json=WINDOW, headers={"if-match": tag}).status_code == 412
    assert web.delete(url, headers={"if-match": changed.headers["etag"]}).status_code == 204
    assert web.get(url).status_code == 404


def test_wrong_input_is_a_problem_that_teaches(web: Client) -> None:
    assert "No source is called" in web.get("/api/v1/sources/nope").json()["detail"]
    assert web.get("/api/v1/sources", params={"limit": 0}).status_code == 422
    assert web.get("/api/v1/sources", params={"cursor": "zzz"}).status_code == 400
    zoned = web.post("/api/v1/maintenance", json=WINDOW | {"start": "2026-12-01T02:00:00Z"})
    assert zoned.status_code == 400
    assert "without an offset" in zoned.json()["detail"]
    unknown = web.post("/api/v1/alerts/1/snooze", json={"for": "2h", "reson": "x"})
    assert unknown.status_code == 422


def test_each_role_may_what_it_may(web: Client, token) -> None:
    viewer, operator, admin, push = (token(role) for role in Role)
    assert web.get("/api/v1/status").status_code == 401
    assert web.get("/api/v1/status", headers=viewer).status_code == 200
    assert web.post("/api/v1/sources/good_file/check", headers=viewer).status_code == 403
    assert web.post("/api/v1/sources/good_file/check", headers=operator).status_code == 200
    assert web.get("/api/v1/tokens", headers=operator).status_code == 403
    assert {t["name"] for t in web.get("/api/v1/tokens", headers=admin).json()["items"]} == {f"{r}-1" for r in Role}
    assert web.post("/api/v1/heartbeat/nightly", headers=push, json={}).status_code == 202
    assert web.get("/metrics", headers=push).status_code == 403
    assert web.delete("/api/v1/tokens/viewer-1", headers=admin).status_code == 204
    assert web.get("/api/v1/status", headers=viewer).status_code == 401


def test_a_large_body_is_refused_before_it_is_read(web: Client) -> None:
    assert web.post("/api/v1/heartbeat/nightly", data=b"x" * 100_000).status_code == 413


def test_metrics_are_what_prometheus_reads(web: Client) -> None:
    families = {f.name: f for f in text_string_to_metric_families(web.get("/metrics").text)}
    up = {s.labels["source"]: s.value for s in families["busta_source_up"].samples}
    assert up == {"good_file": 1.0, "gone_file": 0.0}, "nobody knows about nightly"
    assert families["busta_checks"].type == "counter"
    assert {(s.labels["source"], s.labels["result"]) for s in families["busta_checks"].samples} >= {
        ("good_file", "up"),
        ("gone_file", "down"),
    }
    assert {s.labels["severity"]: s.value for s in families["busta_alerts_active"].samples}["warning"] == 1.0


def test_the_documentation_loads_nothing_from_elsewhere(web: Client) -> None:
    page = web.get("/api/docs")
    assert page.status_code == 200
    assert "http" not in page.text.replace("/api/openapi.json", "").split("<table>")[0]
    assert web.get("/api/openapi.json").json()["info"]["title"] == "busta health"


def test_live_and_ready_say_nothing_about_a_source(web: Client, token) -> None:
    token(Role.ADMIN)
    assert web.get("/livez").text == "ok\n"
    assert web.get("/readyz").json() == {"ready": True, "store": "ok", "tick": "ok"}


def test_a_source_that_no_rule_watches_has_no_range_and_says_why(web: Client) -> None:
    found = web.get("/api/v1/sources/good_file/baseline").json()
    assert (found["rule"], found["metrics"], found["state"]) == (None, {}, "unknown")
    assert "no rule of pattern anomaly watches it" in found["reason"]
    assert web.get("/api/v1/sources/typo/baseline").status_code == 404
