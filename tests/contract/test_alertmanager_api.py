"""amtool, and whoever else speaks Alertmanager's API v2, against the real server behind its door."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import requests
from small_home import served, small_home

from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.silence import Matcher, Silence
from busta_health_dagster.pipeline.alerting.actions import snooze
from busta_health_dagster.pipeline.alerting.silences import MOST
from busta_health_dagster.pipeline.app import access

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Amtool = Callable[..., subprocess.CompletedProcess[str]]
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App


@pytest.fixture
def app(tmp_path: Path, store_url: str) -> Iterator[App]:
    with small_home(tmp_path, BUSTA_DATABASE_URL=store_url) as opened:
        yield opened


@pytest.fixture
def url(app: App) -> Iterator[str]:
    with served(app) as address:
        yield address


@pytest.fixture
def amtool(url: str) -> Amtool:
    if shutil.which("amtool") is None:
        pytest.skip("amtool is not installed (Debian: prometheus-alertmanager)")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = ["amtool", f"--alertmanager.url={url}", "--no-version-check", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    return run


def moment(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat().replace("+00:00", "Z")


def posted(**more: object) -> dict[str, object]:
    wish = {
        "matchers": [{"name": "source", "value": "gone_.*", "isRegex": True}],
        "startsAt": moment(),
        "endsAt": moment(hours=2),
        "createdBy": "karma",
        "comment": "racks move",
    }
    return wish | more


def alerts_of(amtool: Amtool, *words: str) -> list[str]:
    done = amtool("alert", "query", "-o", "json", *words)
    assert done.returncode == 0, done.stderr
    return [alert["labels"]["source"] for alert in json.loads(done.stdout)]


@pytest.mark.machine_clock
def test_amtool_reads_alerts_and_adds_finds_changes_and_ends_a_silence(app: App, amtool: Amtool) -> None:
    assert alerts_of(amtool) == ["gone_file"]
    assert alerts_of(amtool, "alertname=source-down", "severity!=critical") == ["gone_file"]
    assert alerts_of(amtool, "source=~good.*") == []
    added = amtool("silence", "add", "--comment=racks move", "--duration=2h", "--author=op-1", "source=gone_file")
    assert added.returncode == 0, added.stderr
    key = added.stdout.strip()
    assert alerts_of(amtool) == [], "silenced ones are shown when they are asked for"
    assert alerts_of(amtool, "--silenced") == ["gone_file"]
    (known,) = json.loads(amtool("silence", "query", "-o", "json", "source=gone_file").stdout)
    assert (known["id"], known["comment"], known["createdBy"]) == (key, "racks move", "op-1 (local)")
    with app.store.read() as uow:
        (alert,) = uow.alerts.open()
        (entry,) = [e for e in uow.audit.list() if e.action == "silence.add"]
    assert alert.snoozed is not None
    assert alert.snoozed.note == "racks move"
    assert entry.actor == "local"
    assert 'by op-1, source="gone_file"' in entry.detail
    changed = amtool("silence", "update", "--duration=4h", "--comment=takes longer", key)
    assert changed.returncode == 0, changed.stderr
    (known,) = json.loads(amtool("silence", "query", "-o", "json").stdout)
    assert (known["comment"], known["createdBy"]) == ("takes longer", "op-1 (local)")
    expired = amtool("silence", "expire", key)
    assert expired.returncode == 0, expired.stderr
    assert json.loads(amtool("silence", "query", "-o", "json").stdout) == []
    assert [s["id"] for s in json.loads(amtool("silence", "query", "--expired", "-o", "json").stdout)] == [key]
    assert alerts_of(amtool) == ["gone_file"]
    with app.store.read() as uow:
        (alert,) = uow.alerts.open()
        told = [t.transition.event.value for t in uow.transitions.of(alert.id or 0)]
    assert alert.snoozed is None
    assert told[-1] == "renotified"


@pytest.mark.machine_clock
def test_amtool_reads_what_the_server_is_and_whom_it_notifies(amtool: Amtool) -> None:
    shown = amtool("config", "show")
    assert shown.returncode == 0, shown.stderr
    assert "name: log" in shown.stdout
    tested = amtool("config", "routes", "test", "alertname=source-down")
    assert tested.stdout.strip() == "log", tested.stderr
    checked = subprocess.run([*tested.args[:2], "alert"], capture_output=True, text=True, check=False, timeout=120)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.machine_clock
def test_amtool_brings_its_token_as_bearer_or_as_a_password(app: App, url: str, tmp_path: Path) -> None:
    reader = access.create_token(app, name="reader", role=Role.VIEWER, by="test")
    operator = access.create_token(app, name="operator", role=Role.OPERATOR, by="test")

    def amtool(file: str, *words: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "http.yml").write_text(file)
        options = [f"--alertmanager.url={url}", f"--http.config.file={tmp_path / 'http.yml'}", "--no-version-check"]
        return subprocess.run(["amtool", *options, *words], capture_output=True, text=True, check=False, timeout=120)

    bearer = "authorization: {type: Bearer, credentials: %s}\n"
    basic = "basic_auth: {username: grafana, password: %s}\n"
    add = ("silence", "add", "--comment=x", "--author=operator", "source=gone_file")
    assert amtool("{}\n", "alert", "query").returncode != 0
    for file in (bearer, basic):
        assert "source-down" in amtool(file % reader, "alert", "query", "--active", "--silenced").stdout
        assert amtool(file % "busta_wrong", "alert", "query").returncode != 0
        assert amtool(file % reader, *add).returncode != 0, "a viewer reads"
        assert amtool(file % operator, *add).returncode == 0
    with app.store.read() as uow:
        assert {s.by for s in uow.silences.list()} == {"operator"}


def test_a_silence_that_matches_nothing_now_holds_for_what_opens_later(app: App, url: str, tmp_path: Path) -> None:
    wish = posted(matchers=[{"name": "source", "value": "good_file", "isRegex": False, "isEqual": True}])
    assert requests.post(f"{url}/api/v2/silences", json=wish, timeout=60).status_code == 200
    (tmp_path / "data" / "good.csv").unlink()
    assert requests.post(f"{url}/api/v1/sources/good_file/check", timeout=120).json()["status"] == "down"
    with app.store.read() as uow:
        alert = next(a for a in uow.alerts.open() if a.source == "good_file")
        sent = uow.outbox.of_alert(alert.id or 0, 0)
    assert (alert.notified, sent) == ((), [])
    assert alert.silence is not None
    found = requests.get(f"{url}/api/v2/alerts", params={"filter": 'source="good_file"'}, timeout=60).json()
    assert [(a["status"]["state"], len(a["status"]["silencedBy"])) for a in found] == [("suppressed", 1)]


def test_groups_have_a_channel_and_the_labels_of_the_grouping(url: str) -> None:
    (group,) = requests.get(f"{url}/api/v2/alerts/groups", timeout=60).json()
    assert (group["receiver"], group["labels"]["alertname"]) == ({"name": "log"}, "source-down")
    assert [a["labels"]["source"] for a in group["alerts"]] == ["gone_file"]
    none = requests.get(f"{url}/api/v2/alerts/groups", params={"receiver": "pager"}, timeout=60).json()
    assert none == []
    assert requests.get(f"{url}/api/v2/receivers", timeout=60).json() == [{"name": "log"}]


def test_what_a_person_snoozed_is_muted_and_no_silence_is_made_up(app: App, url: str) -> None:
    snooze(app, [1], actor="op-2", for_s=3600)
    (alert,) = requests.get(f"{url}/api/v2/alerts", timeout=60).json()
    status = {"state": "suppressed", "silencedBy": [], "inhibitedBy": [], "mutedBy": ["snooze by op-2"]}
    assert alert["status"] == status
    assert requests.get(f"{url}/api/v2/alerts", params={"silenced": "false"}, timeout=60).json() == []


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"matchers": []}, "needs a matcher"),
        ({"matchers": [{"name": "x", "value": ".*", "isRegex": True}]}, "would cover everything"),
        ({"matchers": [{"name": "x", "value": "(", "isRegex": True}]}, "cannot be used"),
        ({"matchers": [{"name": "x", "value": "a(?=b)", "isRegex": True}]}, "lookahead"),
        ({"endsAt": "2020-01-01T00:00:00Z"}, "which is past"),
        ({"startsAt": "2099-01-01T00:00:00Z"}, "ends before it begins"),
        ({"endsAt": "2199-01-01T00:00:00Z"}, "at most 10 years"),
        ({"endsAt": "soon"}, "endsAt"),
        ({"createdBy": ""}, "is blank"),
        ({"comment": "a\x00b"}, "control character"),
        ({"comment": "x" * 501}, "500 are the limit"),
    ],
)
def test_a_silence_that_cannot_be_is_refused_in_a_sentence_as_alertmanagers_clients_read_it(
    url: str, more: dict[str, object], says: str
) -> None:
    answer = requests.post(f"{url}/api/v2/silences", json=posted(**more), timeout=60)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert says in answer.json()


def test_what_is_not_there_is_404_and_what_has_ended_is_not_ended_twice(url: str) -> None:
    missing = f"{url}/api/v2/silence/8f3c2a1b-0000-4000-8000-000000000000"
    assert requests.get(missing, timeout=60).status_code == 404
    assert requests.delete(missing, timeout=60).status_code == 404
    assert requests.post(f"{url}/api/v2/silences", json=posted(id="nothing"), timeout=60).status_code == 404
    key = requests.post(f"{url}/api/v2/silences", json=posted(), timeout=60).json()["silenceID"]
    assert requests.delete(f"{url}/api/v2/silence/{key}", timeout=60).status_code == 200
    assert requests.delete(f"{url}/api/v2/silence/{key}", timeout=60).status_code == 409
    assert requests.get(f"{url}/api/v2/silence/{key}", timeout=60).json()["status"] == {"state": "expired"}
    assert requests.post(f"{url}/api/v2/alerts", json=[], timeout=60).status_code == 405


@pytest.mark.parametrize("key", ["a\x00b", "x" * 5000])
def test_an_id_that_no_silence_can_have_is_404_on_both_databases(url: str, key: str) -> None:
    assert requests.post(f"{url}/api/v2/silences", json=posted(id=key), timeout=60).status_code == 404


def test_one_of_as_many_silences_as_there_may_be_can_still_be_changed(app: App, url: str) -> None:
    ends = app.now() + 3600
    with app.store.write() as uow:
        for n in range(MOST - 1):
            uow.silences.put(Silence(str(n), (Matcher("source", "gone"),), ends - 1, ends, "op", "", "op", 0))
    key = requests.post(f"{url}/api/v2/silences", json=posted(), timeout=60).json()["silenceID"]
    longer = posted(id=key, endsAt=moment(hours=4))
    assert requests.post(f"{url}/api/v2/silences", json=longer, timeout=60).json() == {"silenceID": key}
    answer = requests.post(f"{url}/api/v2/silences", json=posted(), timeout=60)
    assert (answer.status_code, answer.json()[:29]) == (400, "There are 1,000 silences alre")


def test_other_matchers_make_a_new_silence_and_end_the_old_one(url: str) -> None:
    first = requests.post(f"{url}/api/v2/silences", json=posted(), timeout=60).json()["silenceID"]
    other = posted(id=first, matchers=[{"name": "source", "value": "good_file", "isRegex": False}])
    second = requests.post(f"{url}/api/v2/silences", json=other, timeout=60).json()["silenceID"]
    states = {s["id"]: s["status"]["state"] for s in requests.get(f"{url}/api/v2/silences", timeout=60).json()}
    assert states == {first: "expired", second: "active"}


def test_the_service_level_of_a_silenced_source_is_unchanged(app: App, url: str) -> None:
    def counted() -> dict[str, tuple[object, ...]]:
        """What was seen: what was not grows with the clock."""
        rows = requests.get(f"{url}/api/v1/sla", timeout=60).json()["items"]
        return {r["source"]: (r["good"], r["bad"], r["excluded"], r["uptime"]) for r in rows}

    before = counted()
    assert requests.post(f"{url}/api/v2/silences", json=posted(), timeout=60).ok
    assert counted() == before
    (row,) = requests.get(f"{url}/api/v1/silences", timeout=60).json()["items"]
    assert (row["matchers"], row["alerts"], row["comment"]) == (['source=~"gone_.*"'], [1], "racks move")
    ended = requests.post(f"{url}/api/v1/silences/{row['id']}/end", timeout=60).json()
    assert ended["state"] == "expired"
