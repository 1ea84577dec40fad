"""A disk without room under a running monitor: that of its logs stops no alert, that of its store is loud and ends by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from small_home import served, small_home

from busta_health_dagster.domain.errors import StoreFull
from busta_health_dagster.store import Store
from tests.e2e.up_stories import eventually, running, up
from tests.faults.monitor_stories import metric, monitor, page, sent, ticks_done
from tests.faults.small_disk import full, needs_root, small_disk

GONE, GOOD = "gone_file/source-down", "good_file/source-down"


@needs_root
def test_sqlite_that_calls_a_full_disk_an_error_of_the_disk_is_understood(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4):
        path = tmp_path / "disk" / "busta.db"
        with Store(f"sqlite:///{path}") as store:
            store.upgrade()
        said = pytest.raises(StoreFull, match="has no room left")
        with full(path.parent), Store(f"sqlite:///{path}") as store, said, store.write() as uow:
            uow.meta.put("anything", "x" * 100_000)
        with Store(f"sqlite:///{path}") as store, store.write() as uow:
            uow.meta.put("anything", 1)


@needs_root
def test_page_and_metric_say_it_also_where_no_tick_begins_that_could(tmp_path: Path) -> None:
    """Dagster's files lie on the same disk: it starts nothing."""
    with small_disk(tmp_path / "home", 8), small_home(tmp_path) as app, served(app) as url:
        assert metric(url, "busta_store_writable") == 1
        with full(app.home.root):
            assert metric(url, "busta_store_writable") == 0
            assert "has no room left" in requests.get(f"{url}/source-health", headers={"x-renew": "1"}, timeout=60).text
        assert metric(url, "busta_store_writable") == 1


@needs_root
@pytest.mark.e2e
@pytest.mark.faults
def test_without_room_for_logs_alerts_still_go_out_and_without_room_for_the_store_it_is_loud_until_there_is(
    tmp_path: Path,
) -> None:
    environ = monitor(tmp_path)
    home, good = Path(environ["BUSTA_HOME"]), tmp_path / "data" / "good.csv"
    with small_disk(home, 300), small_disk(home / "logs", 1), up(environ) as process:
        url = running(environ)["url"]
        eventually(lambda: ("alert.opened", GONE) in sent(tmp_path), "the first tick notifies")
        with full(home / "logs"):
            good.rename(good.with_suffix(".away"))
            eventually(lambda: ("alert.opened", GOOD) in sent(tmp_path), "no log, and all the same an alert")
        with full(home):
            good.with_suffix(".away").rename(good)
            eventually(lambda: metric(url, "busta_store_writable") == 0, "the metric knows")
            eventually(lambda: "no room left" in page(url), "the page says so")
            assert ("alert.resolved", GOOD) not in sent(tmp_path)
        before = ticks_done(environ)
        eventually(lambda: ticks_done(environ) > before, "it ticks again as soon as there is room")
        eventually(lambda: ("alert.resolved", GOOD) in sent(tmp_path), "and notifies of what happened meanwhile")
        eventually(lambda: metric(url, "busta_store_writable") == 1, "the metric knows that it is over")
        assert process.poll() is None
    assert [kind for kind, what in sent(tmp_path) if what == GONE] == ["alert.opened"]
