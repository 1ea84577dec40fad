"""What the doctor says of the status page."""

from __future__ import annotations

from settings_stories import Files


def said(tmp_path, page: str) -> list[str]:
    sources = "version: 1\nsources:\n  - {name: a, type: t, probe: file, path: x, group: odds_and_scores}\n"
    files = Files(tmp_path / "config").write(sources=sources, settings=f"version: 1\nstatus_page: {page}\n")
    found = files.diagnose()
    assert not found.errors
    return [str(p) for p in found.warnings if "status_page" in p.field]


def test_a_group_of_no_source_is_said_with_the_one_that_was_meant(tmp_path) -> None:
    (warning,) = said(tmp_path, "{groups: {odds_and_score: Odds}}")
    assert "settings.yaml:2" in warning
    assert "No source is in group 'odds_and_score'" in warning
    assert "odds_and_scores, or take it out" in warning


def test_groups_that_exist_and_a_page_of_all_are_nothing_to_speak_of(tmp_path) -> None:
    assert said(tmp_path, "{groups: {odds_and_scores: Odds}}") == []
    assert said(tmp_path, "{public: true}") == []
