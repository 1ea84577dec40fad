from __future__ import annotations

import os
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError
from settings_stories import ONE_SOURCE

from busta_health_dagster import settings
from busta_health_dagster.cli.supervisor import Stopped
from busta_health_dagster.domain.errors import BadInput, ConfigError
from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.domain.source import QualitySpec, Selector
from busta_health_dagster.settings.settings_model import Settings


def test_the_example_of_the_design_loads_with_an_empty_environment(design):
    config = design.config()
    odds = config.sources["odds_api"]
    assert list(config.sources) == [
        "odds_api",
        "espn_nfl",
        "games_table",
        "play_by_play",
        "injuries",
        "nightly_features",
    ]
    assert (odds.interval_s, odds.timeout_s, odds.confirm, odds.tier, odds.group) == (
        300,
        10.0,
        2,
        1,
        "odds_and_scores",
    )
    assert odds.quality == QualitySpec(suite="odds", every_s=3600, rows="$[*]")
    assert odds.config.headers == {"x-api-key": SecretRef(env="ODDS_API_KEY")}
    assert odds.where == "config/sources.yaml:7"
    assert (odds.sla.uptime, odds.sla.explicit) == (Fraction(995, 1000), False)
    assert config.control[0].name == "gateway"
    assert config.control[0].group == "platform"
    assert config.windows[0].start == datetime(2026, 11, 26, 2, 0)
    assert config.events[0].duration_s == 41400
    assert config.events[0].kind == "event"
    assert config.tick_s == 300
    assert config.sha
    assert config.files == settings.FILES


def test_a_source_comes_before_its_type_its_type_before_the_defaults_and_these_before_what_is_built_in(files):
    config = files.write(
        sources="""\
version: 1
defaults: {interval: 10m, tier: 3, tags: {league: nfl, desk: odds}, sla: {uptime: 99%}}
types:
  odds: {probe: http, interval: 15m, tags: {desk: lines}, sla: {quality: 95%}, headers: {accept: application/json}, quality: {suite: odds, every: 2h}}
sources:
  - {name: a, type: odds, url: "https://a.example.com", interval: 20m, tags: {own: "yes"}, sla: {degraded: bad}, quality: {every: 30m}}
  - {name: b, type: odds, url: "https://b.example.com", quality: null}
  - {name: c, type: other, probe: file, path: x.csv}
"""
    ).config()
    a, b, c = config.sources.values()
    assert (a.interval_s, b.interval_s, c.interval_s) == (1200, 900, 600)
    assert a.tags == {"league": "nfl", "desk": "lines", "own": "yes"}
    assert (a.sla.uptime, a.sla.quality, a.sla.degraded) == (Fraction(99, 100), Fraction(95, 100), "bad")
    assert a.quality == QualitySpec(suite="odds", every_s=1800)
    assert b.quality is None
    assert a.config.headers == {"accept": "application/json"}
    assert (a.tier, c.timeout_s) == (3, 10.0)
    assert config.tick_s == 300


@pytest.mark.parametrize(
    ("minutes", "tick"),
    [([5], 300), ([5, 15, 60], 300), ([7], 60), ([90], 1800), ([10, 4], 120), ([1440], 3600), ([], 300)],
)
def test_the_tick_is_the_greatest_common_divisor_reduced_to_a_divisor_of_an_hour(minutes, tick):
    assert settings.tick_of(60 * m for m in minutes) == tick


def test_only_sources_yaml_is_required_and_each_missing_file_is_said(files):
    found = files.write(sources="version: 1\nsources: [{name: a, type: t, probe: file, path: x}]\n").diagnose()
    assert found.config is not None
    assert found.config.rules == ()
    assert [w.where for w in found.warnings[:3]] == [
        "config/alerts.yaml",
        "config/maintenance.yaml",
        "config/settings.yaml",
    ]


def test_without_sources_yaml_there_is_one_clear_error(files):
    with pytest.raises(ConfigError, match=r"config/sources\.yaml.*\n.*no such file"):
        settings.load(files.write(settings="version: 1\n").dir, {}, {}, {})


def test_every_problem_of_every_file_is_told_at_once(files):
    found = files.write(
        sources="version: 1\nsources:\n  - {name: Bad, type: t, probe: htpp, interval: 30s}\n  - {name: b, type: t, probe: file}\n",
        alerts="version: 1\nrules: [{name: r, metric: response_ms, op: '>', value: 5}]\nroutes: []\n",
        maintenance="version: 1\nwindows: [{name: w, start: 2026-11-26T02:00, duration: 0m}]\n",
        settings="version: 2\nweb: {port: 99999}\n",
    ).diagnose()
    assert {p.where.partition(".yaml")[0] for p in found.errors} == {
        "config/sources",
        "config/alerts",
        "config/maintenance",
        "config/settings",
    }
    assert len(found.errors) == 9
    assert all(p.remedy or ";" not in p.message for p in found.errors)
    assert found.summary.startswith("9 errors, ")
    assert found.summary.endswith(" in 4 files")


def test_the_configuration_is_looked_up_in_flag_environment_home_and_here(tmp_path):
    home, here, flag, env = (tmp_path / name for name in ("home", "here", "flag", "env"))
    for path in (home / "config", here / "config", flag, env):
        path.mkdir(parents=True)
        (path / "sources.yaml").touch()
    environ = {"BUSTA_CONFIG_DIR": str(env)}
    assert settings.find_config_dir(flag, environ, home, here) == flag
    assert settings.find_config_dir("config", {}, home, here) == here / "config"
    assert settings.find_config_dir(None, environ, home, here) == env
    assert settings.find_config_dir(None, {}, home, here) == home / "config"
    assert settings.find_config_dir(None, {}, tmp_path / "none", here) == here / "config"
    with pytest.raises(BadInput, match="neither"):
        settings.find_config_dir(None, {}, tmp_path / "none", tmp_path)
    with pytest.raises(BadInput, match="BUSTA_CONFIG_DIR"):
        settings.find_config_dir(None, {"BUSTA_CONFIG_DIR": "nowhere"}, home, here)


