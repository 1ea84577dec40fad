"""The gate for callers without Dagster: REST and the command line, here and over --url. Real server, real tokens."""

from __future__ import annotations

import json
import time

import pytest
import requests
from small_home import delivered, environ_of, served, small_home
from sqlalchemy import text
from typer.testing import CliRunner

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.main import app as busta
from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.alert import Alert
from busta_health_dagster.domain.gate import GatedJob
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.pipeline.delivery.dead_mans_switch import why_silent
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.gate.jobs import GONE_AFTER_S, jobs_of, note_job
from busta_health_dagster.pipeline.tick.tick import run_tick
from busta_health_dagster.testing import FakeClock

CONSUMERS = """\
consumers:
  - {name: bets, sources: [good_file], max_data_age: 10m}
"""


class Caller:
    def __init__(self, app, base, url, clock) -> None:
        self.app, self.base, self.url, self.clock = app, base, url, clock
        self.token = access.create_token(app, name="op", role=Role.OPERATOR, by="test")
        self.viewer = access.create_token(app, name="viewer", role=Role.VIEWER, by="test")

    def get(self, query: str) -> requests.Response:
        headers = {"authorization": f"Bearer {self.viewer}"}
        return requests.get(f"{self.url}/api/v1/gate{query}", headers=headers, timeout=30)

    def post(self, path: str, body: dict, token: str | None = None) -> requests.Response:
        headers = {"authorization": f"Bearer {token or self.token}"}
        return requests.post(f"{self.url}/api/v1/gate/{path}", json=body, headers=headers, timeout=30)

    def busta(self, *words: str, remote: bool = False) -> tuple[int, str]:
        front = ["--url", self.url] if remote else []
        environ = {"BUSTA_URL": None, "BUSTA_TOKEN": self.token} if remote else environ_of(self.base)
        done = CliRunner().invoke(busta, [*front, "gate", *words], env=environ)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock(time.time())
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: fake)
    return fake


@pytest.fixture
def caller(tmp_path, clock: FakeClock):
    with small_home(tmp_path, clock=clock) as app, served(app) as url:
        yield Caller(app, tmp_path, url, clock)


def test_a_usable_source_is_200_and_exit_code_0(caller: Caller) -> None:
    answer = caller.get("?sources=good_file")
    assert (answer.status_code, answer.json()["usable"]) == (200, True)
    assert answer.headers["cache-control"] == "no-store"
    for remote in (False, True):
        assert caller.busta("check", "good_file", remote=remote) == (0, "usable    good_file is up\n")


def test_a_wish_that_is_misspelt_is_refused_and_opens_nothing(caller: Caller) -> None:
    answer = caller.get("?sources=good_file&min_qualty=99.9")
    assert answer.status_code == 400
    assert answer.json()["detail"] == "The gate knows no 'min_qualty'. Did you mean min_quality?"
    assert "It takes sources, consumer" in caller.get("?sources=good_file&a=1").json()["detail"]


