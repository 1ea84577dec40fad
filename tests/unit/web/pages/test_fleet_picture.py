"""The fleet as a picture: what is wrong in the first rows, few enough of them, and no text from a source as mark-up."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING

from page_stories import HOSTILE, history, seen, tick

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.pipeline.views.status import fleet_health
from busta_health_dagster.web.pages.fleet_picture import WIDTH, fleet_picture

if TYPE_CHECKING:
    from busta_health_dagster.domain.health import FleetHealth
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.testing import FakeClock

SVG = "{http://www.w3.org/2000/svg}"


def words(health: FleetHealth) -> list[str]:
    drawn = ET.fromstring(fleet_picture(health, {}))
    return [(text.text or "") + "".join(part.tail or "" for part in text) for text in drawn.iter(f"{SVG}text")]


def test_what_is_wrong_has_a_row_and_what_is_well_one_line(app: App, clock: FakeClock) -> None:
    history(app, clock, 2, odds_api=Status.DOWN)
    said = words(fleet_health(app))
    assert said[:2] == ["1 down", "2 up"]
    assert said[3:5] == ["DOWN", "odds_api"]
    assert said[6] == "answered 503"
    assert said[-1] == "up: scores_api, espn_nfl"


def test_where_all_is_well_the_worst_of_it_is_shown(app: App, clock: FakeClock) -> None:
    history(app, clock, 2)
    said = words(fleet_health(app))
    assert said[0] == "3 up"
    assert sum(word == "UP" for word in said) == 3
    assert sum(word == "120 ms" for word in said) == 3, "and no share of 30 days, of which it has seen minutes"


def test_a_thousand_rows_are_counted_and_the_picture_stays_low(app: App, clock: FakeClock) -> None:
    history(app, clock, 2, odds_api=Status.DOWN)
    health = fleet_health(app)
    many = replace(health, rows=(health.rows[0],) * 900 + health.rows[1:] * 50)
    drawn = ET.fromstring(fleet_picture(replace(health, rows=_named(many)), {}))
    assert float(drawn.attrib["height"]) <= 200, "Dagster folds what is higher, behind a click"
    assert float(drawn.attrib["width"]) == WIDTH
    assert words(replace(health, rows=_named(many)))[-1] == "894 more, none worse than these; 100 up"


def _named(health: FleetHealth) -> tuple:
    return tuple(replace(row, source=f"source_{n}") for n, row in enumerate(health.rows))


def test_a_monitor_that_stands_still_says_so_instead_of_what_it_saw(app: App, clock: FakeClock) -> None:
    history(app, clock, 2)
    clock.advance(3600)
    said = words(fleet_health(app))
    assert said[0].startswith("The monitor is not running: no check since ")
    assert "UP" not in said


def test_what_a_source_says_is_text_and_cut(app: App, clock: FakeClock) -> None:
    clock.advance(300)
    tick(app, seen(app, "odds_api", Status.DOWN, detail=HOSTILE * 5))
    drawn = fleet_picture(fleet_health(app), {})
    names = {element.tag for element in ET.fromstring(drawn).iter()}
    assert names <= {f"{SVG}{name}" for name in ("svg", "title", "rect", "g", "path", "circle", "text")}
    row = next(word for word in words(fleet_health(app)) if "script" in word)
    assert row.endswith("…")
