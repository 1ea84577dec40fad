"""Each bad input by name: where it is, which field, and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from busta_health_dagster import bootstrap

HEAD = "version: 1\nsources:\n"


@pytest.mark.parametrize(
    ("entry", "at", "field", "message", "remedy"),
    [
        (
            "{name: a, type: t, probe: htp, url: x}",
            "htp",
            "sources[0] a, probe",
            "There is no probe 'htp'.",
            "probe: http",
        ),
        ("{name: A-b, type: t, probe: file, path: x}", "A-b", "sources[0] A-b, name", "cannot be a name here", "a_b"),
        (
            "{name: a, type: t, probe: file, path: x, interval: 30s}",
            "30s",
            "sources[0] a, interval",
            "shorter than a minute",
            "1m",
        ),
        (
            "{name: a, type: t, probe: file, path: x, interval: 90s}",
            "90s",
            "sources[0] a, interval",
            "not a whole number of minutes",
            "1m",
        ),
        (
            "{name: a, type: t, probe: file, path: x, interval: 5}",
            "5}",
            "sources[0] a, interval",
            "has no unit",
            "write 30s",
        ),
        (
            "{name: a, type: t, probe: file, path: x, intervall: 5m}",
            "intervall",
            "sources[0] a, intervall",
            "did you mean `interval`?",
            "interval: 5m",
        ),
        (
            "{name: a, type: t, probe: file, path: x, wibble: 5}",
            "wibble",
            "sources[0] a, wibble",
            "probe file does not know it",
            "path",
        ),
        (
            "{name: a, type: t, probe: file}",
            "{name",
            "sources[0] a",
            "`path` is missing.",
            "path: ..., which probe file needs",
        ),
        ("{name: a, type: t, path: x}", "{name", "sources[0] a", "`probe` is missing.", "probe: http"),
        ("{name: a, probe: file, path: x}", "{name", "sources[0] a", "`type` is missing.", "type: odds"),
        (
            "{name: a, type: t, probe: tcp, host: h, port: many}",
            "many",
            "sources[0] a, port",
            "'many' is not a whole number.",
            "",
        ),
        (
            "{name: a, type: t, probe: file, path: 5}",
            "5}",
            "sources[0] a, path",
            "read as a number",
            'put it in quotes: "5"',
        ),
        ("{name: a, type: t, probe: http, url: [x]}", "[x]", "sources[0] a, url", "neither a text nor a reference", ""),
        (
            "{name: a, type: t, probe: http, url: {envv: X}}",
            "envv",
            "sources[0] a, url.envv",
            "did you mean `env`?",
            "env: X",
        ),
        (
            "{name: a, type: t, probe: http, url: u, expect: {json: [{pat: x}]}}",
            "pat:",
            "sources[0] a, expect.json[0].pat",
            "did you mean `path`?",
            "path: x",
        ),
        (
            "{name: a, type: t, probe: file, path: x, owners: [Ann Lee]}",
            "Ann",
            "sources[0] a, owners[0]",
            "neither a team nor a mail address",
            "team:Ann-Lee",
        ),
        (
            "{name: a, type: t, probe: file, path: x, tags: {sla: 99.5%}}",
            "{sla",
            "sources[0] a, tags",
            "cannot be a tag in Dagster",
            "letters, digits",
        ),
        (
            "{name: a, type: t, probe: file, path: x, sla: {uptime: 99.5}}",
            "99.5}",
            "sources[0] a, sla.uptime",
            "no unit",
            "percent sign",
        ),
        (
            "{name: a, type: t, probe: file, path: x, sla: {degraded: god}}",
            "god",
            "sources[0] a, sla.degraded",
            "'god' is not known here.",
            "good",
        ),
        (
            "{name: a, type: t, probe: file, path: x, timeout: 5m}",
            "5m}",
            "sources[0] a, timeout",
            "not shorter than the interval",
            "timeout: 10s",
        ),
        (
            "{name: a, type: t, probe: file, path: x, name: b}",
            "name: b",
            "sources[0] a, name",
            "`name` is written twice",
            "keep one",
        ),
        ("{nam: a, type: t, probe: file, path: x}", "nam", "sources[0], nam", "did you mean `name`?", "name: a"),
        (
            "{name: a, type: t, prob: file, path: x}",
            "prob",
            "sources[0] a, prob",
            "did you mean `probe`?",
            "probe: file",
        ),
        ("{name: a, type: t, probe: file, pth: x}", "pth", "sources[0] a, pth", "did you mean `path`?", "path: x"),
        ("just-a-text", "just", "sources[0]", "not a mapping", "name"),
    ],
)
def test_a_wrong_source_is_told_with_its_place_and_remedy(problem, entry, at, field, message, remedy):
    said = problem(sources=f"{HEAD}  - {entry}\n")
    assert (said.where, said.field) == (f"config/sources.yaml:3:{5 + entry.index(at)}", field)
    assert message in said.message
    assert remedy in said.remedy


def test_two_sources_of_one_name_are_refused_naming_the_first(problem):
    entry = "  - {name: a, type: t, probe: file, path: x}\n"
    said = problem(sources=HEAD + entry + entry)
    assert said.where == "config/sources.yaml:4:12"
    assert "at config/sources.yaml:3" in said.message


def test_a_control_endpoint_shares_the_names_of_the_sources(problem):
    assert (
        "is taken"
        in problem(
            sources=HEAD
            + "  - {name: a, type: t, probe: file, path: x}\ncontrol: [{name: a, probe: tcp, host: h, port: 1}]\n"
        ).message
    )


def test_an_error_in_a_type_is_told_once_at_the_type_however_many_sources_inherit_it(problem):
    said = problem(
        sources="version: 1\ntypes:\n  t: {probe: file, interval: 20s}\nsources:\n"
        + "".join(f"  - {{name: s{i}, type: t, path: x}}\n" for i in range(5))
    )
    assert (said.where, said.field) == ("config/sources.yaml:3:30", "types.t, interval")


def test_an_error_in_a_type_that_nobody_uses_is_told_too(files):
    found = files.write(
        sources="version: 1\ntypes: {t: {tierr: 1, probe: fiel}}\nsources: [{name: a, type: u, probe: file, path: x}]\n"
    ).diagnose()
    assert {p.field for p in found.errors} == {"types.t, probe", "types.t, tierr"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 1\nsources: [{name: a\n", "not readable as YAML"),
        ("version: 1\nsources:\n\t- a\n", "not readable as YAML"),
        ("version: 1\nsources:\n  - {name: a, type: 't}\n", "not readable as YAML"),
        ("- a\n- b\n", "not a mapping of sections"),
        ("version: 1\nsources: !!python/object/apply:os.system [true]\n", ""),
        ("version: 1\n? [a, b]\n: c\nsources: [{name: a, type: t, probe: file, path: x}]\n", "cannot be a key"),
        ("sources: [{name: a, type: t, probe: file, path: x}]\n", "`version` is missing"),
        ("version: 2\nsources: [{name: a, type: t, probe: file, path: x}]\n", "Version 2 is not known"),
        ("version: 1\nsource: []\nsources: [{name: a, type: t, probe: file, path: x}]\n", "did you mean `sources`?"),
        ("version: 1\nsources: []\n", "There is no source"),
        ("", "`version` is missing"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_not_a_configuration_is_an_error_with_a_place_and_never_a_traceback(files, text, message):
    found = files.write(sources=text).diagnose()
    assert found.config is None
    assert any(message in p.message and p.where.startswith("config/sources.yaml") for p in found.errors)


def test_a_syntax_error_names_line_and_column(files):
    (said,) = files.write(sources="version: 1\nsources:\n  - {name: a, type: t]\n").diagnose().errors
    assert said.where.startswith("config/sources.yaml:3:")


def test_a_file_that_is_not_text_is_an_error(files):
    files.write(sources="")
    (files.dir / "sources.yaml").write_bytes(b"version: 1\nsources: \xff\xfe\n")
    (said,) = [p for p in files.diagnose().errors if "UTF-8" in p.message]
    assert said.where == "config/sources.yaml:2:1"


def test_a_bomb_of_aliases_costs_nothing(files):
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    found = files.write(
        sources="version: 1\n" + "\n".join(lines) + "\nsources: [{name: a, type: t, probe: file, path: x}]\n"
    ).diagnose()
    assert len(found.errors) == 12


def test_an_anchor_inside_itself_is_read_once(files):
    assert files.write(sources="version: 1\nsources: &a [*a]\n").diagnose().errors


def test_settings_are_checked_field_by_field(files):
    text = """\