def test_an_unusable_one_is_a_problem_with_the_reasons_and_exit_code_1(caller: Caller) -> None:
    answer = caller.get("?sources=good_file,gone_file,nightly")
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    problem = answer.json()
    assert (problem["title"], problem["status"]) == ("Not usable", 409)
    assert problem["detail"].startswith("gone_file is down: there is no file ")
    assert [row["usable"] for row in problem["sources"]] == [True, False, False], "unknown is not usable"
    for remote in (False, True):
        code, out = caller.busta("check", "good_file", "gone_file", remote=remote)
        assert code == 1
        assert "unusable  gone_file is down: there is no file " in out


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ("?sources=good_fil", 404, "No source is called 'good_fil'. Did you mean good_file or gone_file?"),
        ("?sources=zzz", 404, "No source is called 'zzz'. There are: gone_file, good_file and nightly."),
        ("?consumer=bats", 404, "No consumer is called 'bats'."),
        ("", 400, "Name the sources: /api/v1/gate?sources=odds_api,scores"),
        ("?sources=good_file&max_data_age=soon", 422, "max_data_age"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(caller: Caller, query: str, code: int, said: str) -> None:
    answer = caller.get(query)
    assert answer.status_code == code
    assert said in answer.json()["detail"]


def test_the_monitor_that_cannot_be_asked_is_exit_code_3(caller: Caller) -> None:
    done = CliRunner().invoke(busta, ["--url", "http://127.0.0.1:9", "gate", "check", "good_file"], env={})
    assert done.exit_code == 3


def test_wait_ends_as_soon_as_it_is_usable(caller: Caller, monkeypatch) -> None:
    def later(_: float) -> None:
        caller.clock.advance(300)
        delivered(caller.base / "data" / "gone.csv", "a\n1\n", caller.clock.now())
        run_tick(caller.app)

    monkeypatch.setattr("busta_health_dagster.cli.gate.time.sleep", later)
    assert caller.busta("check", "gone_file", "--wait", "10m") == (0, "usable    gone_file is up\n")


def test_an_operator_opens_and_closes_it_for_a_while_and_it_is_written_down(caller: Caller) -> None:
    assert caller.post("gone_file/open", {"for": "30m", "reason": "x"}, caller.viewer).status_code == 403
    code, out = caller.busta("open", "gone_file", "--for", "30m", "--reason", "checked by hand", remote=True)
    assert (code, "is open by hand until" in out) == (0, True)
    assert caller.get("?sources=gone_file").status_code == 200
    assert caller.get("/status?source=gone_file").json()["sources"][0]["override"]["by"] == "op"
    caller.clock.advance(1801)
    run_tick(caller.app)
    assert caller.get("?sources=gone_file").status_code == 409, "it is over by itself"
    assert caller.busta("close", "good_file", "--for", "1h", "--reason", "wrong prices", "--by", "ann")[0] == 0
    assert "good_file is closed by hand" in caller.get("?sources=good_file").json()["detail"]
    assert caller.busta("reset", "good_file")[0] == 0
    assert caller.get("?sources=good_file").status_code == 200
    with caller.app.store.read() as uow:
        done = [(a.action, a.actor, a.subject) for a in uow.audit.list() if a.action.startswith("gate.")]
    assert done[1:] == [("gate.close", "ann", "source good_file"), ("gate.open", "op", "source gone_file")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["open", "gone_file", "--for", "30s", "--reason", "x"], "one minute to 7d, not for 30s"),
        (["open", "gone_file", "--for", "30d", "--reason", "x"], "not for 30d"),
        (["open", "gone_file", "--for", "1h", "--reason", " "], "Say why"),
        (["open", "gone_fil", "--for", "1h", "--reason", "x"], "Did you mean gone_file"),
        (["reset", "good_file"], "neither opened nor closed by hand"),
        (["check"], "name one source or more"),
        (["check", "good_file", "--consumer", "bets"], "No consumer is called 'bats'"),
    ],
)
def test_what_cannot_be_done_says_why(caller: Caller, words: list[str], said: str) -> None:
    words = [word.replace("bets", "bats") for word in words]
    code, out = caller.busta(*words)
    assert code == 2
    assert said in " ".join(out.split())


def test_a_consumer_asks_for_more(caller: Caller) -> None:
    sources = caller.base / "config" / "sources.yaml"
    sources.write_text(f"{sources.read_text()}{CONSUMERS}")
    assert caller.busta("check", "--consumer", "bets")[0] == 0
    caller.clock.advance(660)
    assert caller.busta("check", "good_file")[0] == 0
    code, out = caller.busta("check", "--consumer", "bets")
    assert (code, "11 min old (at most 10m asked)" in out) == (1, True)
    assert caller.busta("check", "good_file", "--max-data-age", "1m")[0] == 1


def held(caller: Caller, since: int | None, reason: str = "gone_file is down") -> None:
    now = int(caller.clock.now())
    note_job(caller.app, GatedJob("bets", "place_bets", ("gone_file",), now + 600, now, since, reason))


def held_alerts(caller: Caller) -> list[Alert]:
    """After a pass: the open alerts of jobs that are held."""
    alert_pass(caller.app, whole=False)
    with caller.app.store.read() as uow:
        return [alert for alert in uow.alerts.open() if alert.rule == "bets-held"]


@pytest.fixture
def watched(tmp_path, clock: FakeClock):
    """A rule watches what is held."""
    with small_home(tmp_path, clock=clock):
        alerts = tmp_path / "config" / "alerts.yaml"
        rule = "rules:\n  - {name: bets-held, pattern: gate_held, over: 10m, severity: critical}\n"
        alerts.write_text(alerts.read_text().replace("rules:\n", rule))
    with bootstrap.open_app(environ=environ_of(tmp_path)) as app, served(app) as url:
        yield Caller(app, tmp_path, url, clock)


def test_what_waits_at_the_gate_is_shown_measured_and_alerted_on(watched: Caller) -> None:
    begun = int(watched.clock.now())
    held(watched, begun)
    assert held_alerts(watched) == []
    watched.clock.advance(599)
    held(watched, begun)
    assert held_alerts(watched) == []
    watched.clock.advance(2)
    held(watched, begun)
    (alert,) = held_alerts(watched)
    assert alert.bad_reason == "place_bets held for 10 min (limit 10m): gone_file is down"
    assert "job place_bets is held since " in watched.busta("status")[1]
    headers = {"authorization": f"Bearer {watched.viewer}"}
    metrics = requests.get(f"{watched.url}/metrics", headers=headers, timeout=30).text
    assert 'busta_gate_held_seconds{job="place_bets"} 601.0' in metrics
    assert 'busta_gate_usable{source="gone_file"} 0.0' in metrics
    assert 'busta_gate_usable{source="good_file"} 1.0' in metrics
    held(watched, None, "")
    watched.clock.advance(30)
    assert held_alerts(watched) == []


