"""Files that sources.yaml includes, and entries that stand for many: what they become, and what is said of wrong ones."""

from __future__ import annotations

import os
from pathlib import Path

import jsonschema
import pytest
import yaml
from settings_stories import CHANNELS, DESIGN_ALERTS, PROBES, Files

from busta_health_dagster import settings

FEED = "{name: %s, type: news, probe: feed, url: 'https://feeds.example.com/%s'}"


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Files(tmp_path / "config")


def put(files: Files, name: str, text: str) -> Path:
    path = files.dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def sources(files: Files, text: str) -> None:
    put(files, "sources.yaml", f"version: 1\nsources:\n{text}\n")


def errors(files: Files) -> list[str]:
    return [str(problem) for problem in files.diagnose().errors]


def only(files: Files) -> str:
    found = errors(files)
    assert len(found) == 1, found
    return found[0]


def test_included_files_bring_their_sources_with_their_own_lines_in_order_of_name(files):
    sources(files, f"  - {FEED % ('own', 'own')}\n  - include: feeds/*.yaml\n  - {{include: [more/api.yaml]}}")
    put(files, "feeds/b.yaml", f"version: 1\nsources:\n  - {FEED % ('b', 'b')}\n")
    put(files, "feeds/a.yaml", f"version: 1\n\nsources:\n  - {FEED % ('a', 'a')}\n")
    put(files, "feeds/.hidden.yaml", "sources: [")
    put(files, "more/api.yaml", "sources: [{include: deeper/c.yaml}]\n")
    put(files, "more/deeper/c.yaml", f"sources:\n- {FEED % ('c', 'c')}\n")
    config = files.config()
    assert {s.name: s.where for s in config.sources.values()} == {
        "own": "config/sources.yaml:3",
        "a": "config/feeds/a.yaml:4",
        "b": "config/feeds/b.yaml:3",
        "c": "config/more/deeper/c.yaml:2",
    }
    assert config.files == ("sources.yaml", "feeds/a.yaml", "feeds/b.yaml", "more/api.yaml", "more/deeper/c.yaml")
    shown = settings.show(config, settings.Secrets({}))
    assert shown["files"] == list(config.files)
    assert shown["sources"][1]["from"] == "config/feeds/a.yaml:4"


def test_a_mistake_in_an_included_file_names_that_file_its_line_and_its_own_index(files):
    sources(files, f"  - {FEED % ('own', 'own')}\n  - include: feeds.yaml")
    put(
        files,
        "feeds.yaml",
        f"version: 1\nsources:\n  - {FEED % ('a', 'a')}\n  - name: b\n    type: news\n    probe: fed\n",
    )
    assert "config/feeds.yaml:6:12  sources[1] b, probe\n" in only(files)


def test_a_secret_in_an_included_file_is_found_there(files):
    sources(files, "  - include: feeds.yaml")
    put(
        files, "feeds.yaml", "sources:\n  - {name: a, type: t, probe: http, url: 'https://x.example/?api_key=s3cr3t'}\n"
    )
    said = only(files)
    assert "config/feeds.yaml:2:42" in said
    assert "A secret is written out here" in said
    assert "s3cr3t" not in said


def test_the_same_name_in_two_files_is_refused_naming_the_first(files):
    sources(files, f"  - {FEED % ('a', 'a')}\n  - include: feeds.yaml")
    put(files, "feeds.yaml", f"sources:\n  - {FEED % ('a', 'other')}\n")
    assert "The name 'a' is taken, at config/sources.yaml:3" in only(files)


@pytest.mark.parametrize(
    ("entry", "others", "says"),
    [
        ("{include: gone.yaml}", {}, "config/sources.yaml:4:15  sources[1], include\n    There is no file gone.yaml."),
        ("{include: 'feeds/*.yaml'}", {}, "No file matches 'feeds/*.yaml'"),
        ("{include: ../outside.yaml}", {}, "'../outside.yaml' does not lie in the configuration's directory"),
        ("{include: /etc/feeds.yaml}", {}, "'/etc/feeds.yaml' does not lie in the configuration's directory"),
        ("{include: 'a**b/*'}", {}, "is not a pattern of files"),
        ("{include: ''}", {}, "'' does not lie in"),
        ("{include: {file: a.yaml}}", {}, "`include` is not the name of a file, or a list of names."),
        ("{include: a.yaml, tier: 1}", {"a.yaml": "a"}, "`tier` beside `include` would be lost"),
        ("{include: [a.yaml, a.yaml]}", {"a.yaml": "a"}, "a.yaml is included already, at config/sources.yaml:4"),
        ("{include: alerts.yaml}", {}, "There is no `sources` in this file."),
        ("{include: sources.yaml}", {}, "in a circle: sources.yaml includes sources.yaml."),
        (f"{{include: {'a' * 300}.yaml}}", {}, f"There is no file {'a' * 300}.yaml."),
        ("{include: a.yaml, include: b.yaml}", {"a.yaml": "a", "b.yaml": "b"}, "`include` is written twice"),
    ],
)
def test_an_include_that_cannot_be_followed_is_an_error_with_its_place(files, entry, others, says):
    sources(files, f"  - {FEED % ('own', 'own')}\n  - {entry}")
    files.write(alerts=DESIGN_ALERTS)
    for name, source in others.items():
        put(files, name, f"sources: [{FEED % (source, source)}]")
    assert any(says in said for said in errors(files)), errors(files)


