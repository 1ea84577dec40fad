"""Who is on call stands in a calendar: fetched by the tick, kept when its server is out, and a gap is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from alert_stories import HOUR, POLICY, T0, Story, app_on

from busta_health_dagster.bootstrap import make_channels
from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.domain.on_call import OnCallCalendar, Rotation, Shift
from busta_health_dagster.domain.policy import Escalation, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.weekly_hours import WEEK
from busta_health_dagster.pipeline.alerting.on_call_calendars import (
    EVERY_S,
    kept_calendar,
    refresh_rotations,
    rotations_now,
)
from busta_health_dagster.pipeline.views.doctor import store_findings
from busta_health_dagster.settings import Secrets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import Store

PEOPLE = {"Anna Adams": "chat", "ben@example.com": "mail"}


def entry(uid: str, begin: int, end: int, title: str, *more: str) -> str:
    def moment(at: int) -> str:
        return f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}"

    lines = [
        f"UID:{uid}",
        f"DTSTAMP:{moment(T0)}",
        f"DTSTART:{moment(begin)}",
        f"DTEND:{moment(end)}",
        f"SUMMARY:{title}",
    ]
    return "\r\n".join(["BEGIN:VEVENT", *lines, *more, "END:VEVENT"])


def calendar(*entries: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", *entries, "END:VCALENDAR", ""])


WEEK_OF_TWO = calendar(
    entry("1", T0 - HOUR, T0 + 2 * HOUR, "On Call - Anna Adams - Data"),
    entry("2", T0 + 2 * HOUR, T0 + 300 * HOUR, "Data duty", "ATTENDEE;CN=Ben:mailto:Ben@example.com"),
    entry("3", T0 + 300 * HOUR, T0 + 310 * HOUR, "On Call - Zed - Data"),
)


def rotation(where: OnCallCalendar) -> Rotation:
    return Rotation("data", "UTC", datetime(2026, 1, 5), 7, (Shift(((0, WEEK),), ("pager",)),), (), where)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "on-call.ics"
    path.write_text(WEEK_OF_TWO)
    return path


def opened(store: Store, where: OnCallCalendar, **environ: str) -> App:
    ladder = Escalation("default", (Step(0, ("data",), Severity.WARNING),))
    policy = replace(POLICY, escalations={"default": ladder}, on_call={"data": rotation(where)})
    return replace(app_on(store, policy=policy), secrets=Secrets(environ), make_channels=make_channels)


def on_duty(app: App, at: int) -> str:
    with app.store.read() as uow:
        return rotations_now(app, uow)["data"].on_duty(at)


def test_who_the_calendar_names_is_notified_and_where_it_names_no_one_the_stand_in(store: Store, file: Path) -> None:
    app = opened(store, OnCallCalendar(None, str(file), PEOPLE))
    assert on_duty(app, T0) == "pager", "before the first tick"
    refresh_rotations(app)
    assert [on_duty(app, T0 + h * HOUR) for h in (0, 1, 2, 299, 300, 320)] == [
        "chat",
        "chat",
        "mail",
        "mail",
        "pager",
        "pager",
    ]
    story = Story(app)
    story.tick()
    story.tick(odds_api="down")
    assert story.messages() == [("chat", "opened")]


def test_a_calendar_that_is_away_leaves_the_last_good_one_and_says_so(store: Store, file: Path) -> None:
    app = opened(store, OnCallCalendar(None, str(file), PEOPLE))
    refresh_rotations(app)
    file.unlink()
    app.clock.advance(EVERY_S)
    refresh_rotations(app)
    assert on_duty(app, T0) == "chat"
    said = " ".join(p.message for p in store_findings(app))
    assert "The calendar of data cannot be read, that of " in said
    assert "No such file" in said
    file.write_text("<html>login</html>")
    app.clock.advance(EVERY_S)
    refresh_rotations(app)
    assert "not an iCalendar" in " ".join(p.message for p in store_findings(app))
    file.write_text(WEEK_OF_TWO)
    app.clock.advance(EVERY_S)
    refresh_rotations(app)
    assert "cannot be read" not in " ".join(p.message for p in store_findings(app))


def test_the_doctor_names_a_gap_and_whom_no_one_knows(store: Store, file: Path) -> None:
    app = opened(store, OnCallCalendar(None, str(file), PEOPLE))
    refresh_rotations(app)
    said = [p.message for p in store_findings(app)]
    assert any("names people who are not in `people`: On Call - Zed - Data" in text for text in said)
    assert any("No one is on call in data from 2026-" in text and "pager is notified then" in text for text in said)


def test_an_address_is_a_secret_and_one_of_our_own_network_is_refused(store: Store, served_text: str) -> None:
    where = OnCallCalendar(SecretRef(env="CAL"), None, PEOPLE)
    for n, (url, says) in enumerate(
        (
            ("webcal://127.0.0.1:9/s3cret-canary.ics", "127.0.0.1"),
            (f"{served_text}?s3cret-canary", "which is"),
            ("", "CAL"),
        )
    ):
        app = opened(store, where, **({"CAL": url} if url else {}))
        app.clock.advance(n * EVERY_S)
        refresh_rotations(app)
        with store.read() as uow:
            problem = kept_calendar(uow, "data").problem
        assert says in problem
        assert "s3cret-canary" not in problem


def test_it_is_fetched_over_http_within_its_time(store: Store, served_text: str) -> None:
    where = OnCallCalendar(SecretRef(env="CAL"), None, PEOPLE, allow_private=True)
    app = opened(store, where, CAL=served_text)
    refresh_rotations(app)
    assert on_duty(app, T0) == "chat"
    app = opened(store, where, CAL=f"{served_text}-gone")
    app.clock.advance(EVERY_S)
    refresh_rotations(app)
    assert on_duty(app, T0) == "chat"
    with store.read() as uow:
        assert "answered 404" in kept_calendar(uow, "data").problem


@pytest.fixture
def served_text() -> Iterator[str]:
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/on-call.ics" else 404)
            self.end_headers()
            self.wfile.write(WEEK_OF_TWO.encode())

        def log_message(self, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/on-call.ics"
        server.shutdown()
