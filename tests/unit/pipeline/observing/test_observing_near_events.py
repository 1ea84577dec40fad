"""Stricter near a kick-off: calendars from the web, from a file and from a payload, and what a source is asked for then."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from http_stories import Answer, answering

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.alert import Alert
from busta_health_dagster.domain.observation import Kind
from busta_health_dagster.pipeline.app.app import App
from busta_health_dagster.pipeline.app.calendars import kept_calendars, near_events
from busta_health_dagster.pipeline.delivery.attempt import notification_of
from busta_health_dagster.pipeline.tick.tick import TickReport, run_tick
from busta_health_dagster.pipeline.views.doctor import store_findings
from busta_health_dagster.pipeline.views.explain import explain_source
from busta_health_dagster.pipeline.views.source_page import source_page
from busta_health_dagster.pipeline.views.status import source_info
from busta_health_dagster.testing import FakeClock

T0 = 1_795_420_800  # 2026-11-23T08:00:00Z
KICK_OFF = T0 + 4 * 3600


def calendar(*starts: int) -> bytes:
    entries = "".join(
        f"BEGIN:VEVENT\r\nUID:{at}\r\nDTSTART:{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}\r\nDURATION:PT3H\r\n"
        "SUMMARY:Jets @ Bills\r\nEND:VEVENT\r\n"
        for at in starts
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{entries}END:VCALENDAR\r\n".encode()


class Web:
    """Odds of a given age, a scoreboard that names kick-offs, and a calendar."""

    def __init__(self) -> None:
        self.clock = FakeClock(float(T0))
        self.age_s, self.calendar, self.events = 300, Answer(calendar(KICK_OFF)), [KICK_OFF]
        self.board: bytes | None = None
        self.takes_s = 0
        self.asked: Counter[str] = Counter()

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        del headers
        self.asked[path] += 1
        if path == "/slow":
            self.clock.advance(self.takes_s)
        if path == "/nfl.ics":
            return self.calendar
        if path == "/scores":
            dates = [{"date": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%MZ")} for at in self.events]
            return Answer(self.board or json.dumps({"events": dates}).encode())
        return Answer(json.dumps([{"at": self.clock.now() - self.age_s}]).encode())


SOURCES = """\
version: 1
defaults: {{allow_private: true, confirm: 0}}
sources:
  - {{name: scores, type: scores, probe: http, interval: 1h, url: 'http://{at}/scores', items: '$.events[*]'}}
  - name: odds
    type: odds
    probe: http
    interval: 5m
    url: 'http://{at}/odds'
    items: '$[*]'
    data_age: {{path: '$[*].at'}}
    max_data_age: 10m
    near_events: {{calendar: nfl, before: 2h, after: 4h, max_data_age: 2m, interval: 1m, severity: critical}}
"""
ALERTS = """\
version: 1
rules:
  - {name: stale-data, metric: data_age_s, op: '>', value: max_data_age, severity: warning}