def test_files_that_include_each_other_are_named_in_their_circle(files):
    sources(files, "  - include: a.yaml")
    put(files, "a.yaml", f"sources:\n  - {FEED % ('a', 'a')}\n  - include: b.yaml\n")
    put(files, "b.yaml", "sources:\n  - include: a.yaml\n")
    said = only(files)
    assert "config/b.yaml:2:14" in said
    assert "a.yaml includes b.yaml includes a.yaml" in said


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"sources: [{name: a", "config/a.yaml:2:1\n    This is not readable as YAML"),
        (b"sources: \xff", "config/a.yaml:1:1\n    The file is not UTF-8."),
        (b"", "There is no `sources` in this file."),
        (b"sources: {a: b}", "`sources` is not a list."),
        (b"version: 3\nsources: [{name: a, type: t, probe: file, path: x}]", "Version '3' is not known"),
        (
            b"sources: [{name: a, type: t, probe: file, path: x}]\nsources: []",
            "`sources` is written twice in one mapping",
        ),
        (b"types: {}\nsources: [{name: a, type: t, probe: file, path: x}]", "`types` belongs to sources.yaml"),
    ],
)
def test_an_included_file_that_cannot_be_read_is_an_error_in_that_file(files, content, says):
    sources(files, f"  - {FEED % ('own', 'own')}\n  - include: a.yaml")
    (files.dir / "a.yaml").write_bytes(content + b"\n" * content.endswith(b"name: a"))
    assert says in only(files)


EACH = "  - {name: 'news_{team}', type: news, probe: feed, url: 'https://f.example.com/{team}', %s}"


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ("for_each: {team: [Bills, '49ers']}", ["news_bills", "news_49ers"]),
        ("for_each: [{team: bills}, {team: jets}]", ["news_bills", "news_jets"]),
        ("for_each: {file: teams.csv}", ["news_bills", "news_jets"]),
    ],
)
def test_one_entry_becomes_a_source_for_each_set_of_values(files, values, names):
    sources(files, EACH % values)
    put(files, "teams.csv", "team,city\nbills,Buffalo\n\njets,New York\n")
    found = files.config().sources
    assert list(found) == names
    assert {s.where for s in found.values()} == {"config/sources.yaml:3"}
    assert found[names[0]].config.url.endswith(("/bills", "/Bills"))


def test_lists_side_by_side_are_combined_and_a_mapping_gives_its_keys(files):
    sources(
        files,
        "  - {name: '{a}_{b}', type: t, probe: file, path: '{b}.csv', for_each: {a: [x, y], b: [1, 2]}}\n"
        "  - {name: '{key}', type: t, probe: tcp, host: '{host}', port: '{port}', interval: '{every}', "
        "for_each: {db: {host: h1, port: 5432, every: 10m}, web: {host: h2, port: 443, every: 5m}}}\n"
        "  - {name: 'v_{value}', type: t, probe: file, path: x, for_each: [a, b]}",
    )
    found = files.config().sources
    assert list(found) == ["x_1", "x_2", "y_1", "y_2", "db", "web", "v_a", "v_b"]
    assert (found["db"].config.port, found["db"].interval_s) == (5432, 600)


def test_a_list_of_addresses_names_its_sources_after_them(files):
    sources(
        files,
        "  - {name: '{url}', type: news, probe: feed, url: '{url}', "
        "for_each: {url: ['https://feeds.example.com/NFL/rss', 'https://www.example.org/all.xml?x=1']}}",
    )
    assert list(files.config().sources) == ["feeds_example_com_nfl_rss", "example_org_all_xml_x_1"]


def test_an_empty_cell_is_a_value_that_is_not_given_and_a_number_is_one(files):
    sources(
        files, "  - {name: 'n_{id}', type: t, probe: file, path: x, tier: '{tier}', for_each: {file: tables/t.csv}}"
    )
    put(files, "tables/t.csv", "id,tier\r\na,1\r\nb,\r\n")
    assert [s.tier for s in files.config().sources.values()] == [1, 2]


