"""How much of the store the rows of a list cost: what is asked about, and nothing of the rest of the fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from page_stories import seen, tick, world
from statements import asked, of_every_source

from busta_health_dagster.pipeline.views.overview import fleet_page
from busta_health_dagster.pipeline.views.source_page import source_page
from busta_health_dagster.pipeline.views.status import fleet_health
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web import metrics

if TYPE_CHECKING:
    from pathlib import Path

T0 = 1_795_000_200


def configured(size: int) -> str:
    entry = '  - {{name: s{}, type: odds, probe: http, url: "http://127.0.0.1:9/", allow_private: true}}'
    return "\n".join(["version: 1", "sources:", *(entry.format(n) for n in range(size))])


def test_one_source_of_a_fleet_asks_for_no_state_of_the_others(tmp_path: Path) -> None:
    with world(tmp_path, FakeClock(T0), configured(60)) as app:
        tick(app, *(seen(app, f"s{n}") for n in range(60)))
        with asked() as one:
            (row,) = fleet_health(app, ["s7"], strips=True).rows
        assert (row.source, row.shown) == ("s7", "up")
        assert of_every_source(one, "source_state") == []
        with asked() as page:
            assert source_page(app, "s7").health.source == "s7"
        assert of_every_source(page, "source_state") == []
        with asked() as all_:
            assert len(fleet_health(app).rows) == 60
        assert len(of_every_source(all_, "source_state")) == 1


def test_a_scrape_reads_the_states_once_and_asks_as_often_for_sixty_sources_as_for_six(tmp_path: Path) -> None:
    counted = []
    for size in (6, 60):
        with world(tmp_path / str(size), FakeClock(T0), configured(size)) as app:
            tick(app, *(seen(app, f"s{n}") for n in range(size)))
            with asked() as scrape:
                metrics.render(app)
            assert len(of_every_source(scrape, "source_state")) == 1
            counted.append(len(scrape))
    assert counted[0] == counted[1]


def test_the_overview_reads_the_states_once(tmp_path: Path) -> None:
    with world(tmp_path, FakeClock(T0), configured(60)) as app:
        tick(app, *(seen(app, f"s{n}") for n in range(60)))
        with asked() as page:
            assert len(fleet_page(app, ()).health.rows) == 60
        assert len(of_every_source(page, "source_state")) == 1
