"""Dagster's own UI behind our door, on a real server with the real code location.

GuardedWebserver leans on private names of the pinned dagster-webserver. When the pin moves, these tests say what broke.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import requests
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from page_stories import serving
from small_home import SOURCE_DOWN
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from busta_health_dagster import bootstrap
from busta_health_dagster.defs.build import build as build_location
from busta_health_dagster.defs.stopped import OURS, stopped
from busta_health_dagster.domain.access import Role
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.web import serve

pytestmark = pytest.mark.filterwarnings(
    "ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning", "ignore::DeprecationWarning"
)

ROOT = Path(__file__).parents[2]
STOP_SCHEDULE = 'mutation { stopRunningSchedule(id: "none") { __typename } }'
PAUSE = """
mutation { setAutoMaterializePaused(paused: true) }
"""
WIPE = """
mutation { wipeAssets(assetPartitionRanges: [{assetKey: {path: ["sources", "good_file"]}}]) {
  __typename ... on AssetWipeSuccess { assetPartitionRanges { assetKey { path } } } } }
"""
SUBSCRIBE = "subscription { locationStateChangeEvents { event { locationName } } }"
SOURCES = """\
version: 1
sources:
  - {name: good_file, type: stats, probe: file, path: "%(data)s/good.csv", max_data_age: 26h, confirm: 0}
  - {name: gone_file, type: stats, probe: file, path: "%(data)s/gone.csv", max_data_age: 26h, confirm: 0}