def test_yaml_1_2_words_stay_what_they_look_like(files):
    config = files.write(
        sources="version: 1\nsources: [{name: a, type: t, probe: file, path: x, tags: {country: no, on: off, code: '010'}, allow_private: true}]\n"
    ).config()
    assert config.sources["a"].tags == {"country": "no", "on": "off", "code": "010"}
    assert config.sources["a"].allow_private is True


def test_anchors_and_merge_keys_are_read_and_their_errors_point_at_the_anchor(files):
    text = "version: 1\nsources:\n  - &a {name: a, type: t, probe: file, path: x, tier: 1}\n  - {<<: *a, name: b}\n  - {<<: *a, name: c, tier: 0}\n"
    found = files.write(sources=text).diagnose()
    assert [(p.where, p.field) for p in found.errors] == [("config/sources.yaml:5:29", "sources[2] c, tier")]


def test_shards_follow_the_name_so_that_a_new_source_moves_no_other(files):
    def text(names):
        return "version: 1\nsources:\n" + "".join(f"  - {{name: {n}, type: t, probe: file, path: x}}\n" for n in names)

    some = files.write(sources=text("abcdefgh"), settings="version: 1\nlimits: {shards: 3}\n").config()
    assert len({s.shard for s in some.sources.values()}) > 1
    more = files.write(sources=text("xabcdefgh")).config()
    assert {n: s.shard for n, s in some.sources.items()}.items() <= {
        n: s.shard for n, s in more.sources.items()
    }.items()


@pytest.mark.parametrize(
    ("web", "said"),
    [
        ('{public_url: "health.example.com"}', "write https://health.example.com"),
        ('{public_url: "health.example.com:8443/x"}', "write https://health.example.com"),
        ('{public_url: "https://"}', "write https://health.example.com"),
        ('{allowed_hosts: ["https://health.example.com"]}', "without scheme and path"),
    ],
)
def test_an_address_that_nobody_could_open_is_refused_with_how_to_write_it(web, said):
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate({"web": yaml.safe_load(web)})


def test_the_settings_have_defaults_units_and_the_refresh_follows_the_fleet(files):
    config = files.write(
        sources="version: 1\nsources: [{name: a, type: t, probe: file, path: x}]\n",
        settings="version: 1\nlimits: {body: 1MiB}\n",
    ).config()
    assert config.settings.limits.body == 2**20
    assert config.settings.retention.rollup_day == 5 * 365 * 86400
    assert (config.settings.web.host, config.settings.web.port) == ("127.0.0.1", 3000)
    assert config.refresh_s == 3600
    assert config.expectations_dir == Path(config.dir).parent / "expectations"


def test_an_empty_select_matches_everything(design):
    assert design.config().policy.routes[-1].select == Selector()


@pytest.mark.parametrize("file", ["sources", "alerts"])
def test_a_number_of_thousands_of_digits_is_a_problem_and_no_crash(files, file) -> None:
    """Python refuses to read it, and the monitor ticked no more."""
    digits = "9" * 5_000
    texts = {
        "sources": f"version: 1\nsources: [{{name: a, type: t, probe: tcp, host: h, port: 1, tier: {digits}}}]\n",
        "alerts": f"version: 1\nrules: [{{name: a, metric: items, op: '<', value: {digits}}}]\n",
    }
    found = files.write(**({"sources": ONE_SOURCE} | {file: texts[file]})).diagnose()
    assert found.config is None
    assert any("A number of 5000 digits is not read." in problem.message for problem in found.errors)


def test_what_no_check_foresaw_is_a_problem_too(files, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("in a check")

    monkeypatch.setattr("busta_health_dagster.settings.checks.unused_types", broken)
    found = files.write(sources=ONE_SOURCE).diagnose()
    assert found.config is None
    assert [problem.message for problem in found.errors] == [
        "Reading the configuration failed in a way that no check foresaw: ZeroDivisionError: in a check"
    ]


def test_a_directory_or_a_pipe_in_place_of_a_file_is_named(files) -> None:
    files.write(sources=ONE_SOURCE)
    (files.dir / "alerts.yaml").mkdir()
    os.mkfifo(files.dir / "maintenance.yaml")
    said = [str(problem) for problem in files.diagnose().errors]
    for name in ("alerts.yaml", "maintenance.yaml"):
        assert any(name in problem and "not a file but a directory, a pipe or a device" in problem for problem in said)


def test_a_tab_is_named(files) -> None:
    found = files.write(
        sources="version: 1\nsources:\n\t- {name: a, type: t, probe: tcp, host: h, port: 1}\n"
    ).diagnose()
    assert any("a tab: YAML indents with spaces" in problem.message for problem in found.errors)


def test_a_signal_that_comes_while_files_are_read_is_no_problem_of_theirs(files, monkeypatch) -> None:
    def stopped(*_: object) -> None:
        raise Stopped

    monkeypatch.setattr("busta_health_dagster.settings.checks.unused_types", stopped)
    with pytest.raises(Stopped):
        files.write(sources=ONE_SOURCE).diagnose()