def test_dates_and_secrets_pass_through_and_a_secret_among_the_values_is_found(files):
    url = "https://x.example/{team}?day={today}"
    sources(
        files,
        f"  - {{name: 'n_{{team}}', type: t, probe: http, url: '{url}', headers: {{x-api-key: '{{key}}'}}, "
        "for_each: [{team: a, key: {env: KEY_A}}]}",
    )
    source = files.config({"KEY_A": "x"}).sources["n_a"]
    assert source.config.url == "https://x.example/a?day={today}"
    assert source.config.headers["x-api-key"].env == "KEY_A"
    sources(
        files,
        "  - {name: 'n_{team}', type: t, probe: http, url: u, headers: {x-api-key: '{key}'},\n"
        "     for_each: [{team: a, key: s3cr3ts3cr3t}]}",
    )
    said = only(files)
    assert "config/sources.yaml:4:32" in said
    assert "A secret is written out here" in said


def test_a_wrong_value_is_reported_at_the_value_and_says_which_of_them(files):
    sources(
        files,
        "  - name: 'n_{id}'\n    type: t\n    probe: file\n    path: x\n    tier: '{tier}'\n    for_each:\n"
        "      - {id: a, tier: 1}\n      - {id: b, tier: first}\n",
    )
    said = only(files)
    assert "config/sources.yaml:10:23  sources[0] for_each[1] n_b, tier\n" in said


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (EACH % "for_each: []", "`for_each` has no value"),
        (EACH % "for_each: {}", "`for_each` has no value"),
        (EACH % "for_each: 5", "`for_each` is neither a list nor a mapping."),
        (EACH % "for_each: {team: [a], n: 1}", "`for_each` mixes lists with other values."),
        (EACH % "for_each: {teams: [a, b]}", "`for_each` gives no {team}; did you mean {teams}?"),
        (EACH % "for_each: {x: [a, b]}", "All 2 sources of this entry would have the same name."),
        (EACH % "for_each: [{team: a}, {city: b}]", "`team` is missing in these values"),
        (EACH % "for_each: [{team: [a]}]", "{team} is not a text here, and stands inside one."),
        (EACH % "for_each: {today: [a, b]}", "{today} is a date already"),
        (EACH % "for_each: {'Team Name': [a, b]}", "'Team Name' cannot be a placeholder"),
        (EACH % f"for_each: {{team: {list(range(101))}, n: {list(range(100))}}}", "would make 10,100 sources"),
        (EACH % f"for_each: {list(range(10_001))}", "would make more than 10,000 sources"),
        (EACH % f"for_each: {dict.fromkeys(range(10_001), 0)}", "would make more than 10,000 sources"),
        (EACH % "for_each: [{}, {}]", "This set of values is empty"),
        (EACH % "for_each: {team: [a], team: [b]}", "`team` is written twice in one mapping"),
        (EACH % "for_each: [{team: a, team: b}]", "`team` is written twice in one mapping"),
        (EACH % "for_each: {team: [a]}, for_each: {team: [b]}", "`for_each` is written twice in one mapping"),
        (EACH % "for_each: {team: [a, A]}", "The name 'news_a' is taken"),
        (EACH % "for_each: {file: gone.csv}", "There is no file gone.csv."),
        (EACH % "for_each: {file: ../t.csv}", "does not lie in the configuration's directory"),
        (EACH % "for_each: {file: empty.csv}", "empty.csv has no row"),
        (
            EACH % "for_each: {file: ragged.csv}",
            "config/ragged.csv:3:1  sources[1], for_each\n    This row has 3 cells",
        ),
        (EACH % "for_each: {file: '[eo]*.csv'}", "'[eo]*.csv' matches 2 files, and a table is one"),
        (EACH % "for_each: {file: twice.csv}", "Two columns have the same name."),
        (EACH % "for_each: {file: open.csv}", "This is not readable as CSV"),
        (
            EACH % "for_each: {file: latin.csv}",
            "config/latin.csv:2:1  sources[1], for_each\n    The file is not UTF-8.",
        ),
    ],
)
def test_a_for_each_that_cannot_be_expanded_is_an_error_with_its_place(files, entry, says):
    sources(files, f"  - {FEED % ('own', 'own')}\n{entry}")
    for name, content in {
        "empty": b"team\n",
        "ragged": b"team,id\na,1\nb,2,3\n",
        "twice": b"team,team\na,1\n",
        "open": b'team\n"a\n',
        "latin": b"team\nMalm\xf6\n",
    }.items():
        (files.dir / f"{name}.csv").write_bytes(content)
    assert says in only(files)


