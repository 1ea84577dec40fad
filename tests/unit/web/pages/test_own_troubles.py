"""The monitor's own troubles stand at the top of the pages, in the metrics, and go when they are over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests
from page_stories import SOURCES, guest, history, serving, world
from sqlalchemy import event, text

from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.errors import StoreFull
from busta_health_dagster.pipeline.app.store_failure import store_failure
from busta_health_dagster.pipeline.delivery import breaker_state
from busta_health_dagster.pipeline.tick.tick import run_tick
from busta_health_dagster.store.outbox_rows import Message
from busta_health_dagster.web.routes import routes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.testing import FakeClock


@pytest.fixture
def app(tmp_path: Path, clock: FakeClock) -> Iterator[App]:
    """Its ticks really ask the sources, where no one answers: once each, as asking again waits for real seconds."""
    with world(tmp_path / "home", clock, SOURCES.replace("allow_private", "confirm: 0, allow_private")) as opened:
        yield opened


@pytest.fixture
def base(app: App) -> Iterator[str]:
    with serving(guest(app, lambda: Role.VIEWER, *routes(app))) as address:
        yield address


def banners(base: str, path: str = "") -> dict[str, str]:
    """Kind -> words, of the overview or another page."""
    page = requests.get(f"{base}/source-health{path}", timeout=20, headers={"x-renew": "1"}).text
    found = re.findall(r'data-trouble="([\w-]+)">(.*?)</div>', page, re.DOTALL)
    return {kind: " ".join(re.sub(r"<[^>]+>", " ", words).split()) for kind, words in found}


def metric(base: str, name: str) -> float:
    answer = requests.get(f"{base}/metrics", timeout=20).text
    return float(re.findall(rf"^{name} (\S+)$", answer, re.MULTILINE)[0])


def test_a_well_monitor_has_no_banner(base: str, app: App, clock: FakeClock) -> None:
    history(app, clock, 2)
    assert banners(base) == banners(base, "/s/odds_api") == {}
    assert (metric(base, "busta_store_writable"), metric(base, "busta_channels_failing")) == (1, 0)


def test_a_full_database_is_loud_on_page_log_and_metric_and_forgotten_when_there_is_room(
    base: str, app: App, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """max_page_count holds per connection, so it is set again on each one of the writer."""
    history(app, clock, 2)
    run_tick(app)
    with app.store.read() as uow:
        pages = uow.connection.execute(text("PRAGMA page_count")).scalar_one()
        engine = uow.connection.engine

    def tighten(connection: object, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]

    app.store.close()
    event.listen(engine, "checkout", tighten)
    with pytest.raises(StoreFull):  # noqa: PT012  the pages decide which tick it is
        for _ in range(200):
            clock.advance(300)
            run_tick(app)
    event.remove(engine, "checkout", tighten)
    app.store.close()
    said = banners(base)["store"]
    assert said.startswith("The store refuses what the monitor writes: what was seen since then is lost, since ")
    assert "has no room left" in said
    assert "shorten `retention:`" in said
    assert "has no room left" in caplog.text
    assert metric(base, "busta_store_writable") == 0
    assert app.home.store_trouble.stat().st_size == 2048, "its blocks are taken already when the disk is full"
    run_tick(app)
    assert store_failure(app) is None
    assert banners(base) == {}
    assert metric(base, "busta_store_writable") == 1


def test_dead_letters_say_which_channel_why_and_what_to_do(base: str, app: App, clock: FakeClock) -> None:
    history(app, clock, 2)
    with app.store.write() as uow:
        uow.outbox.enqueue([Message(f"k{n}", "pager", "opened", {}) for n in range(3)], app.clock.now())
        for row in uow.outbox.claim("worker", 3, 60, app.clock.now(), only=["pager"]):
            uow.outbox.dead(row.id, "worker", "invalid_auth: <b>the token</b> was refused", app.clock.now())
    said = banners(base)["dead-letters"]
    assert said.startswith("3 notifications were given up. pager (3): invalid_auth: &lt;b&gt;the token&lt;/b&gt; was")
    assert "busta alerts outbox --retry" in said


def test_a_failing_channel_and_a_delivery_that_does_not_run_are_told_apart(
    base: str, app: App, clock: FakeClock
) -> None:
    history(app, clock, 2)
    with app.store.write() as uow:
        uow.outbox.enqueue([Message("k", "pager", "opened", {})], app.clock.now())
    clock.advance(1000)
    assert banners(base)["late"].startswith("A notification has waited for 16 min")
    with app.store.write() as uow:
        broken = breaker_state.Breaker(failures=5, open_until=app.clock.now() + 600, trips=5)
        breaker_state._put(uow, "pager", breaker_state.ChannelState(broken))
    clock.advance(61)  # a change that logs no event is shown within a minute
    said = banners(base)
    assert "late" not in said
    assert said["channel"].startswith("Channel pager does not deliver: breaker open after 5 failures in a row, tried")
    assert "1 message waits." in said["channel"]
    assert metric(base, "busta_channels_failing") == 1


def test_a_configuration_that_is_not_accepted_is_told_before_the_next_tick(
    base: str, app: App, clock: FakeClock
) -> None:
    """The sensor's pass opens the monitor's own alert within half a minute; the tick's own word comes with the tick."""
    from dataclasses import replace

    from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass

    history(app, clock, 2)
    alert_pass(replace(app, config_problem="config/sources.yaml:14\n    not readable as YAML"), whole=False)
    said = banners(base)["configuration"]
    assert said.startswith("The newest configuration was not accepted; the last good one stays in force, since 08:10")
    assert "config/sources.yaml:14" in said
    assert metric(base, "busta_config_last_reload_success") == 0
    alert_pass(app, whole=False)
    assert banners(base) == {}


def test_a_store_that_cannot_answer_is_said_on_the_page_itself(base: str, app: App, clock: FakeClock) -> None:
    history(app, clock, 2)
    app.store.close()
    path = app.home.root / "busta.sqlite3"
    path.write_bytes(b"this is no database" * 500)
    for rest in ("", "/s/odds_api", "?wall=1"):
        answer = requests.get(f"{base}/source-health{rest}", timeout=20)
        assert answer.status_code == 503
        assert "The monitor cannot tell" in answer.text
        assert "not a database" in answer.text
        assert "Treat every source as unknown" in answer.text
    assert requests.get(f"{base}/metrics", timeout=20).status_code == 503
    picture = requests.get(f"{base}/source-health/strip/odds_api.svg", timeout=20)
    assert (picture.status_code, "cannot tell" in picture.text) == (503, True)
