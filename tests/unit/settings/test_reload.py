from __future__ import annotations

import os

import pytest
from settings_stories import CHANNELS, DESIGN_SOURCES, NOW, PROBES

from busta_health_dagster import settings
from busta_health_dagster.domain.errors import ConfigError


def load(path):
    return settings.load(path, PROBES, CHANNELS, {})


@pytest.fixture
def reloader(design, tmp_path):
    return settings.Reloader(load, design.dir, tmp_path / "keep")


def put(files, text, name="sources.yaml", age=10.0):
    path = files.dir / name
    path.write_text(text)
    os.utime(path, (NOW - age, NOW - age))


def test_nothing_changes_while_the_files_do_not(reloader):
    before = reloader.config
    look = reloader.poll(NOW)
    assert (look.config is before, look.changed, look.problem) == (True, False, None)


def test_a_touched_file_with_the_same_content_is_no_change(design, reloader):
    put(design, DESIGN_SOURCES)
    assert reloader.poll(NOW).changed is False


def test_a_good_change_is_taken_and_says_whether_the_set_of_sources_changed(design, reloader):
    put(design, DESIGN_SOURCES.replace("timeout: 10s", "timeout: 9s"))
    look = reloader.poll(NOW)
    assert (look.changed, look.sources_changed, look.config.sources["odds_api"].timeout_s) == (True, False, 9.0)
    put(design, DESIGN_SOURCES.replace("name: espn_nfl", "name: espn_rss"), age=9)
    look = reloader.poll(NOW)
    assert (look.changed, look.sources_changed) == (True, True)
    assert "espn_rss" in look.config.sources


def test_truncated_yaml_keeps_the_last_good_configuration_and_says_so_until_it_is_mended(design, reloader):
    before = reloader.config
    put(design, DESIGN_SOURCES[:400])
    look = reloader.poll(NOW)
    assert look.config is before
    assert (look.changed, look.sources_changed) == (False, False)
    assert "config/sources.yaml:" in look.problem
    assert reloader.problems
    assert reloader.poll(NOW).problem == look.problem
    put(design, DESIGN_SOURCES, age=5)
    mended = reloader.poll(NOW)
    assert (mended.problem, mended.changed) == (None, False)


@pytest.mark.parametrize(
    "cut",
    [
        len(DESIGN_SOURCES) // 2,
        DESIGN_SOURCES.index("  - {name: espn_nfl"),
        DESIGN_SOURCES.index("espn_nfl, type") + 12,
    ],
)
def test_a_truncated_file_that_is_still_readable_is_not_taken_for_a_shorter_one(design, reloader, tmp_path, cut):
    before = reloader.config
    put(design, DESIGN_SOURCES[:cut])
    look = reloader.poll(NOW)
    assert look.config is before
    assert look.problem
    late = settings.Reloader(load, design.dir, tmp_path / "keep")
    assert list(late.config.sources) == list(before.sources)
    assert late.problem


def test_one_source_less_at_the_end_is_an_ordinary_edit_and_half_of_them_is_one_with_a_comment(design, reloader):
    shorter = DESIGN_SOURCES[: DESIGN_SOURCES.index("control:")]
    put(design, shorter)
    assert reloader.poll(NOW).changed
    half = shorter[: shorter.index("  - {name: games_table")]
    put(design, half, age=9)
    assert "looks truncated" in reloader.poll(NOW).problem
    put(design, half + "# the rest moved\n", age=8)
    look = reloader.poll(NOW)
    assert (look.changed, look.problem, len(look.config.sources)) == (True, None, 2)


def test_a_file_that_is_still_being_written_is_left_alone(design, reloader):
    put(design, DESIGN_SOURCES.replace("tier: 2", "tier: 3"), age=0.5)
    assert reloader.poll(NOW).changed is False
    assert reloader.poll(NOW + 2).changed is True


def test_a_deleted_file_is_a_bad_change(design, reloader):
    (design.dir / "sources.yaml").unlink()
    assert "no such file" in reloader.poll(NOW).problem


def test_a_process_that_starts_on_broken_files_goes_on_with_the_last_good_copy(design, reloader, tmp_path):
    good = reloader.config
    put(design, "version: 1\nsources: [")
    late = settings.Reloader(load, design.dir, tmp_path / "keep")
    assert late.config.sha == good.sha
    assert "not readable as YAML" in late.problem
    put(design, DESIGN_SOURCES.replace("tier: 2", "tier: 3"), age=5)
    assert late.poll(NOW).config.sources["espn_nfl"].tier == 3


def test_without_a_good_copy_broken_files_are_an_error_at_start(design, tmp_path):
    put(design, "version: 1\nsources: [")
    with pytest.raises(ConfigError, match="not readable"):
        settings.Reloader(load, design.dir, tmp_path / "keep")


def test_the_copy_follows_the_files_and_drops_what_is_gone(design, reloader, tmp_path):
    (design.dir / "maintenance.yaml").unlink()
    reloader.poll(NOW)
    assert sorted(path.name for path in (tmp_path / "keep").iterdir()) == [
        "alerts.yaml",
        "settings.yaml",
        "sources.yaml",
    ]
