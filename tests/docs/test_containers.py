"""deploy/docker and deploy/kubernetes name commands, files, variables and releases that exist, and the proxies the streams."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from documents import DEPLOYED, ROOT
from test_commands_of_the_docs import parsed

from busta_health_dagster import __version__
from busta_health_dagster.settings.instance import JOB_TAG, LOCATION
from busta_health_dagster.web.auth_middleware import OPEN
from busta_health_dagster.web.pages.handlers import ROOT as PAGE

DOCKER, KUBERNETES = ROOT / "deploy" / "docker", ROOT / "deploy" / "kubernetes"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
VALUES = yaml.safe_load((KUBERNETES / "values.yaml").read_text(encoding="utf-8"))
WEB, SERVICE = yaml.safe_load_all((KUBERNETES / "busta-web.yaml").read_text(encoding="utf-8"))
PINS = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path", [path for path in DEPLOYED if path.suffix in {".yaml", ".yml"}], ids=lambda path: path.name
)
def test_every_yaml_file_parses(path: Any) -> None:
    assert all(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def test_every_command_of_a_container_is_one_of_ours() -> None:
    given = [service["command"] for name, service in COMPOSE["services"].items() if name in {"code", "daemon", "web"}]
    given.append(WEB["spec"]["template"]["spec"]["containers"][0]["command"])
    given.append(re.findall(r'"([^"]+)"', DOCKERFILE.rpartition("\nCMD ")[2]))
    assert len(given) == 5
    for program, *words in given:
        assert program == "busta"
        parsed(words)


def test_every_unit_of_systemd_starts_a_command_of_ours_where_the_page_installs_it() -> None:
    units = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
    for unit in units:
        text = unit.read_text(encoding="utf-8")
        (started,) = re.findall(r"^ExecStart=.*?/opt/busta/\.venv/bin/busta ([^\"'\n]+)(\"?)", text, re.MULTILINE)
        parsed([*started[0].split(), *(["file"] if started[1] else [])])
        assert "User=busta\nEnvironment=BUSTA_HOME=/var/lib/busta BUSTA_CONFIG_DIR=/etc/busta/config" in text
    page = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
    assert [unit.name for unit in units if f"deploy/systemd/{unit.name}" not in page] == []


def test_every_file_that_is_mounted_or_copied_is_there() -> None:
    for service in COMPOSE["services"].values():
        for volume in service["volumes"]:
            source = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", volume).split(":")[0]
            assert (DOCKER / source).exists() if "/" in source else source in COMPOSE["volumes"], volume
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    for name in " ".join(copied).split():
        assert (ROOT / name).exists()
        assert f"!{name}\n" in (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8")


def test_every_variable_of_ours_is_one_that_the_program_reads() -> None:
    named = set()
    for path in DEPLOYED:
        named |= set(re.findall(r"(?<!\$\{)\bBUSTA_[A-Z_]+\b", path.read_text(encoding="utf-8")))
    program = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "busta_health_dagster").rglob("*.py"))
    shipped = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "config").glob("*.yaml"))
    assert {name for name in named if name not in program + shipped} == set()


def test_the_example_of_the_environment_has_every_secret_of_the_shipped_configuration() -> None:
    names = set(re.findall(r"^([A-Z_]+)=", (DOCKER / "env.example").read_text(encoding="utf-8"), re.MULTILINE))
    shipped = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "config").glob("*.yaml"))
    wanted = set(re.findall(r"\{env: ([A-Z_]+)\}", re.sub(r"^\s*#.*$", "", shipped, flags=re.MULTILINE)))
    assert names == wanted | {"POSTGRES_PASSWORD", "GRAFANA_PASSWORD"}


def test_every_service_waits_for_what_it_needs_to_be_well() -> None:
    services = COMPOSE["services"]
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}, name
            assert "healthcheck" in services[needed] or needed == "web", f"the image's own check: {needed}"
        image = service["image"]
        assert re.search(r":[^:}]*\d", image), f"{name} has no release"
        assert "latest" not in image


def test_one_release_everywhere() -> None:
    for path in DEPLOYED:
        text = path.read_text(encoding="utf-8")
        for tag in re.findall(r"\bbusta:(\d[\w.]*)", text):
            assert tag == __version__, path
        for package, version in re.findall(r"\b(dagster-k8s)==([\d.]+)", text):
            assert version == PINS["dagster-postgres"], f"{path}: {package} of the release of dagster-postgres"
        for version in re.findall(r"dagster/dagster --version ([\d.]+)", text):
            assert version == PINS["dagster"]
    (code,) = VALUES["dagster-user-deployments"]["deployments"]
    assert code["image"]["tag"] == __version__


def test_the_daemon_of_kubernetes_finds_the_code_server_by_the_name_that_our_runs_are_known_by() -> None:
    (code,) = VALUES["dagster-user-deployments"]["deployments"]
    (server,) = VALUES["dagsterWebserver"]["workspace"]["servers"]
    assert server == {"host": code["name"], "port": code["port"], "name": LOCATION}
    assert code["codeServerArgs"][-2:] == ["--location-name", LOCATION]
    coordinator = VALUES["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    assert coordinator["tagConcurrencyLimits"] == [
        {"key": JOB_TAG, "limit": 1, "value": {"applyLimitPerUniqueValue": True}}
    ]
    (local,) = yaml.safe_load((DOCKER / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    assert local["grpc_server"] == {
        "host": COMPOSE["services"]["code"]["hostname"],
        "port": 4000,
        "location_name": LOCATION,
    }


def test_a_health_check_asks_what_answers_without_a_token() -> None:
    probes = WEB["spec"]["template"]["spec"]["containers"][0]
    asked = {probes[f"{kind}Probe"]["httpGet"]["path"] for kind in ("liveness", "readiness", "startup")}
    asked |= set(re.findall(r"http://127\.0\.0\.1:3000(/\w+)", DOCKERFILE))
    assert asked == {"/livez"} <= OPEN
    assert SERVICE["spec"]["selector"].items() <= WEB["spec"]["template"]["metadata"]["labels"].items()


def test_prometheus_in_a_container_scrapes_as_the_one_on_the_machine_does() -> None:
    here, there = (
        yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in (ROOT / "deploy/prometheus/prometheus.yml", DOCKER / "prometheus.yml")
    )
    there["scrape_configs"][0]["static_configs"] = here["scrape_configs"][0]["static_configs"]
    assert here == there


@pytest.mark.parametrize("path", ["nginx/busta.conf", "caddy/Caddyfile"])
def test_a_proxy_holds_no_live_stream_back_takes_the_admin_header_away_and_warns_of_it(path: str) -> None:
    text = (ROOT / "deploy" / path).read_text(encoding="utf-8")
    assert "WARNING, where settings.yaml has web.trusted_proxy" in text
    assert all(f"-{name}" in text or f"{name} " in text for name in ("X-Forwarded-User", "X-Forwarded-Email"))
    if path.startswith("nginx"):
        (streams,) = re.findall(r"location ~ (\S+) \{[^}]*proxy_buffering off;", text)
        for address in ("/api/v1/events", f"{PAGE}/events"):
            assert re.search(streams, address), address
    else:
        assert "flush_interval -1" in text


def test_the_slack_app_may_do_what_the_channel_does() -> None:
    manifest = yaml.safe_load((ROOT / "deploy/slack/manifest.yaml").read_text(encoding="utf-8"))
    used = set(re.findall(r'"(chat)\.\w+"', (ROOT / "busta_health_dagster/channels/slack.py").read_text()))
    assert used == {"chat"}
    assert manifest["oauth_config"]["scopes"]["bot"] == ["chat:write"]