version: 1
retention: {observations: 35}
web: {port: 70000, trusted_proxy: {addresses: [10.0.0.0/33]}}
schedule: {zone: America/NewYork, weekly_report: Monday 7}
limits: {body: 10}
dead_mans_switch: {every: 5m}
"""
    found = files.write(
        sources="version: 1\nsources: [{name: a, type: t, probe: file, path: x}]\n", settings=text
    ).diagnose()
    said = {p.field: f"{p.message} {p.remedy}" for p in found.errors}
    assert set(said) == {
        "retention.observations",
        "web.port",
        "web.trusted_proxy.addresses[0]",
        "schedule.zone",
        "schedule.weekly_report",
        "limits.body",
        "dead_mans_switch",
    }
    assert "America/New_York" in said["schedule.zone"]
    assert "Mon 07:00" in said["schedule.weekly_report"]
    assert "10MB" in said["limits.body"]
    assert "`url` is missing" in said["dead_mans_switch"]


def test_the_doctor_names_every_metric_that_is_wrong(tmp_path: Path) -> None:
    metrics = "{items: {path: $.a}, Books: {path: $.b}, price: {path: $.c, agg: average}}"
    entry = f"  - {{name: a, type: t, probe: http, url: 'http://a/', metrics: {metrics}}}\n"
    (tmp_path / "sources.yaml").write_text(HEAD + entry)
    found = bootstrap.diagnose_config(tmp_path, {}).errors
    assert [problem.field for problem in found] == [
        "sources[0] a, metrics.items",
        "sources[0] a, metrics.Books",
        "sources[0] a, metrics.price.agg",
    ]
