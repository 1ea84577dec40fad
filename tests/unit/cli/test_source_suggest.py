"""`busta sources suggest`: one observation becomes an entry that the doctor accepts and that is up."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from http_stories import Answer, answering
from typer.testing import CliRunner

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.main import app
from busta_health_dagster.probes.impostors import login_page

SECRET = "hush-hush-42"
JUST_NOW = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
ROWS = [{"id": f"g{n}", "last_update": JUST_NOW} for n in range(6)]
LOGIN = "<!doctype html><title>Sign in - Odds</title><form><input name=u><input type=password name=p></form>"
FEED = "<rss version='2.0'><channel><item><title>a</title></item></channel></rss>"


class Api:
    """Some documents, one of them behind a key; and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        self.asked += 1
        path = path.partition("?")[0]
        known = {"/odds": json.dumps({"data": ROWS}), "/feed": FEED, "/page": "<title>Hello</title>", "/private": LOGIN}
        if path == "/locked":
            if headers.get("X-Api-Key") != SECRET:
                return Answer(status=401)
            known = {path: json.dumps(ROWS)}
        kind = {"Content-Type": "application/json" if path in {"/odds", "/locked"} else "text/html"}
        return Answer(known[path].encode(), 200, kind) if path in known else Answer(status=404)


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def server(api: Api):
    with answering(api.answer) as at:
        yield f"http://{at}"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "games.csv").write_text(f"id,updated_at\n1,{JUST_NOW}\n2,{JUST_NOW}\n")
    with sqlite3.connect(tmp_path / "games.db") as database:
        database.execute("create table games (id integer, updated_at text)")
        database.execute("insert into games values (1, ?)", (JUST_NOW,))
    database.close()
    return tmp_path


def run(*words: str, code: int = 0, **env: str) -> str:
    result = CliRunner().invoke(app, [*words], env={"COLUMNS": "200", "BUSTA_HOME": "home", **env})
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.parametrize(
    ("address", "words", "probe", "env"),
    [
        ("{server}/odds?a=1&apiKey=" + SECRET, (), "http", {"ODDS_API_KEY": SECRET}),
        ("{server}/feed", (), "feed", {}),
        ("{server}/page", (), "http", {}),
        ("{server}/locked", ("--header", f"X-Api-Key: {SECRET}"), "http", {"ODDS_API_KEY": SECRET}),
        ("games.csv", (), "file", {}),
        ("sqlite:///games.db", (), "sql", {"ODDS_URL": "sqlite:///games.db"}),
    ],
)
def test_what_is_suggested_passes_the_doctor_and_is_up(
    place: Path, api: Api, server: str, address: str, words: tuple[str, ...], probe: str, env: dict[str, str]
) -> None:
    text = run("sources", "suggest", address.format(server=server), "--name", "odds", *words)
    assert api.asked <= 1
    assert SECRET not in text
    (entry,) = yaml.safe_load(text)["sources"]
    assert (entry["name"], entry["probe"]) == ("odds", probe)
    (place / "config").mkdir()
    (place / "config" / "sources.yaml").write_text(text)
    assert bootstrap.diagnose_config(place / "config", env).errors == ()
    (row,) = json.loads(run("sources", "check", "-o", "json", **env))
    assert row["status"] == "up", row


def test_every_key_of_weight_has_its_evidence(server: str) -> None:
    lines = run("sources", "suggest", f"{server}/odds").splitlines()
    for key in ("probe", "items", "data_age", "max_data_age", "expect", "interval"):
        (line,) = [one for one in lines if one.startswith(f"    {key}:")]
        assert "   # " in line, line
    assert "6 of 6 values are times" in "\n".join(lines)


def test_it_writes_where_it_is_told_to_and_overwrites_nothing(place: Path, server: str) -> None:
    assert "Written to new.yaml" in run("sources", "suggest", f"{server}/odds", "--out", "new.yaml")
    assert "is there already" in run("sources", "suggest", f"{server}/odds", "--out", "new.yaml", code=2)
    assert "$.data[*]" in (place / "new.yaml").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("{server}/gone",), "/gone answered 404, so there is nothing to learn from."),
        (("{server}/locked",), "answered 401, so there is nothing to learn from. Ask with a key: --header"),
        (("http://127.0.0.1:1/x",), "http://127.0.0.1:1/x was not observed"),
        (("gone.csv",), "gone.csv was not read: there is no file gone.csv."),
        (("sqlite:///games.db", "--table", "gmes"), "There is no table 'gmes'; there is games."),
        (("sqlite:///nothing.db",), "The database was not read"),
        (("nosuch://x/y",), "The database was not read"),
        (("tcp://x.example:5432",), "A port needs no suggestion"),
        (("games.csv", "--name", "My Games"), "'My Games' cannot be a name; write --name my_games"),
        (("{server}/odds", "--header", "X-Api-Key: a\nb"), "was not observed: the request cannot be written: "),
        (("games.csv", "--header", "nonsense"), "--header is written 'X-Api-Key: VALUE'"),
    ],
)
def test_what_cannot_be_observed_is_said_in_a_sentence(server: str, words: tuple[str, ...], says: str) -> None:
    said = run("sources", "suggest", *(word.format(server=server) for word in words), code=2)
    assert says in " ".join(said.split())


def test_a_login_page_is_called_one_and_nothing_is_drafted_from_it(server: str) -> None:
    done = CliRunner().invoke(app, ["sources", "suggest", f"{server}/private"])
    assert done.exit_code == 2
    assert done.stdout == ""
    said = " ".join(done.stderr.split())
    assert "/private answered 200 with a login page ('Sign in - Odds'), so there is nothing to learn from." in said
    assert "--header 'X-Api-Key: VALUE'" in said


@pytest.mark.parametrize(
    ("page", "path", "login"),
    [
        (LOGIN, "/", "Sign in - Odds"),
        ("<html><title>Odds</title><input id=p type='password'>", "/", "Odds"),
        ("<html><body>Redirecting ...", "/sso/start", "without a title"),
        ("<html><title>NBA scores</title>" + "<td>101</td> " * 300 + "<input type=password>", "/", None),
        ("<html><title>Login statistics of May</title>" + "<td>101</td> " * 300, "/", None),
        ("<title>Hello</title>", "/", None),
        ('{"password": "<input type=password>"}', "/login", None),
    ],
)
def test_what_a_login_page_is(page: str, path: str, login: str | None) -> None:
    assert login_page(page.encode(), path) == login
