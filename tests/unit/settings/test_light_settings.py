"""What the doctor says of metered sources and of their light observations."""

from __future__ import annotations

from pathlib import Path

import pytest

from busta_health_dagster import bootstrap
from busta_health_dagster.settings.loading import Diagnosis

FREE = "url: 'https://odds.example.com/sports'"


def diagnosed(folder: Path, **keys: str) -> Diagnosis:
    written = "".join(f", {key}: {value}" for key, value in keys.items())
    (folder / "sources.yaml").write_text(
        "version: 1\nsources:\n  - {name: odds, type: odds, probe: http, url: 'https://odds.example.com/odds'"
        f"{written}}}\n"
    )
    return bootstrap.diagnose_config(folder, {})


def test_how_many_credits_a_month_a_source_takes_is_said_also_where_they_suffice(tmp_path: Path) -> None:
    (note,) = diagnosed(tmp_path, metered="{per_month: 20000, each: 2}").notes

    assert str(note).splitlines() == [
        f"note  {tmp_path}/sources.yaml:3:90  sources[0] odds, metered",
        "    odds takes 17,856 credits a month at every 5m, of 20,000.",
    ]


def test_light_observations_cost_no_credits(tmp_path: Path) -> None:
    found = diagnosed(tmp_path, metered="{per_month: 20000, each: 2}", light=f"{{every: 1h, {FREE}}}")

    assert [note.message for note in found.notes] == ["odds takes 1,488 credits a month at every 1h, of 20,000."]


def test_what_a_kick_off_takes_on_top_is_said(tmp_path: Path) -> None:
    (tmp_path / "maintenance.yaml").write_text("version: 1\nevents: [{name: nfl, ical: 'https://x.example/nfl.ics'}]\n")
    found = diagnosed(
        tmp_path,
        metered="{per_month: 20000, each: 2}",
        light=f"{{every: 15m, {FREE}}}",
        near_events="{calendar: nfl, before: 2h, after: 4h, interval: 5m}",
    )

    assert [note.message for note in found.notes] == [
        "odds takes 5,952 credits a month at every 15m, of 20,000, and 96 more for each event of nfl (6h at every 5m)."
    ]


def test_full_observations_that_take_too_many_credits_are_a_warning_with_the_interval_that_fits(tmp_path: Path) -> None:
    found = diagnosed(tmp_path, metered="{per_month: 500}", light=f"{{every: 1h, {FREE}}}")

    (said,) = [w for w in found.warnings if "credits" in w.message]
    assert said.message == "odds takes 744 credits a month at every 1h and has 500: they last 20 d 20 h."
    assert said.remedy == "light.every: 1h30m, or more credits"


def test_a_light_observation_that_would_never_take_place_is_refused(tmp_path: Path) -> None:
    (error,) = diagnosed(tmp_path, light=f"{{every: 5m, {FREE}}}").errors

    assert error.field == "sources[0] odds, light.every"
    assert error.message == ("Every observation is a full one: `light` asks for one every 5m, the interval is 5m.")
    assert error.remedy == "light: {every: 1h, ...}, or no `light`"


@pytest.mark.parametrize(
    ("light", "field", "says"),
    [
        ("{every: 1h}", "light", "`url` is missing"),
        ("{every: 1h, url: 'https://x.example', items: '$'}", "light.items", "Unknown key `items`"),
        (
            "{every: 1h, url: 'https://x.example', params: {apiKey: abc}}",
            "light",
            "A secret is written out here",
        ),
        ("{every: 1h, url: 'https://x.example', method: HEAD, expect: {regex: [a]}}", "", "a HEAD answer has no body"),
    ],
)
def test_what_a_light_observation_cannot_be_is_named(tmp_path: Path, light: str, field: str, says: str) -> None:
    (error,) = diagnosed(tmp_path, light=light).errors

    assert error.field.startswith(f"sources[0] odds{', ' if field else ''}{field}")
    assert says in error.message
