"""`busta --url`: the commands of a laptop, against a real server with real tokens."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from page_stories import serving
from starlette.applications import Starlette
from typer.testing import CliRunner

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.main import app as busta
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


class Laptop:
    """`busta` here, with or without `--url`."""

    def __init__(self, url: str, environ: dict[str, str], tokens: dict[Role, str]) -> None:
        self.url, self.environ, self.tokens = url, environ, tokens

    def __call__(self, *words: str, role: Role | None = Role.OPERATOR, url: str | None = None) -> tuple[int, str, str]:
        environ = {"BUSTA_TOKEN": self.tokens[role]} if role else {}
        done = CliRunner().invoke(busta, ["--url", url or self.url, *words], env={"BUSTA_URL": None, **environ})
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    def here(self, *words: str):
        return json.loads(CliRunner().invoke(busta, [*words, "-o", "json"], env=self.environ).stdout)

    def there(self, *words: str):
        code, out, err = self(*words, "-o", "json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory):
    base = tmp_path_factory.mktemp("remote")
    for folder in ("data", "config"):
        (base / folder).mkdir()
    (base / "data" / "good.csv").write_text("a\n1\n2\n")
    (base / "config" / "sources.yaml").write_text(SOURCES % {"data": base / "data"})
    (base / "config" / "alerts.yaml").write_text(ALERTS % {"data": base / "data"})
    environ = {"BUSTA_HOME": str(base / "home"), "BUSTA_CONFIG_DIR": str(base / "config")}
    with bootstrap.open_app(environ=environ, create_store=True) as app:
        run_tick(app)
        tokens = {role: access.create_token(app, name=f"{role}-1", role=role, by="test") for role in Role}
        with serving(Door(Starlette(routes=routes(app)), doorkeeper(app, host="127.0.0.1", port=0))) as url:
            yield Laptop(url, environ, tokens)


@pytest.mark.parametrize(
    "words",
    [
        ["sources", "list"],
        ["sources", "health"],
        ["sources", "info", "good_file"],
        ["sources", "history", "good_file"],
        ["alerts", "list"],
        ["alerts", "show", "1"],
        ["alerts", "explain", "1"],
        ["alerts", "explain", "good_file"],
        ["maintenance", "list"],
        ["incidents", "list", "--window", "24h"],
        ["sla", "good_file", "--window", "24h", "--at", "2026-11-01T00:00Z"],
        ["quality", "show"],
    ],
    ids=" ".join,
)
def test_what_is_read_over_url_is_what_is_read_at_home(laptop: Laptop, words: list[str]) -> None:
    def steady(found):
        """Without what the seconds between the two readings change."""
        if isinstance(found, dict):
            return {
                k: steady(v) for k, v in found.items() if not k.endswith("_s") and k not in {"at", "until", "since"}
            }
        return [steady(one) for one in found] if isinstance(found, list) else found

    assert steady(laptop.there(*words)) == steady(laptop.here(*words))
    code, out, _ = laptop(*words)
    assert (code, bool(out.strip())) == (0, True), "the table too"


def test_an_operator_acts_and_the_token_is_who_did_it(laptop: Laptop) -> None:
    assert "gone_file/source-down" in laptop("alerts", "ack", "1", "-m", "looking")[1]
    assert laptop.here("alerts", "show", "1")["acked_by"] == "operator-1"
    assert laptop("alerts", "snooze", "1", "--for", "2h")[0] == 0
    assert laptop("alerts", "unack", "1")[0] == 0
    code, _, err = laptop("alerts", "ack", "1", "--by", "ann")
    assert (code, "the token says who acts" in err) == (2, True)
    assert laptop("sources", "beat", "nightly", "--items", "7")[0] == 0
    assert laptop("sources", "check", "nightly", "--exit-code")[0] == 0
    assert laptop("sources", "check", "gone_file", "--exit-code")[0] == 1


def test_work_is_planned_and_ended(laptop: Laptop) -> None:
    begun = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    code, out, err = laptop(
        "maintenance", "add", "host-move", "--start", begun, "--zone", "UTC", "--for", "2h", "--source", "good_file"
    )
    assert code == 0, err
    assert "host-move: 1 sources" in out
    assert [w["active"] for w in laptop.there("maintenance", "list")] == [True]
    assert "ended" in laptop("maintenance", "end", "host-move")[1]
    assert laptop("maintenance", "end", "nothing")[0] == 2


def test_a_role_that_may_not_is_told(laptop: Laptop) -> None:
    code, _, err = laptop("alerts", "ack", "1", role=Role.VIEWER)
    assert (code, "viewer-1 is viewer" in err) == (2, True)
    code, _, err = laptop("sources", "list", role=None)
    assert (code, "BUSTA_TOKEN" in err) == (2, True)


def test_names_that_are_not_there_are_usage_errors(laptop: Laptop) -> None:
    assert laptop("sources", "info", "nope")[0] == 2
    assert laptop("sources", "health", "nope")[0] == 2
    assert laptop("alerts", "show", "999")[0] == 2


def test_a_server_that_does_not_answer_is_cannot_tell(laptop: Laptop) -> None:
    code, _, err = laptop("sources", "health", url="http://127.0.0.1:9")
    assert (code, "No answer" in err) == (3, True)
    code, out, _ = laptop("sources", "health", "--nagios", url="http://127.0.0.1:9")
    assert (code, out.startswith("UNKNOWN - No answer")) == (3, True)


def test_nagios_may_ask_from_elsewhere(laptop: Laptop) -> None:
    code, out, _ = laptop("sources", "health", "--nagios", "gone_file", "good_file")
    assert (code, out.split(" | ")[0]) == (2, "CRITICAL - gone_file down")


@pytest.mark.parametrize(
    "words", [["db", "status"], ["config", "doctor"], ["quality", "run"], ["tokens", "list"], ["up"]], ids=" ".join
)
def test_what_needs_the_home_says_so(laptop: Laptop, words: list[str]) -> None:
    code, _, err = laptop(*words)
    assert (code, "not over --url" in err) == (2, True)
