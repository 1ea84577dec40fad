"""`busta sources import`: from another tool's file to sources that the doctor accepts and that are observed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from http_stories import Answer, answering
from typer.testing import CliRunner

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.main import app

FEED = b'<rss version="2.0"><channel><title>t</title><item><title>a</title></item></channel></rss>'
ANSWERS = {"/feed": FEED, "/health": b'{"status": "UP", "rows": [1, 2]}', "/metrics": b"up 1\n"}


def answer(path: str, headers: Mapping[str, str]) -> Answer:
    del headers
    body = ANSWERS.get(path.partition("?")[0])
    return Answer(b"", 404) if body is None else Answer(body)


@pytest.fixture
def server():
    with answering(answer) as at:
        yield at


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "sources.yaml").write_text(
        "version: 1\nsources:\n  - {name: mine, type: t, probe: file, path: mine.csv}\n"
    )
    return tmp_path


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*words], env={"COLUMNS": "200", "BUSTA_HOME": "home"})
    assert result.exit_code == code, result.output
    return result.output


def estates(host: str) -> dict[str, str]:
    url = f"http://{host}"
    openapi = {
        "openapi": "3.0.0",
        "info": {"title": "Api"},
        "servers": [{"url": url}],
        "paths": {"/health": {"get": {"responses": {"200": {}}}}, "/x/{id}": {"get": {}}},
    }
    kuma = [{"name": "Web", "type": "http", "url": f"{url}/health"}, {"name": "Box", "type": "docker"}]
    sd = [{"targets": [host]}]
    condition = "[BODY].status == UP"
    return {
        "feeds.opml": f'<opml><body><outline text="A" xmlUrl="{url}/feed"/><outline text="f"/></body></opml>',
        "list.csv": f"url,name\n{url}/health,Api\nnonsense here,b\n",
        "gatus.yaml": f"endpoints:\n  - {{name: api, url: {url}/health, conditions: ['{condition}']}}\n"
        "  - {name: p, url: 'icmp://x'}\n",
        "backup.json": json.dumps({"monitorList": kuma}),
        "targets.json": json.dumps([*sd, {"targets": ["icmp"], "labels": {"module": "icmp"}}]),
        "api.json": json.dumps(openapi),
    }


@pytest.mark.parametrize("name", list(estates("x:1")))
def test_an_estate_becomes_sources_that_the_doctor_accepts_and_that_are_observed(
    place: Path, server: str, name: str
) -> None:
    (place / name).write_text(estates(server)[name])
    said = run("sources", "import", name)
    assert "1 source from" in said
    assert "Left out: 1 " in said
    assert "Written to config/imported.yaml." in said
    assert "- include: imported.yaml" in said
    (place / "config" / "sources.yaml").write_text("version: 1\nsources: [{include: imported.yaml}]\n")
    found = bootstrap.diagnose_config(place / "config", {})
    assert found.errors == ()
    assert found.config is not None
    rows = json.loads(run("sources", "check", "-o", "json"))
    assert [(row["status"], row["detail"]) for row in rows if row["status"] != "up"] == []
    assert len(rows) == 1


def test_nothing_is_overwritten(place: Path) -> None:
    (place / "a.csv").write_text("https://x.example/a\n")
    kept = place / "config" / "imported.yaml"
    kept.write_text("mine")
    said = run("sources", "import", "a.csv", code=2)
    assert "config/imported.yaml is there already and is left as it is. Choose another: --out FILE" in said
    assert kept.read_text() == "mine"
    run("sources", "import", "a.csv", "--out", "config/more/b.yaml")
    assert (place / "config" / "more" / "b.yaml").is_file()


def test_names_of_the_configuration_are_not_taken_again_and_importing_twice_brings_nothing(place: Path) -> None:
    (place / "a.csv").write_text("url,name\nhttps://x.example/a,Mine\n")
    run("sources", "import", "a.csv")
    config = place / "config" / "sources.yaml"
    config.write_text(config.read_text() + "  - include: imported.yaml\n")
    found = bootstrap.diagnose_config(place / "config", {}).config
    assert found is not None
    assert list(found.sources) == ["mine", "mine_2"]
    said = run("sources", "import", "a.csv", "--out", "-", code=2)
    assert "a.csv has nothing that can be watched (1 duplicate: mine_2 asks the same address)." in said


def test_an_entry_that_the_configuration_would_refuse_is_left_out_with_its_reason(place: Path) -> None:
    (place / "a.csv").write_text("name,url,max_data_age\ngood,https://x.example/a,\nbad,https://x.example/b,soon\n")
    made = json.loads(run("sources", "import", "a.csv", "-o", "json"))
    assert [one["name"] for one in made["sources"]] == ["good"]
    assert made["left_out"][0]["title"] == "bad"
    assert "max_data_age: 'soon' is not a duration" in made["left_out"][0]["why"]


def test_the_entries_can_be_printed_without_a_shadow(place: Path) -> None:
    (place / "a.csv").write_text("https://x.example/a\n")
    said = run("sources", "import", "a.csv", "--out", "-", "--shadow-for", "0d")
    assert "url: https://x.example/a" in said
    assert "rollout" not in said
    assert not (place / "config" / "imported.yaml").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("gone.opml",), "There is no file gone.opml."),
        (("a.csv", "--from", "nagios"), "--from 'nagios' is not known; one of opml, csv, gatus"),
        (("a.csv", "--from", "opml"), "a.csv: it is not readable as XML"),
        (("a.csv", "--shadow-for", "soon"), "--shadow-for: 'soon'"),
        (("latin.csv",), "latin.csv is not utf-8"),
        (("half.opml",), "half.opml is not undefined"),
        (("odd.opml",), "odd.opml is not wtf-9: unknown encoding: wtf-9. Save it as UTF-8."),
        (("api.json",), "api.json: it has no `servers`, so no one can tell where the API is. Say where"),
        (("empty.opml",), "empty.opml has nothing that can be watched."),
        ((".",), "There is no file ."),
    ],
)
def test_what_cannot_be_imported_is_said_in_a_sentence(place: Path, words: tuple[str, ...], says: str) -> None:
    (place / "a.csv").write_text("https://x.example/a\n")
    (place / "latin.csv").write_bytes(b"url,name\nhttps://x.example,Malm\xf6\n")
    for name, encoding in (("half", "undefined"), ("odd", "wtf-9")):
        (place / f"{name}.opml").write_bytes(f'<?xml version="1.0" encoding="{encoding}"?><opml>\xf6'.encode("latin-1"))
    (place / "api.json").write_text('{"openapi": "3.0.0", "paths": {"/a": {"get": {}}}}')
    (place / "empty.opml").write_text("<opml><body/></opml>")
    assert says in " ".join(run("sources", "import", *words, code=2).split())


def test_the_encoding_that_an_opml_declares_is_the_one_it_is_read_in(place: Path) -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?><opml><body><outline text="Malmö" xmlUrl="https://x.example/m"/></body></opml>'
    (place / "a.opml").write_bytes(text.encode("latin-1"))
    assert "name: malmo" in run("sources", "import", "a.opml", "--out", "-")