"""


ROUTES = """\
channels: [{name: log, kind: file, path: SENT}]
escalations: [{name: default, steps: [{after: 0m, notify: [log]}]}]
routes: [{select: {}, escalation: default}]
"""


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def opened(web: Web, tmp_path: Path) -> Iterator[object]:
    """Opens a home with one entry of `events`."""
    with ExitStack() as stack:
        at = stack.enter_context(answering(web.answer))

        def home(events: str, routes: str = "", more: str = "") -> App:
            config = tmp_path / "config"
            config.mkdir()
            (config / "sources.yaml").write_text((SOURCES + more).format(at=at))
            (config / "alerts.yaml").write_text(ALERTS + routes)
            (config / "maintenance.yaml").write_text("version: 1\nevents:\n  - " + events.format(at=at) + "\n")
            environ = {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(config)}
            return stack.enter_context(bootstrap.open_app(environ=environ, create_store=True, clock=web.clock))

        yield home


ICAL = "{{name: nfl, ical: 'http://{at}/nfl.ics', refresh: 1h, allow_private: true}}"
PAYLOAD = "{{name: nfl, source: scores, path: '$.events[*].date', duration: 3h}}"


def until(app: App, web: Web, at: int) -> TickReport:
    """The tick of that instant; the clock stands there."""
    web.clock.advance(at - int(web.clock.now()))
    return run_tick(app)


def alert(app: App) -> Alert | None:
    with app.store.read() as uow:
        return next((a for a in uow.alerts.list(limit=9) if a.resolved_at is None), None)


def near(app: App) -> bool:
    with app.store.read() as uow:
        return "odds" in near_events(app, uow, app.now())


def warned(app: App) -> list[str]:
    return [problem.message for problem in store_findings(app) if "alendar" in problem.message]


def test_what_is_fine_in_the_morning_is_critical_before_kick_off(web: Web, opened) -> None:
    app = opened(ICAL)
    until(app, web, T0)
    assert alert(app) is None
    (seen,) = [o for o in until(app, web, KICK_OFF - 2400).observations if o.source == "odds"]

    assert (seen.status.word, seen.reason) == ("degraded", "stale")
    raised = alert(app)
    assert raised is not None
    assert (raised.rule, raised.severity.word) == ("stale-data", "critical")
    assert raised.reason == "5 min, limit 2 min; kick-off in 40 min (nfl: Jets @ Bills)"


def test_the_message_says_which_event_is_near_and_names_the_limit_that_holds_for_it(
    web: Web, opened, tmp_path: Path
) -> None:
    app = opened(ICAL, ROUTES.replace("SENT", str(tmp_path / "sent.jsonl")))
    until(app, web, T0)
    until(app, web, KICK_OFF - 2400)
    with app.store.read() as uow:
        (row,) = uow.outbox.of_alert(1, 0)
    told = notification_of(row.message.payload)
    assert told.related == ("Kick-off in 40 min (nfl: Jets @ Bills).",)
    assert (told.rule.value, told.verdict.limit) == (120.0, 120.0)


def test_an_alert_that_is_open_already_rises_when_the_event_comes_near(web: Web, opened) -> None:
    app = opened(ICAL)
    web.age_s = 1200
    until(app, web, T0)
    assert alert(app).severity.word == "warning"
    until(app, web, KICK_OFF - 7200)
    assert alert(app).severity.word == "critical"


def test_near_an_event_a_source_is_observed_every_minute_outside_its_slots(web: Web, opened) -> None:
    app = opened(ICAL)
    web.age_s = 10
    until(app, web, T0)
    ticks = [until(app, web, KICK_OFF + 60 * n) for n in range(6)]

    kinds = [o.kind for tick in ticks for o in tick.observations if o.source == "odds"]
    assert kinds == [Kind.SCHEDULED, *[Kind.NEAR_EVENT] * 4, Kind.SCHEDULED]
    with app.store.read() as uow:
        slots = [o.slot for o in uow.observations.window(["odds"], KICK_OFF, KICK_OFF + 600)["odds"]]
        every = uow.observations.window(["odds"], KICK_OFF, KICK_OFF + 600, manual=True)["odds"]
    assert slots == [KICK_OFF, KICK_OFF + 300]
    assert [o.kind for o in every] == kinds
    assert [
        o
        for tick in [until(app, web, KICK_OFF + 6 * 3600), until(app, web, KICK_OFF + 6 * 3600 + 60)]
        for o in tick.observations
        if o.kind is Kind.NEAR_EVENT
    ] == []


def test_surfaces_say_that_an_event_is_near(web: Web, opened) -> None:
    app = opened(ICAL)
    until(app, web, T0)
    assert source_info(app, "odds")["near_event"] is None
    until(app, web, KICK_OFF - 2400)
    assert source_info(app, "odds")["near_event"] == "kick-off in 40 min (nfl: Jets @ Bills)"
    assert source_page(app, "odds").near == "kick-off in 40 min (nfl: Jets @ Bills)"


def test_surfaces_and_asset_checks_show_the_limit_that_holds_now(web: Web, opened) -> None:
    app = opened(ICAL)
    until(app, web, T0)
    assert source_info(app, "odds")["limits"]["data_age_s"] == 600
    tick = until(app, web, KICK_OFF - 2400)
    assert source_info(app, "odds")["limits"]["data_age_s"] == 120
    assert source_page(app, "odds").limits.data_age_s == 120
    check = tick.verdicts["odds"]["data_age"]
    assert (check.outcome.word, check.reason) == ("bad", "5 min old, limit 2 min")
    (standing,) = explain_source(app, "odds").rules
    assert (standing.outcome, standing.reason) == ("bad", "5 min, limit 2 min")


def test_kick_offs_come_from_the_payload_of_another_source(web: Web, opened) -> None:
    app = opened(PAYLOAD)
    until(app, web, T0)
    assert not near(app)
    web.events = [
        KICK_OFF + 7 * 86_400
    ]  # the board moves on: what has begun stays, so that the game is seen to its end
    until(app, web, KICK_OFF + 3600)
    assert near(app)
    assert warned(app) == []


def test_a_game_that_the_payload_no_longer_names_was_moved(web: Web, opened) -> None:
    app = opened(PAYLOAD)
    until(app, web, T0)
    web.events = []
    until(app, web, T0 + 3600)
    until(app, web, KICK_OFF - 60)
    assert not near(app)
    assert warned(app) == []


def test_a_payload_without_its_list_keeps_the_kick_offs_and_is_a_warning(web: Web, opened) -> None:
    app = opened(PAYLOAD)
    until(app, web, T0)
    web.board = b'{"message": "quota exceeded"}'
    until(app, web, T0 + 3600)

    (says,) = warned(app)
    assert says.startswith("Calendar nfl cannot be read: the payload of scores has no times at $.events[*].date; ")
    assert says.endswith("what was read on 2026-11-23 08:00 UTC is used.")
    web.clock.advance(KICK_OFF - int(web.clock.now()))
    assert near(app)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            Answer(b"<html>log in</html>"),
            "not an iCalendar: it begins with '<html>log in</html>', not with BEGIN:VCALENDAR",
        ),
        (Answer(b"gone", 404), "answered 404, 200 wanted"),
    ],
)
def test_a_calendar_that_cannot_be_fetched_leaves_the_last_good_one_and_a_warning(
    web: Web, opened, answer: Answer, why: str
) -> None:
    app = opened(ICAL)
    until(app, web, T0)
    assert warned(app) == []
    web.calendar = answer
    until(app, web, T0 + 3600)

    says = f"Calendar nfl cannot be read: {why}; what was read on 2026-11-23 08:00 UTC is used."
    assert warned(app) == [says]
    assert source_info(app, "odds")["calendar_problem"] == says
    assert source_page(app, "odds").calendar_problem == says
    web.clock.advance(KICK_OFF - int(web.clock.now()))
    assert near(app)


def test_a_calendar_is_read_when_it_is_due_and_sooner_after_a_failure(web: Web, opened) -> None:
    app = opened(ICAL)
    for n in range(12):
        until(app, web, T0 + 300 * n)
    assert web.asked["/nfl.ics"] == 1
    web.calendar = Answer(b"", 503)
    for n in range(12, 18):
        until(app, web, T0 + 300 * n)
    assert web.asked["/nfl.ics"] == 3
    web.calendar = Answer(calendar(KICK_OFF))
    until(app, web, T0 + 300 * 18)
    assert warned(app) == []


def test_a_calendar_that_was_never_read_is_a_warning_and_nothing_is_near(web: Web, opened) -> None:
    app = opened(ICAL)
    assert warned(app) == ["Calendar nfl has not been read yet: no event is known to be near."]
    web.calendar = Answer(b"", 500)
    until(app, web, KICK_OFF)
    assert warned(app) == ["Calendar nfl cannot be read: answered 500, 200 wanted; no event is known to be near."]
    assert not near(app)


def test_a_file_beside_the_configuration_is_a_calendar(web: Web, opened, tmp_path: Path) -> None:
    app = opened("{{name: nfl, ical: nfl.ics}}")
    (tmp_path / "config" / "nfl.ics").write_bytes(calendar(KICK_OFF))
    until(app, web, KICK_OFF - 60)
    assert near(app)


def test_a_recurring_event_of_the_file_is_a_calendar(web: Web, opened) -> None:
    app = opened("{{name: nfl, start: '2026-11-23T12:00', zone: UTC, duration: 3h, rrule: FREQ=WEEKLY}}")
    until(app, web, KICK_OFF - 7260)
    assert not near(app)
    web.clock.advance(60)
    assert near(app)


def test_entries_that_were_left_out_are_a_warning(web: Web, opened) -> None:
    app = opened(ICAL)
    web.calendar = Answer(
        calendar(KICK_OFF).replace(b"END:VCALENDAR", b"BEGIN:VEVENT\r\nUID:x\r\nEND:VEVENT\r\nEND:VCALENDAR")
    )
    until(app, web, T0)
    assert warned(app) == ["Calendar nfl was read in part: 1 entry left out: no readable DTSTART."]
    with app.store.read() as uow:
        assert len(kept_calendars(app, uow)["nfl"].events) == 1


def test_a_calendar_that_was_read_under_a_clock_too_far_ahead_is_read_again_when_it_is_set_back(
    web: Web, opened
) -> None:
    app = opened(ICAL)
    until(app, web, T0 + 400 * 86_400)
    until(app, web, T0)
    with app.store.read() as uow:
        (kept,) = kept_calendars(app, uow).values()
    assert (kept.tried_at, [event.start for event in kept.events]) == (T0, [KICK_OFF])


def test_what_is_observed_between_the_slots_takes_no_time_from_the_next_tick(web: Web, opened) -> None:
    slow = "  - {{name: slow, type: slow, probe: http, interval: 2m, url: 'http://{at}/slow'}}\n"
    app = opened(ICAL, more=slow)
    web.age_s = 10
    until(app, web, KICK_OFF - 3600)
    until(app, web, KICK_OFF)
    web.takes_s = 55
    late = until(app, web, KICK_OFF + 120)  # of a minute between two ticks, four fifths are for observing
    assert {o.source: o.kind for o in late.observations} == {"slow": Kind.SCHEDULED}
    web.takes_s = 0
    (between,) = until(app, web, KICK_OFF + 180).observations
    assert (between.source, between.kind) == ("odds", Kind.NEAR_EVENT)
