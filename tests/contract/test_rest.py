"""REST, metrics and the door in front of them, on SQLite and Postgres."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from small_home import scored, served, small_home

from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.alert import Alert, AlertState
from busta_health_dagster.domain.units import iso
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.views.alert_list import Wanted


class Client(requests.Session):
    """A session that knows where the server is."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def request(self, method, path, **options):
        return super().request(method, self._url + path, timeout=120, **options)


@pytest.fixture
def app(tmp_path: Path, store_url: str):
    with small_home(tmp_path, BUSTA_DATABASE_URL=store_url) as opened:
        yield opened


@pytest.fixture
def web(app):
    with served(app) as url, Client(url) as client:
        yield client


@pytest.fixture
def token(app):
    def make(role: Role) -> dict[str, str]:
        return {"authorization": f"Bearer {access.create_token(app, name=f'{role}-1', role=role, by='test')}"}

    return make


def test_the_fleet_in_one_object_and_in_pages(web: Client) -> None:
    status = web.get("/api/v1/status").json()
    assert status["counts"] == {"down": 1, "degraded": 0, "unknown": 1, "maintenance": 0, "off_season": 0, "up": 1}
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
    observed = web.post("/api/v1/sources/nightly/check").json()
    assert observed["status"] == "up", observed
    wrong = web.post("/api/v1/heartbeat/good_file", json={})
    assert wrong.status_code == 400
    assert "waits for no beats" in wrong.json()["detail"]


