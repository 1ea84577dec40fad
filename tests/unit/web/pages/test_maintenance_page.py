"""The maintenance calendar: what is on when, and planning and ending it with the refusals of the command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests
from page_stories import guest, history, serving, world

from busta_health_dagster.domain.access import Role
from busta_health_dagster.pipeline.facade import Monitor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.testing import FakeClock

FILED = """\
version: 1
windows:
  - {name: host-move, select: {names: [odds_api]}, start: 2026-11-23T07:30, zone: UTC, duration: 1h, reason: new rack}
  - {name: nightly, select: {types: [news]}, start: 2026-11-02T23:00, zone: UTC, duration: 2h, rrule: FREQ=WEEKLY;BYDAY=MO}
"""


class Site:
    def __init__(self, base: str) -> None:
        self.base, self.role = base, Role.OPERATOR

    def get(self, query: str = "") -> requests.Response:
        return requests.get(f"{self.base}/source-health/maintenance{query}", timeout=20)

    def words(self, query: str = "") -> str:
        return " ".join(re.sub(r"<[^>]+>", " ", self.get(query).text).split())

    def send(self, **fields: str) -> requests.Response:
        return requests.post(f"{self.base}/source-health/maintenance", json=fields, timeout=20)


@pytest.fixture
def app(tmp_path: Path, clock: FakeClock) -> Iterator[App]:
    opened = world(tmp_path / "home", clock, maintenance=FILED)
    history(opened, clock, 1)
    yield opened
    opened.close()


@pytest.fixture
def site(app: App) -> Iterator[Site]:
    made = Site("")
    with serving(guest(app, lambda: made.role)) as made.base:
        yield made


def test_the_calendar_shows_every_time_a_window_is_on(site: Site) -> None:
    said = site.words()
    assert "November 2026" in said
    assert "07:30–08:30 host-move now odds_api" in said
    assert said.count("from 23:00 nightly") == 5, "a window over midnight stands in both days"
    assert said.count("until 01:00 nightly") == 5
    assert "December 2026" in site.words("?month=2026-12")
    assert "November 2026" in site.words("?month=nonsense")


def test_the_windows_stand_below_with_where_they_come_from(site: Site) -> None:
    said = site.words()
    assert "host-move now ends 08:30 1h once odds_api maintenance.yaml:3 new rack" in said
    assert "WEEKLY;BYDAY=MO espn_nfl" in said
    assert 'data-act="end"' not in site.get().text, "what the file plans is ended in the file"


def test_a_preview_says_what_it_would_cover_and_adds_nothing(site: Site, app: App) -> None:
    fields = {
        "name": "deploy",
        "for": "2h",
        "sources": "odds_api, scores_api",
        "start": "2026-11-23T08:00",
        "zone": "UTC",
    }
    said = site.send(do="preview", **fields).json()
    assert said["lines"][0] == "Covers 2 sources: odds_api and scores_api."
    assert said["lines"][1].startswith("1 time in 90 days (UTC): ")
    (warning,) = said["warnings"]
    assert warning.startswith("window host-move, start: Overlaps 'deploy' on odds_api from 2026-11-23T08:00:00Z")
    assert warning.endswith("Instead: shorten or merge them, if it is not meant.")
    assert len(Monitor(app, "test").windows()) == 2


def test_an_operator_adds_and_ends_a_window_under_their_name(site: Site, app: App) -> None:
    added = site.send(do="add", name="deploy", sources="scores_api", reason="release", **{"for": "2h"})
    assert added.status_code == 200
    assert added.json()["added"].startswith("deploy: 1 source, ends ")
    (row,) = (w for w in Monitor(app, "test").windows() if w["window"] == "deploy")
    assert (row["by"], row["active"], row["reason"]) == ("dana", True, "release")
    text = site.get().text
    assert f'data-act="end" data-window="{row["id"]}"' in text
    assert "added by dana" in text


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"name": "x", "for": "1h"}, 400, "Which sources?"),
        ({"name": "x", "sources": "odds_api"}, 400, "How long?"),
        ({"name": "x", "for": "soon", "every": "yes"}, 400, "How long: "),
        ({"name": "", "for": "1h", "every": "yes"}, 400, "name"),
        ({"name": "x", "for": "1h", "sources": "ods_api"}, 404, "odds_api"),
        ({"name": "host-move", "for": "1h", "every": "yes"}, 409, "called 'host-move' already"),
        ({"name": "x", "for": "1h", "every": "yes", "zone": "Mars/Olympus"}, 400, "is no zone"),
        ({"name": "x", "for": "1h", "every": "yes", "rrule": "FREQ=NEVER"}, 422, "rrule"),
        ({"name": "x", "for": "1h", "every": "yes", "start": "tomorrow"}, 400, "write 2026-11-26T02:00"),
        ({"name": "x", "for": "1h", "tag": "x"}, 400, "is not key=value"),
    ],
)
@pytest.mark.parametrize("do", ["preview", "add"])
def test_what_the_command_line_refuses_is_refused_here(
    site: Site, app: App, do: str, fields: dict[str, str], status: int, says: str
) -> None:
    answer = site.send(do=do, **fields)
    assert (answer.status_code, says in answer.json()["detail"]) == (status, True), answer.text
    assert len(Monitor(app, "test").windows()) == 2


def test_a_viewer_sees_the_calendar_and_plans_nothing(site: Site, app: App) -> None:
    site.role = Role.VIEWER
    text = site.get().text
    assert "host-move" in text
    assert "window-dialog" not in text
    assert site.send(do="add", name="x", every="yes", **{"for": "1h"}).status_code == 403
    assert len(Monitor(app, "test").windows()) == 2


def test_what_is_no_form_is_refused_with_a_sentence(site: Site) -> None:
    for body in ("nonsense", "[1]", '{"name": 7}', "[" * 60_000):
        answer = requests.post(f"{site.base}/source-health/maintenance", data=body, timeout=20)
        assert (answer.status_code, "one JSON object of texts" in answer.text) == (400, True)


def test_without_a_window_the_page_says_how_to_plan_one(tmp_path: Path, clock: FakeClock) -> None:
    app = world(tmp_path / "bare", clock)
    with serving(guest(app, lambda: Role.OPERATOR)) as base:
        page = requests.get(f"{base}/source-health/maintenance", timeout=20).text
    app.close()
    assert "No window is planned." in page
    assert "busta maintenance suggest" in page