def test_a_bomb_of_aliases_inside_a_template_costs_nothing(files):
    bomb = "a0: &a0 ['{team}']\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
    indented = "".join(f"      {line}\n" for line in bomb.splitlines())
    sources(
        files,
        f"  - name: 'n_{{team}}'\n    type: t\n    probe: file\n    path: x\n    for_each: [a, b]\n    tags:\n{indented}",
    )
    assert errors(files)


class _Reloads:
    def __init__(self, files: Files, keep: Path) -> None:
        self.files, self.keep = files, keep
        self.reloader = settings.Reloader(self._load, files.dir, keep, settle_s=0.0)

    def _load(self, path: Path) -> settings.Config:
        return settings.load(path, PROBES, CHANNELS, {})

    def poll(self) -> settings.Reload:
        return self.reloader.poll(4e9)


@pytest.fixture
def reloads(files, tmp_path) -> _Reloads:
    sources(files, "  - include: feeds/*.yaml\n" + EACH % "for_each: {file: teams.csv}")
    put(files, "feeds/a.yaml", f"sources:\n  - {FEED % ('a', 'a')}\n  - {FEED % ('b', 'b')}\n  - {FEED % ('c', 'c')}\n")
    put(files, "teams.csv", "team\nbills\n")
    return _Reloads(files, tmp_path / "kept")


@pytest.mark.parametrize(
    ("name", "text", "brings"),
    [
        ("feeds/a.yaml", f"sources:\n- {FEED % ('z', 'z')}\n- {FEED % ('y', 'y')}\n", "z"),
        ("feeds/new.yaml", f"sources: [{FEED % ('n', 'n')}]\n", "n"),
        ("teams.csv", "team\nbills\njets\n", "news_jets"),
    ],
)
def test_a_change_of_what_is_included_is_taken_and_copied(reloads, name, text, brings):
    assert not reloads.poll().changed
    put(reloads.files, name, text)
    outcome = reloads.poll()
    assert outcome.changed
    assert outcome.sources_changed
    assert brings in outcome.config.sources
    assert (reloads.keep / name).read_text() == text


def test_an_included_file_that_is_gone_from_the_pattern_is_gone_from_the_copy(reloads):
    put(reloads.files, "feeds/new.yaml", f"sources: [{FEED % ('n', 'n')}]\n")
    assert reloads.poll().changed
    (reloads.files.dir / "feeds/new.yaml").unlink()
    assert "n" not in reloads.poll().config.sources
    assert not (reloads.keep / "feeds/new.yaml").exists()


def test_a_broken_included_file_keeps_the_last_good_configuration_also_after_a_restart(reloads):
    put(reloads.files, "feeds/a.yaml", "sources: [\n")
    outcome = reloads.poll()
    assert "config/feeds/a.yaml:2:1" in (outcome.problem or "")
    assert set(outcome.config.sources) == {"a", "b", "c", "news_bills"}
    again = _Reloads(reloads.files, reloads.keep)
    assert set(again.reloader.config.sources) == {"a", "b", "c", "news_bills"}


def test_a_truncated_included_file_is_not_taken_for_a_shorter_one(reloads):
    text = (reloads.files.dir / "feeds/a.yaml").read_text()
    put(reloads.files, "feeds/a.yaml", "".join(text.splitlines(keepends=True)[:2]))
    assert "config/feeds/a.yaml:3:1" in (reloads.poll().problem or "")


def test_the_marks_name_every_file_that_is_watched(reloads):
    names = [name for name, *_ in settings.marks(reloads.files.dir, settings.FILES)]
    assert names == ["sources.yaml", "feeds/a.yaml", "teams.csv"]
    path = reloads.files.dir / "teams.csv"
    before = settings.marks(reloads.files.dir, settings.FILES)
    os.utime(path, ns=(1, 1))
    assert settings.marks(reloads.files.dir, settings.FILES) != before


SCHEMA = jsonschema.Draft202012Validator(settings.schemas(PROBES, CHANNELS)["sources.schema.json"])


@pytest.mark.parametrize(
    ("entry", "right"),
    [
        ("{include: a.yaml}", True),
        ("{include: [a.yaml, 'b/*.yaml']}", True),
        ("{include: a.yaml, tier: 1}", False),
        ("{include: 5}", False),
        ("{name: 'a_{x}', type: t, probe: tcp, host: '{x}', port: '{p}', for_each: [{x: a, p: 1}]}", True),
        ("{name: 'a_{x}', type: t, probe: tcp, hots: '{x}', for_each: [{x: a, p: 1}]}", False),
        ("{name: 'a_{x}', type: t, for_each: 5}", False),
    ],
)
def test_the_schema_knows_includes_and_templates(entry, right):
    assert SCHEMA.is_valid(yaml.safe_load(f"version: 1\nsources: [{entry}]\n")) is right