"""


class Web:
    """The running door: its address and one token per role."""

    def __init__(self, url: str, tokens: dict[Role, str], instance: DagsterInstance, app) -> None:
        self.url, self.tokens, self.instance, self.app = url, tokens, instance, app

    def deeds(self) -> list[tuple[str, str]]:
        with self.app.store.read() as uow:
            return [(entry.actor, entry.action) for entry in uow.audit.list()]

    def headers(self, role: Role | None) -> dict[str, str]:
        return {"authorization": f"Bearer {self.tokens[role]}"} if role else {}

    def get(self, path: str, role: Role | None, **headers: str) -> requests.Response:
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        return requests.get(self.url + path, headers=self.headers(role) | named, timeout=120, allow_redirects=False)

    def ask(self, query: str, role: Role | None, **headers: str) -> requests.Response:
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        return requests.post(
            f"{self.url}/graphql", json={"query": query}, headers=self.headers(role) | named, timeout=60
        )

    def socket(self, role: Role | None, origin: str | None = None):
        return connect(
            self.url.replace("http", "ws") + "/graphql",
            subprotocols=["graphql-ws"],
            additional_headers=self.headers(role),
            origin=origin,
            open_timeout=120,
        )


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory):
    """One server for all: the code location takes seconds to load."""
    base = tmp_path_factory.mktemp("web")
    for folder in ("data", "config"):
        (base / folder).mkdir()
    (base / "data" / "good.csv").write_text("game_id,play\n1,run\n2,pass\n")
    (base / "config" / "sources.yaml").write_text(SOURCES % {"data": base / "data"})
    (base / "config" / "alerts.yaml").write_text(SOURCE_DOWN)
    environ = {"BUSTA_HOME": str(base / "home"), "BUSTA_CONFIG_DIR": str(base / "config")}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("BUSTA_DATABASE_URL", "DAGSTER_HOME"):
            patch.delenv(name, raising=False)
        for name, value in bootstrap.prepare_home(home=None, config_dir=None, environ=environ).items():
            patch.setenv(name, value)
        target = ModuleTarget("busta_health_dagster.definitions", None, str(ROOT), "busta_health_dagster")
        with DagsterInstance.get() as instance, bootstrap.open_app(create_store=True) as app:
            assert build_location().resolve_job_def("health_tick").execute_in_process(instance=instance).success
            tokens = {role: access.create_token(app, name=f"{role}-1", role=role, by="test") for role in Role}
            with (
                WorkspaceProcessContext(instance, target) as process,
                serving(serve.build(app, process, host="127.0.0.1", port=0)) as url,
            ):
                yield Web(url, tokens, instance, app)


def test_nobody_sees_anything_without_a_token(web: Web) -> None:
    assert web.ask("{ version }", None).status_code == 401
    assert web.get("/server_info", None).status_code == 401
    assert web.get("/", None).status_code == 401
    page = web.get("/assets", None, accept="text/html")
    assert (page.status_code, page.headers["location"]) == (303, "/source-health/login?next=/assets")


def test_a_push_token_reads_nothing(web: Web) -> None:
    assert web.ask("{ version }", Role.PUSH).status_code == 403
    assert web.get("/", Role.PUSH).status_code == 403


def test_a_viewer_gets_dagsters_own_ui_with_its_files(web: Web) -> None:
    index = web.get("/", Role.VIEWER, accept="text/html")
    assert index.status_code == 200
    assert "<html" in index.text
    deep = web.get("/assets/sources/good_file", Role.VIEWER, accept="text/html")
    assert deep.status_code == 200
    script = index.text.partition("static/js/")[2].partition('"')[0]
    assert web.get(f"/static/js/{script}", Role.VIEWER).status_code == 200


def test_dagsters_pages_lead_to_ours_and_their_own_policy_lets_them(web: Web) -> None:
    for path in ("/", "/assets/sources/good_file"):
        page = web.get(path, Role.VIEWER, accept="text/html")
        link = '<a id="busta-health" href="/source-health">Source health</a></body>'
        assert page.text.count(link) == 1, "beside what Dagster renders, not in it"
        style = page.text.partition('<link rel="stylesheet" href="/source-health/static/dagster-link.css')[2]
        assert style.partition('">')[0].startswith("?v=")
        assert "style-src 'unsafe-inline' 'self'" in page.headers["content-security-policy"]
        assert int(page.headers["content-length"]) == len(page.content)
    assert web.get("/source-health/static/dagster-link.css", None).status_code == 200


def test_a_viewer_reads_the_real_code_location(web: Web) -> None:
    said = web.ask("{ assetNodes { assetKey { path } } permissions { permission value } }", Role.VIEWER).json()["data"]
    assert ["sources", "good_file"] in [node["assetKey"]["path"] for node in said["assetNodes"]]
    assert not any(p["value"] for p in said["permissions"]), "Dagster itself knows that a viewer reads only"


@pytest.mark.parametrize("mutation", [WIPE, PAUSE, STOP_SCHEDULE], ids=["wipe", "pause", "schedule"])
def test_a_viewer_changes_nothing(web: Web, mutation: str) -> None:
    refused = web.ask(mutation, Role.VIEWER)
    assert refused.status_code == 403
    assert "viewer" in refused.json()["errors"][0]["message"]
    hidden = web.ask("query A { version } " + mutation.replace("mutation", "mutation B", 1), Role.VIEWER)
    assert hidden.status_code == 403, "a mutation beside a query is one too"


def test_an_operator_may(web: Web) -> None:
    permissions = web.ask("{ permissions { permission value } }", Role.OPERATOR).json()["data"]["permissions"]
    value = {p["permission"]: p["value"] for p in permissions}
    assert value["launch_pipeline_execution"]
    assert not value["start_schedule"], "the monitor's own schedules are an admin's"
    assert not value["edit_sensor"]
    done = web.ask(WIPE, Role.OPERATOR)
    assert done.status_code == 200, done.text
    assert done.json()["data"]["wipeAssets"]["__typename"] == "AssetWipeSuccess"


def test_materializations_are_reported_by_operators_only(web: Web) -> None:
    path = f"{web.url}/report_asset_materialization/sources/good_file"
    assert requests.post(path, json={}, headers=web.headers(Role.VIEWER), timeout=120).status_code == 403
    assert requests.post(path, json={}, headers=web.headers(Role.OPERATOR), timeout=120).status_code == 200


@pytest.mark.parametrize("name", ["query", "%71uery", "operationName=x&query"])
def test_no_mutation_by_get_not_even_for_an_admin(web: Web, name: str) -> None:
    assert web.get(f"/graphql?{name}=mutation{{x}}", Role.ADMIN).status_code == 405


@pytest.mark.parametrize(
    "media", ["application/x-www-form-urlencoded", "text/plain", "text/plain; application/json", "application/graphql"]
)
def test_what_a_foreign_form_could_send_is_no_graphql(web: Web, media: str) -> None:
    sent = requests.post(
        f"{web.url}/graphql?query=mutation{{x}}",
        data=json.dumps({"query": "{ version }"}),
        headers=web.headers(Role.ADMIN) | {"content-type": media},
        timeout=120,
    )
    assert sent.status_code == 415


def test_writes_from_elsewhere_and_to_other_names_are_refused(web: Web) -> None:
    assert web.ask("{ version }", Role.ADMIN, origin="https://evil.example").status_code == 403
    assert web.ask("{ version }", Role.ADMIN, host="evil.example").status_code == 421
    assert web.ask("{ version }", Role.ADMIN, origin=web.url).status_code == 200


def test_a_websocket_needs_a_token_and_our_own_origin(web: Web) -> None:
    for role, origin in ((None, None), (None, web.url), (Role.ADMIN, "https://evil.example"), (Role.PUSH, None)):
        with pytest.raises(InvalidStatus) as refused, web.socket(role, origin):
            pass
        assert refused.value.response.status_code == 403, (role, origin)


def said(socket, operation: str, query: str) -> dict:
    socket.send(json.dumps({"type": "start", "id": operation, "payload": {"query": query}}))
    while True:
        message = json.loads(socket.recv(timeout=120))
        if message.get("id") == operation:
            return message


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_the_websocket_subscribes_and_never_mutates(web: Web, role: Role) -> None:
    with web.socket(role, web.url) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": {}}))
        assert json.loads(socket.recv(timeout=120))["type"] == "connection_ack"
        refused = said(socket, "1", WIPE)
        assert refused["type"] == "error"
        assert "subscriptions only" in refused["payload"]["message"]
        socket.send(json.dumps({"type": "start", "id": "2", "payload": {"query": SUBSCRIBE}}))
        socket.send(json.dumps({"type": "start", "id": "3", "payload": {"query": "subscription { nonsense }"}}))
        assert json.loads(socket.recv(timeout=120))["id"] == "3", "the subscription of 2 is accepted and waits"


@pytest.mark.parametrize(
    "path", ["/", "/livez", "/metrics", "/api/v1/status", "/source-health", "/nowhere-known", "/graphql"]
)
def test_every_answer_says_how_it_may_be_used(web: Web, path: str) -> None:
    headers = web.get(path, Role.VIEWER, accept="text/html").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] in {"same-origin", "strict-origin-when-cross-origin"}
    assert "frame-ancestors" in headers["content-security-policy"] or headers["x-frame-options"] == "SAMEORIGIN"


def test_a_documented_query_says_what_is_unhealthy(web: Web) -> None:
    """docs/dagster.md is what people copy from: the query there is the one that runs here."""
    text = (ROOT / "docs" / "dagster.md").read_text(encoding="utf-8")
    query = text.partition("```graphql\n")[2].partition("```")[0]
    said = web.ask(query, Role.VIEWER)
    assert said.status_code == 200, said.text
    failed = set()
    for node in said.json()["data"]["assetNodes"]:
        for check in node["assetChecksOrError"].get("checks", []):
            latest = check["executionForLatestMaterialization"]
            if latest and latest["status"] == "FAILED":
                failed.add(("/".join(node["assetKey"]["path"]), check["name"], latest["evaluation"]["severity"]))
    assert ("sources/gone_file", "connectivity", "ERROR") in failed
    assert not any(asset == "sources/good_file" for asset, _, _ in failed)


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed (Debian: jq)")
def test_the_documented_jq_prints_one_line_for_each_asset_with_a_red_check(web: Web) -> None:
    text = (ROOT / "docs" / "dagster.md").read_text(encoding="utf-8")
    query = text.partition("```graphql\n")[2].partition("```")[0]
    said = web.ask(query, Role.VIEWER).text
    program = text.partition("jq -r '")[2].partition("'\n```")[0]
    done = subprocess.run(["jq", "-r", program], input=said, capture_output=True, text=True, check=True)
    lines = dict(line.split(": ") for line in done.stdout.splitlines())
    assert lines["sources/gone_file"] == "connectivity, usable"
    assert "sources/good_file" not in lines
    assert len(lines) == len(done.stdout.splitlines())


STOP_SENSOR = """
mutation Stop($id: String!) { stopSensor(id: $id) { __typename ... on PythonError { message } } }
"""


def test_an_operator_cannot_put_the_monitor_to_sleep_and_an_admin_is_written_down(web: Web) -> None:
    found = web.ask(
        '{ sensorsOrError(repositorySelector: {repositoryLocationName: "busta_health_dagster", '
        'repositoryName: "__repository__"}) { ... on Sensors { results { id name } } } }',
        Role.VIEWER,
    )
    sensors = {one["name"]: one["id"] for one in found.json()["data"]["sensorsOrError"]["results"]}
    sent = {"query": STOP_SENSOR, "variables": {"id": sensors["alert_sensor"]}}
    answers = {
        role: requests.post(f"{web.url}/graphql", json=sent, headers=web.headers(role), timeout=60)
        for role in (Role.OPERATOR, Role.ADMIN)
    }
    assert answers[Role.OPERATOR].status_code == 403
    assert "admin" in answers[Role.OPERATOR].json()["errors"][0]["message"]
    assert answers[Role.ADMIN].json()["data"]["stopSensor"]["__typename"] == "StopSensorMutationResult"
    with web.app.store.read() as uow:
        log = uow.audit.list()
    assert ("admin-1", "dagster.stopSensor") in [(entry.actor, entry.action) for entry in log]
    assert stopped(web.instance, "busta_health_dagster") == ("alert_sensor",)
    assert stopped(web.instance, "another_team") == ()
    assert stopped(web.instance, None) is None
    written = next(entry for entry in log if entry.action == "dagster.stopSensor")
    assert sensors["alert_sensor"] in written.subject
    refused = next(entry for entry in log if entry.actor == "operator-1" and entry.action == "refused")
    assert "stopSensor" in refused.subject


@pytest.mark.parametrize(
    "body",
    ['[{"query": "{ version }"}]', "[]", "{}", '{"query": 5}', '{"query": "{version}", "variables": 7}', "x", "\xff"],
)
def test_what_is_no_query_is_answered_400(web: Web, body: str) -> None:
    said = requests.post(
        f"{web.url}/graphql",
        data=body.encode("latin-1"),
        headers=web.headers(Role.VIEWER) | {"content-type": "application/json"},
        timeout=120,
    )
    assert said.status_code == 400
    assert "Traceback" not in said.text
    assert said.json()["errors"][0]["message"]


def test_a_query_that_costs_too_much_is_refused_before_it_runs(web: Web) -> None:
    many = "{" + " ".join(f"a{n}: assetNodes {{ assetKey {{ path }} }}" for n in range(60)) + "}"
    said = web.ask(many, Role.ADMIN)
    assert (said.status_code, "aliases" in said.text) == (400, True)
    assert web.ask("{ a" * 3000 + "}" * 3000, Role.ADMIN).status_code == 400


def test_nobody_without_the_right_to_act_reads_dagsters_files(web: Web) -> None:
    for path in ("/notebook?path=/etc/passwd", "/download_debug/none", "/notebook/"):
        assert web.get(path, Role.VIEWER).status_code == 403, path
    missing = web.get("/download_debug/none", Role.ADMIN)
    assert (missing.status_code, missing.json()["detail"][:24]) == (404, "There is no run 'none'. ")


@pytest.mark.parametrize("path", ["/livezX", "/readyz/", "/source-health/loginX", "/livez/x", "/source-health/staticX"])
def test_what_only_begins_like_an_open_address_is_not_open(web: Web, path: str) -> None:
    assert web.get(path, None).status_code == 401
    assert web.get(path, Role.VIEWER).status_code in {200, 307, 404}


def test_a_report_to_dagster_is_written_down(web: Web) -> None:
    path = f"{web.url}/report_asset_materialization/sources/good_file"
    assert requests.post(path, json={}, headers=web.headers(Role.OPERATOR), timeout=120).status_code == 200
    assert ("operator-1", "report.asset.materialization") in web.deeds()


def test_every_schedule_and_sensor_of_ours_is_watched(web: Web) -> None:
    location = build_location()
    named = {one.name for one in [*(location.schedules or ()), *(location.sensors or ())]}
    seldom = {"quality_hourly", "baselines_daily", "vantage_observations"}
    assert named | seldom == OURS, "those exist where something is scored or learned, or observed from elsewhere"


def test_with_dagsters_storage_away_its_ui_says_so_and_names_the_store(web: Web) -> None:
    runs = Path(web.instance.root_directory) / "history" / "runs.db"
    kept = runs.with_suffix(".kept")
    runs.rename(kept)
    runs.mkdir()
    try:
        asked = web.ask("{ runsOrError { ... on Runs { results { id } } } }", Role.ADMIN)
        page = web.get("/download_debug/none", Role.ADMIN, accept="text/html")
    finally:
        runs.rmdir()
        kept.rename(runs)
    for said in (asked, page):
        assert said.status_code == 503
        assert web.app.store.url in said.text
        assert "Traceback" not in said.text
        assert "site-packages" not in said.text
    assert web.ask("{ runsOrError { ... on Runs { results { id } } } }", Role.ADMIN).status_code == 200