WINDOW = {
    "name": "migration",
    "select": {"names": ["good_file"]},
    "start": "2126-12-01T02:00",
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
    zoned = web.post("/api/v1/maintenance", json=WINDOW | {"start": "2126-12-01T02:00:00Z"})
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
    assert up == {"good_file": 1.0, "gone_file": 0.0}, "no one knows about nightly"
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


def test_the_fleet_answers_304_until_something_happens(web: Client) -> None:
    first = web.get("/api/v1/fleet")
    assert set(first.json()["strips"]) == {"good_file", "gone_file", "nightly"}
    assert [a["source"] for a in first.json()["alerts"]] == ["gone_file"]
    tag = {"if-none-match": first.headers["etag"]}
    assert {web.get("/api/v1/fleet", headers=tag).status_code for _ in range(3)} <= {304, 200}, "200 at a new minute"
    (alert,) = first.json()["alerts"]
    web.post(f"/api/v1/alerts/{alert['id']}/ack", json={})
    assert web.get("/api/v1/fleet", headers=tag).status_code == 200


def test_an_incident_is_shown_and_written_on(web: Client, app, token) -> None:
    soon = iso(app.now() + 60)  # a window ends before its end: what begins at this second is not in it
    (row,) = web.get("/api/v1/incidents", params={"window": "24h", "at": soon}).json()["incidents"]
    url = f"/api/v1/incidents/{row['id']}"
    assert web.post(f"{url}/notes", json={"kind": "cause", "text": "the disk was full"}).status_code == 201
    story = web.get(url).json()
    assert (story["cause"], [n["author"] for n in story["notes"]]) == ("the disk was full", ["local"])
    assert web.post(f"{url}/notes", json={"text": " "}).status_code == 400
    assert web.get("/api/v1/incidents/INC-999").status_code == 404
    viewer = token(Role.VIEWER)
    assert web.post(f"{url}/notes", json={"text": "me too"}, headers=viewer).status_code == 403
    assert web.get(url, headers=viewer).status_code == 200


def test_planned_work_is_previewed_in_utc(web: Client) -> None:
    span = {"since": "2126-12-01T00:00:00Z", "until": "2126-12-03T01:00:00+01:00"}
    found = web.get("/api/v1/maintenance/preview", params=span).json()["items"]
    assert [o["start"] for o in found] == ["2126-12-01T03:00:00Z", "2126-12-02T03:00:00Z"]
    assert web.get("/api/v1/maintenance/preview", params=span | {"until": "2126-12-01"}).status_code == 422
    assert web.get("/api/v1/maintenance/preview", params=span | {"until": span["since"]}).status_code == 400
    assert web.get("/api/v1/maintenance/preview", params=span | {"until": "2136-12-01T00:00:00Z"}).status_code == 400


def test_a_preview_that_names_no_span_is_that_of_the_command_and_keeps_its_old_address(web: Client) -> None:
    work = {"name": "move", "select": {"names": ["good_file"]}, "duration": "1h", "zone": "UTC", "rrule": "FREQ=DAILY"}
    web.post("/api/v1/maintenance", json=work)
    fortnight = web.get("/api/v1/maintenance/preview").json()["items"]
    assert len(fortnight) in {14, 15}  # the one that is on, and those of the days to come
    assert web.get("/api/v1/maintenance/occurrences").json()["items"] == fortnight


def test_the_history_of_alerts_is_paged_to_its_end(web: Client, app) -> None:
    with app.store.write() as uow:
        for n in range(60):
            at = 1_790_000_000 + 600 * n
            past = Alert(f"good_file/rule-{n}", "good_file", f"rule-{n}", state=AlertState.RESOLVED)
            uow.alerts.save([replace(past, opened_at=at, first_bad_slot=at, resolved_at=at + 300)])
    rows, cursor = [], None
    while cursor is not None or not rows:
        found = web.get("/api/v1/alerts", params={"state": "all", "limit": 25, "cursor": cursor}).json()
        rows, cursor = rows + found["items"], found["next"]
    assert [row["state"] for row in rows] == ["open"] + ["resolved"] * 60
    assert [row["rule"] for row in rows[1:]] == [f"rule-{n}" for n in reversed(range(60))], "newest end first"
    ask = {"state": "resolved", "limit": 1000, "source": "good_file"}
    assert web.get("/api/v1/alerts", params=ask).json()["items"] == rows[1:]
    assert len(Monitor(app, "test").alerts(Wanted.ALL)["items"]) == 51, (
        "a list at the terminal ends after fifty of them"
    )


def test_the_audit_log_is_for_admins_and_paged(web: Client, token, app) -> None:
    admin = token(Role.ADMIN)
    for note in ("mine", "still mine"):
        assert web.post("/api/v1/alerts/1/ack", json={"note": note}, headers=admin).status_code == 200
    first = web.get("/api/v1/audit", params={"action": "alert", "limit": 1}, headers=admin).json()
    ask = {"action": "alert.ack", "actor": "admin-1", "cursor": first["next"]}
    second = web.get("/api/v1/audit", params=ask, headers=admin).json()
    assert [(row["actor"], row["action"], row["subject"]) for row in (*first["items"], *second["items"])] == [
        ("admin-1", "alert.ack", "alert 1")
    ] * 2
    assert [row["detail"] for row in (*first["items"], *second["items"])] == ["still mine", "mine"]
    assert second["next"] is None
    assert web.get("/api/v1/audit", headers=token(Role.OPERATOR)).status_code == 403


def test_a_window_begins_now_and_in_the_zone_of_the_settings_unless_it_says_otherwise(web: Client) -> None:
    made = web.post("/api/v1/maintenance", json={"name": "now", "select": {"names": ["good_file"]}, "duration": "1h"})
    assert (made.status_code, made.json()["active"], made.json()["zone"]) == (201, True, "UTC")
    lost = {"name": "x", "select": {"names": ["god_file"]}, "duration": "1h"}
    assert "Did you mean good_file" in web.post("/api/v1/maintenance", json=lost).json()["detail"]
    assert web.post("/api/v1/maintenance", json=lost | {"select": {}, "zone": "Mars/Base"}).status_code == 400


def test_quality_is_read_with_its_failing_rows(web: Client, app) -> None:
    assert web.get("/api/v1/quality").json()["never"] == ["good_file"]
    scored(app)
    (row,) = web.get("/api/v1/quality").json()["items"]
    assert (row["source"], row["score"], row["limit"]) == ("good_file", 72.5, 90.0)
    (failed,) = web.get("/api/v1/sources/good_file/quality/failures").json()["failures"]
    assert (failed["check"], failed["keys"]) == ("a-positive", {"a": "9"})


def test_what_is_not_delivered_is_listed_and_a_channel_tried(web: Client, token) -> None:
    assert web.get("/api/v1/outbox").json()["counts"]["dead"] == 0
    assert web.post("/api/v1/outbox/retry", json={}).json() == {"again": 0}
    assert web.post("/api/v1/channels/log/test").json()["answer"] == "delivered"
    assert web.post("/api/v1/channels/typo/test").status_code == 404
    assert web.post("/api/v1/channels/log/test", headers=token(Role.VIEWER)).status_code == 403


def test_a_report_that_was_not_kept_is_counted_now(web: Client) -> None:
    assert web.get("/api/v1/reports").json()["items"] == []
    assert web.get("/api/v1/reports/last").json()["week"]
    assert web.get("/api/v1/reports/2099-W01").status_code == 400
