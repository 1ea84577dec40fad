"""How old the data may be, where nothing ever says how old they are: an error of the doctor's that stops nothing."""

from __future__ import annotations

from pathlib import Path

from busta_health_dagster import bootstrap

ITEMS = "probe: http, url: 'https://example.com/odds'"


def diagnosed(tmp_path: Path, text: str):
    (tmp_path / "sources.yaml").write_text("version: 1\n" + text)
    return bootstrap.diagnose_config(tmp_path, {})


def test_max_data_age_and_cadence_without_an_age_are_an_error_that_names_the_key(tmp_path: Path) -> None:
    for key in ("max_data_age", "cadence"):
        found = diagnosed(tmp_path, f"sources:\n  - {{name: odds, type: odds, {ITEMS}, {key}: 1h}}\n")
        (problem,) = found.errors
        assert problem.field == f"sources[0] odds, {key}"
        assert f"`{key}` says how old the data may be, and nothing tells how old they are" in problem.message
        assert "data_age: {path: ...}" in problem.remedy
        assert found.config is not None, "it is watched, and degraded, until someone fixes it"


def test_where_defaults_say_it_it_is_said_once_and_a_port_has_no_age(tmp_path: Path) -> None:
    found = diagnosed(
        tmp_path,
        "defaults: {max_data_age: 1h}\nsources:\n"
        f"  - {{name: one, type: odds, {ITEMS}}}\n  - {{name: two, type: odds, {ITEMS}}}\n"
        f"  - {{name: told, type: odds, {ITEMS}, data_age: {{header: Last-Modified}}}}\n"
        "  - {name: port, type: infra, probe: tcp, host: example.com, port: 443}\n",
    )
    (problem,) = found.errors
    assert problem.message.startswith("one and two: `max_data_age`")
    assert problem.field == "defaults.max_data_age"
    assert found.config is not None
    assert found.config.sources["port"].stale_after_s is None


def test_a_port_that_asks_for_it_itself_is_told(tmp_path: Path) -> None:
    found = diagnosed(
        tmp_path, "sources:\n  - {name: p, type: i, probe: tcp, host: example.com, port: 1, max_data_age: 1h}\n"
    )
    assert [p.remedy for p in found.errors] == ["remove max_data_age: a probe tcp sees no data"]


def test_a_feed_that_is_said_to_have_no_age_is_told_so_where_it_asks_itself_and_spared_the_defaults(
    tmp_path: Path,
) -> None:
    feed = "probe: feed, url: 'https://example.com/rss', data_age: none"
    found = diagnosed(tmp_path, f"sources:\n  - {{name: news, type: news, {feed}, max_data_age: 1h}}\n")
    (problem,) = found.errors
    assert problem.remedy == "remove max_data_age, or data_age: none"
    spared = diagnosed(tmp_path, f"defaults: {{max_data_age: 1h}}\nsources:\n  - {{name: news, type: news, {feed}}}\n")
    assert not spared.errors


def test_a_key_with_a_prefix_is_missed_and_shown_like_any_other(tmp_path: Path) -> None:
    keyed = f"{ITEMS}, headers: {{Authorization: {{env: NO_SUCH_KEY, prefix: 'Token '}}}}"
    found = diagnosed(tmp_path, f"sources:\n  - {{name: odds, type: odds, {keyed}}}\n")
    assert any("NO_SUCH_KEY is not set" in warning.message for warning in found.warnings)
    assert found.config is not None
    held = found.config.sources["odds"].config.headers["Authorization"]
    assert str(held) == "{env: NO_SUCH_KEY, prefix: 'Token '}"
