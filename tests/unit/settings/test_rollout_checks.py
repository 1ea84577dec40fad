"""What the doctor says of sources that are introduced. Today is Monday 23 November 2026."""

from __future__ import annotations

import pytest
from settings_stories import Files


def said(tmp_path, until: str) -> list[str]:
    text = "version: 1\nsources:\n"
    text += "".join(
        f"  - {{name: {n}, type: t, probe: file, path: x, rollout: {{until: {until}}}}}\n" for n in ("a", "b")
    )
    found = Files(tmp_path / "config").write(sources=text).diagnose()
    assert not [str(e) for e in found.errors if "rollout" not in e.field]
    return [str(p) for p in (*found.errors, *found.warnings) if "rollout" in p.field]


def test_a_week_is_nothing_to_speak_of(tmp_path):
    assert said(tmp_path, "2026-11-30") == []


def test_a_day_that_is_over_is_said_once_for_all_of_its_sources(tmp_path):
    (warning,) = said(tmp_path, "2026-11-23")
    assert "a and b are live since 2026-11-23T00:00:00Z: `rollout` says nothing more." in warning


def test_a_shadow_of_months_is_said(tmp_path):
    (warning,) = said(tmp_path, "2027-03-01T12:00")
    assert "The rules of a and b notify no one until 2027-03-01T12:00:00Z" in warning


@pytest.mark.parametrize("until", ["soon", "7d", "5", "2026-11-30T00:00Z"])
def test_what_is_no_day_is_an_error_with_its_place(tmp_path, until):
    errors = said(tmp_path, until)
    assert len(errors) == 2
    assert "sources[0] a, rollout.until" in errors[0]