def test_a_message_says_what_the_source_hits_and_that_somebody_opened_the_gate(tmp_path, clock: FakeClock) -> None:
    with small_home(tmp_path, clock=clock) as app:
        now = int(clock.now())
        note_job(app, GatedJob("bets", "place_bets", ("good_file",), now + 600, now))
        Monitor(app, "ann").open_gate("good_file", for_s=1200, reason="prices checked")
        (tmp_path / "data" / "good.csv").unlink()
        clock.advance(300)
        run_tick(app)
        with app.store.read() as uow:
            payloads = uow.connection.execute(text("SELECT payload FROM outbox")).scalars().all()
    (related,) = [d["related"] for d in map(json.loads, payloads) if d["source"]["name"] == "good_file"]
    assert related[0].startswith("The gate is open by hand until ")
    assert related[0].endswith("UTC: prices checked (ann).")
    assert related[1].startswith("Hits 1 job; next place_bets ")


def test_a_job_whose_sensor_is_gone_is_neither_shown_nor_alerted_on(caller: Caller) -> None:
    held(caller, int(caller.clock.now()))
    assert [job["job"] for job in caller.get("/status").json()["jobs"]] == ["place_bets"]
    caller.clock.advance(GONE_AFTER_S + 1)
    assert caller.get("/status").json()["jobs"] == []


def test_a_clock_that_was_set_back_closes_the_gate_and_is_told(caller: Caller) -> None:
    assert caller.get("?sources=good_file").status_code == 200
    caller.clock.advance(-3600)
    ready = requests.get(f"{caller.url}/readyz", timeout=30).json()
    assert ready["tick"].startswith("the clock was set back"), (
        "at once: Dagster starts no tick until the clock is there"
    )
    for _ in range(4):
        caller.clock.advance(60)
        run_tick(caller.app)
    answer = caller.get("?sources=good_file")
    assert answer.status_code == 409
    assert "ahead of this machine's clock, which was set back" in answer.json()["detail"]
    ready = requests.get(f"{caller.url}/readyz", timeout=30)
    assert (ready.status_code, ready.json()["tick"][:44]) == (503, "the clock was set back: 2 sources up to 56 m")
    with caller.app.store.read() as uow:
        assert why_silent(caller.app, uow, caller.app.now()).startswith("the clock was set back: 2 sources")
        (alert,) = [a for a in uow.alerts.open() if a.rule == "ticks"]
    assert "unknown until " in alert.bad_reason
    caller.clock.advance(3900)
    run_tick(caller.app)
    assert caller.get("?sources=good_file").status_code == 200, "the clock has caught up"


def test_a_job_of_two_sensors_is_held_while_one_of_them_holds_it(caller: Caller) -> None:
    now = int(caller.clock.now())
    weekday = GatedJob("bets", "place_bets", ("gone_file",), now + 600, now, now - 700, "gone_file is down", "weekday")
    weekend = GatedJob("bets", "place_bets", ("good_file",), now + 300, now, sensor="weekend")
    for job in (weekday, weekend):
        note_job(caller.app, job)
    (job,) = caller.get("/status").json()["jobs"]
    assert (job["held_s"], job["reason"], job["sources"]) == (700, "gone_file is down", ["gone_file", "good_file"])
    with caller.app.store.read() as uow:
        (merged_job,) = jobs_of(caller.app, uow)
    assert merged_job.next_at == now + 300


def test_a_job_that_is_held_for_a_misspelt_source_is_in_the_status(caller: Caller) -> None:
    now = int(caller.clock.now())
    note_job(caller.app, GatedJob("bets", "place_bets", ("gone_fil",), now + 600, now, now, "No source is called"))
    assert "job place_bets is held since " in caller.busta("status")[1]
    assert "place_bets" not in caller.busta("status", "good_file")[1]


def test_a_slot_that_was_given_up_is_no_recovery(watched: Caller) -> None:
    begun = int(watched.clock.now())
    watched.clock.advance(700)
    for since, reason, still_open in (
        (begun, "gone_file is down", True),
        (None, "the slot of 16:50 was given up, and none has run since", True),
        (None, "", False),
    ):
        held(watched, since, reason)
        assert bool(held_alerts(watched)) is still_open
        watched.clock.advance(30)
