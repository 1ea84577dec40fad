"""`busta --url`: what a laptop shows and does is what the machine of the monitor shows and does. Real server, real tokens."""

from __future__ import annotations

import inspect
import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter
from small_home import environ_of, scored, served, small_home
from typer.testing import CliRunner

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.main import app as busta
from busta_health_dagster.cli.remote import Remote
from busta_health_dagster.cli.remote_monitor import RemoteMonitor
from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.documents import alerts as notified
from busta_health_dagster.domain.documents import delivery, gate, quality, service
from busta_health_dagster.domain.documents import sources as seen
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.views.alert_list import Wanted
from busta_health_dagster.testing import FakeClock

NOW = time.time()
SPAN = ("--from", "2126-12-01", "--until", "2d")
PLANNED = int(datetime(2126, 12, 1, tzinfo=UTC).timestamp())


class Laptop:
    """`busta` here on the home, and there over `--url`, at one moment."""

    def __init__(self, url: str, environ: dict[str, str], tokens: dict[Role, str]) -> None:
        self.url, self.environ, self.tokens = url, environ, tokens

    def __call__(self, *words: str, role: Role | None = Role.OPERATOR, url: str | None = None) -> tuple[int, str, str]:
        environ = {"BUSTA_TOKEN": self.tokens[role]} if role else {}
        done = CliRunner().invoke(busta, ["--url", url or self.url, *words], env={"BUSTA_URL": None, **environ})
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    def here(self, *words: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(busta, [*words], env={**self.environ, "BUSTA_URL": None})
        return done.exit_code, done.stdout, done.stderr

    def there(self, *words: str) -> Any:
        code, out, err = self(*words, "-o", "json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory):
    base, clock = tmp_path_factory.mktemp("remote"), FakeClock(NOW)
    with pytest.MonkeyPatch.context() as patch, small_home(base, clock=clock) as app:
        patch.setattr(bootstrap, "SystemClock", lambda: clock)  # the two readings are of one moment
        clock.advance(60)
        scored(app)
        tokens = {role: access.create_token(app, name=f"{role}-1", role=role, by="test") for role in Role}
        with served(app) as url:
            yield Laptop(url, environ_of(base), tokens)


READINGS = [
    ["sources", "list"],
    ["sources", "health"],
    ["sources", "health", "gone_file", "--exit-code"],
    ["sources", "health", "--nagios"],
    ["sources", "info", "good_file"],
    ["sources", "history", "good_file"],
    ["alerts", "list"],
    ["alerts", "list", "gone_file", "--state", "all", "--exit-code"],
    ["alerts", "show", "1"],
    ["alerts", "explain", "1"],
    ["alerts", "explain", "good_file"],
    ["alerts", "outbox"],
    ["alerts", "noise"],
    ["alerts", "noise", "good_file", "--since", "7d"],
    ["gate", "status"],
    ["gate", "status", "good_file"],
    ["gate", "check", "gone_file", "good_file"],
    ["maintenance", "list"],
    ["maintenance", "preview", *SPAN],
    ["maintenance", "suggest", "good_file"],
    ["incidents", "list", "--window", "24h", "--by", "source"],
    ["incidents", "show", "INC-1"],
    ["incidents", "export", "INC-1"],
    ["sla", "good_file", "--window", "24h", "--at", "2026-11-01T00:00Z", "--exit-code"],
    ["quality", "show"],
    ["quality", "show", "good_file", "--failures", "--exit-code"],
    ["quality", "checks", "good_file"],
    ["baselines", "show"],
    ["baselines", "show", "good_file"],
    ["report", "weekly", "--week", "2026-W20"],
    ["report", "weekly", "--week", "2026-W20", "--format", "csv"],
]


@pytest.mark.parametrize("words", READINGS, ids=" ".join)
def test_what_is_read_over_url_is_what_is_read_at_home(laptop: Laptop, words: list[str]) -> None:
    def steady(answer: tuple[int, str, str]) -> tuple[int, str, str]:
        """Each process read the rules at a moment of its own."""
        return answer[0], re.sub(r"(read |rules_read_at\": \"|written )[-\w: ]+", "", answer[1]), answer[2]

    assert steady(laptop(*words)) == steady(laptop.here(*words))
    assert laptop(*words)[1].strip(), "something was said"
    if words[1] not in {"export", "weekly"} and "--nagios" not in words:
        assert steady(laptop(*words, "-o", "json")) == steady(laptop.here(*words, "-o", "json"))


def test_both_monitors_answer_the_same_questions() -> None:
    def questions(monitor: type) -> dict[str, inspect.Signature]:
        public = inspect.getmembers(monitor, inspect.isfunction)
        return {name: inspect.signature(one) for name, one in public if not name.startswith("_")}

    here, there = questions(Monitor), questions(RemoteMonitor)
    for name in ("known", "known_in_alerts", "window"):  # parts of other questions, asked inside
        del here[name]
    assert here == there


ASKED: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "sources": (list[seen.SourceConfig], ()),
    "fleet": (seen.Fleet, (["gone_file"],)),
    "source": (seen.SourceInfo, ("good_file",)),
    "baselines": (list[seen.BaselineRow], ()),
    "alerts": (notified.AlertList, (Wanted.ALL,)),
    "alert": (notified.AlertRow, (1,)),
    "explain_alert": (notified.AlertExplanation, (1,)),
    "explain_source": (notified.SourceExplanation, ("gone_file",)),
    "outbox": (delivery.Outbox, ()),
    "windows": (list[service.WindowRow], ()),
    "gate": (gate.GateState, (["gone_file", "good_file"],)),
    "occurrences": (list[service.MaintenanceOccurrence], (PLANNED, PLANNED + 3 * 86400)),
    "sla": (list[service.ServiceLevelRow], (None, "30d")),
    "incidents": (service.IncidentTable, (None, "30d", None, "type")),
    "incident": (service.IncidentDetail, ("INC-1",)),
    "scores": (quality.Scores, ()),
    "failures": (quality.Failures, ("good_file",)),
    "checks": (quality.CheckHistories, ("good_file",)),
}


@pytest.mark.parametrize("question", ASKED)
def test_every_answer_is_the_document_that_is_promised(laptop: Laptop, question: str) -> None:
    shape, words = ASKED[question]
    promised: Any = TypeAdapter(shape)
    with bootstrap.open_app(environ=laptop.environ) as app:
        here = getattr(Monitor(app, "test"), question)(*words)
    there = getattr(RemoteMonitor(Remote(laptop.url, laptop.tokens[Role.VIEWER])), question)(*words)
    for answer in (here, there):
        read = promised.validate_python(answer, strict=True)
        assert promised.dump_python(read) == answer, "no key but those promised"
    drop = {"rules_read_at"}
    if isinstance(here, dict):
        here, there = ({k: v for k, v in one.items() if k not in drop} for one in (here, there))
    assert here == there
    assert here, "there is something to compare"


def test_the_json_that_scripts_depend_on(laptop: Laptop) -> None:
    """The keys of surfaces.md, in what the command prints."""
    health = {
        *("source", "type", "tier", "status", "since", "reason", "response_ms", "items", "data_age_s", "quality"),
        *("failure_rate", "uptime", "coverage_30d", "budget_left", "open_alerts", "observed_at", "stale"),
    }
    rows = laptop.there("sources", "health")
    assert {row["source"] for row in rows} == {"good_file", "gone_file", "nightly"}
    assert all(health <= row.keys() and set(row["uptime"]) == {"24h", "7d", "30d"} for row in rows)
    sla = {
        *("source", "window", "target", "good", "bad", "excluded", "unknown", "uptime", "coverage", "met"),
        *("budget_left", "burn", "quality"),
    }
    assert all(sla <= row.keys() for row in laptop.there("sla"))
    found = laptop.there("incidents", "list")
    assert {"mttr_s", "mtta_s", "mtbf_s", "incidents"} <= found.keys()
    assert set(found["mttr_s"]) == {"mean", "median", "p90"}
    incident = {
        "id",
        "source",
        "started_at",
        "opened_at",
        "acked_at",
        "resolved_at",
        "severity",
        "rules",
        "state",
    }
    assert all(incident <= row.keys() for row in found["incidents"])
    assert [set(o) for o in laptop.there("maintenance", "preview", *SPAN)] == [{"window", "start", "end"}] * 2
    code, out, _ = laptop("tokens", "create", "--role", "push", "--name", "p", "-o", "json", role=Role.ADMIN)
    assert (code, list(json.loads(out))) == (0, ["token"])


def test_an_operator_acts_and_the_token_is_who_did_it(laptop: Laptop) -> None:
    assert "gone_file/source-down: acknowledged; the clock stops for 4 h" in laptop("alerts", "ack", "1", "-m", "hm")[1]
    assert laptop.there("alerts", "show", "1")["acked_by"] == "operator-1"
    assert laptop("alerts", "snooze", "1", "--for", "2h")[0] == 0
    assert laptop("alerts", "unack", "1")[0] == 0
    code, _, err = laptop("alerts", "ack", "1", "--by", "ann")
    assert (code, "the token says who acts" in err) == (2, True)
    assert laptop("sources", "beat", "nightly", "--items", "7")[0] == 0
    assert laptop("sources", "check", "nightly", "--exit-code")[0] == 0
    assert laptop("sources", "check", "gone_file", "--exit-code")[0] == 1
    assert laptop("incidents", "cause", "INC-1", "disk full")[1] == "INC-1: cause written.\n"
    assert "disk full" in laptop("incidents", "list")[1]
    assert laptop("alerts", "test", "log")[0] == 0
    assert laptop("alerts", "outbox", "--retry")[2].startswith("0 dead letters")


def test_an_admin_manages_tokens(laptop: Laptop) -> None:
    assert "revoked" in laptop("tokens", "list", role=Role.ADMIN)[1].lower()
    assert laptop("tokens", "create", "--role", "viewer", "--name", "v2", role=Role.ADMIN)[1].startswith("busta_")
    assert laptop("tokens", "revoke", "v2", role=Role.ADMIN)[1] == "revoked v2\n"
    assert laptop("tokens", "list", role=Role.VIEWER)[0] == 2


def test_an_admin_reads_who_did_what_and_no_one_else_does(laptop: Laptop) -> None:
    laptop("tokens", "create", "--role", "viewer", "--name", "v3", role=Role.ADMIN)
    for words in (("audit", "list", "--action", "token"), ("audit", "list", "--actor", "admin-1", "--limit", "1")):
        assert laptop(*words, role=Role.ADMIN) == laptop.here(*words)
        assert laptop(*words, "-o", "json", role=Role.ADMIN) == laptop.here(*words, "-o", "json")
    rows = TypeAdapter(list[service.AuditRow]).validate_json(
        laptop("audit", "list", "-o", "json", role=Role.ADMIN)[1], strict=True
    )
    assert ("admin-1", "token.create", "v3") in {(row["actor"], row["action"], row["subject"]) for row in rows}
    assert laptop("audit", "list", "--actor", "nobody", role=Role.ADMIN)[1] == "No entry of the audit log matches.\n"
    assert laptop("audit", "list", role=Role.OPERATOR)[0] == 2


def test_work_is_planned_and_ended(laptop: Laptop) -> None:
    begun = (datetime.fromtimestamp(NOW, UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    words = ("maintenance", "add", "host-move", "--start", begun, "--zone", "UTC", "--for", "2h", "-s", "good_file")
    code, out, err = laptop(*words)
    assert (code, out.endswith("UTC, 1 source\n")) == (0, True), err
    active = {w["window"] for w in laptop.there("maintenance", "list") if w["active"]}
    assert "host-move" in active
    assert laptop(*words)[0] == 2, "the name is taken"
    assert "ended" in laptop("maintenance", "end", "host-move")[1]
    assert laptop("maintenance", "end", "nothing")[0] == 2


def test_a_role_that_may_not_is_told(laptop: Laptop) -> None:
    code, _, err = laptop("alerts", "ack", "1", role=Role.VIEWER)
    assert (code, "viewer-1 is viewer" in err) == (2, True)
    code, _, err = laptop("sources", "list", role=None)
    assert (code, "BUSTA_TOKEN" in err) == (2, True)


def test_names_that_are_not_there_are_usage_errors_with_the_same_words(laptop: Laptop) -> None:
    for words in (["sources", "info", "good_fil"], ["sources", "health", "good_fil"], ["alerts", "show", "999"]):
        assert laptop(*words) == laptop.here(*words)
        assert laptop(*words)[0] == 2


def test_a_server_that_does_not_answer_is_cannot_tell(laptop: Laptop) -> None:
    code, _, err = laptop("sources", "health", url="http://127.0.0.1:9")
    assert (code, "No answer" in err) == (3, True)
    code, out, _ = laptop("sources", "health", "--nagios", url="http://127.0.0.1:9")
    assert (code, out.startswith("UNKNOWN - No answer")) == (3, True)


def test_nothing_new_is_asked_for_and_not_sent_again(laptop: Laptop) -> None:
    monitor = RemoteMonitor(Remote(laptop.url, laptop.tokens[Role.VIEWER]))
    first = monitor.fleet(bars=True)
    again = monitor.fleet(bars=True)
    assert again is not first, "its instant moves on"
    assert again["sources"] is first["sources"], "304: the rows are those known"


@pytest.mark.parametrize(
    "words",
    [
        *(["db", "status"], ["config", "doctor"], ["config", "show"], ["quality", "run"], ["up"], ["run", "tick"]),
        *(["alerts", "drill"], ["backtest"], ["sources", "validate", "good_file"], ["quality", "suggest", "good_file"]),
        *(["demo"], ["report", "weekly", "--keep"], ["dagster", "--version"]),
    ],
    ids=" ".join,
)
def test_what_needs_the_home_says_so(laptop: Laptop, words: list[str]) -> None:
    code, _, err = laptop(*words)
    assert (code, "works on the machine of the monitor, not over --url" in " ".join(err.split())) == (2, True)
