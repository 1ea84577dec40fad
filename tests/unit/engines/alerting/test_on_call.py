"""Who is on call is notified, the turn goes on without a gap, and who went off duty still hears of the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from alert_engine_stories import DOWN, ODDS, POLICY
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.alert import Alert
from busta_health_dagster.domain.maintenance import Window
from busta_health_dagster.domain.on_call import Override, Rotation, Shift, duty_list
from busta_health_dagster.domain.policy import AlertPolicy, Escalation, Mute, Route, Step
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.domain.weekly_hours import WEEK, WeeklyHours, spans_of
from busta_health_dagster.engines.alerting.muting import muted_until
from busta_health_dagster.engines.maintenance import MaintenanceIndex
from busta_health_dagster.pipeline.alerting.engine import AlertEngine, CompiledRules

HOUR, DAY = 3600, 86400
ALWAYS = ((0, WEEK),)
MONDAY = datetime(2026, 11, 23, 9)
DATA = Rotation("data", "Europe/Berlin", MONDAY, 7, (Shift(ALWAYS, ("anna", "ben", "cleo")),))


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_the_turn_goes_on_every_week_at_the_hour_of_its_place():
    assert DATA.on_duty(utc("2026-11-23T08:00")) == "anna"
    assert DATA.on_duty(utc("2026-11-30T07:59")) == "anna"
    assert DATA.on_duty(utc("2026-11-30T08:00")) == "ben"
    assert DATA.on_duty(utc("2026-11-23T07:59")) == "cleo", "before its start it ran just so"
    assert DATA.on_duty(utc("2027-03-29T07:00")) == "anna", "09:00 in summer, 18 weeks later"
    assert replace(DATA, every_days=1).on_duty(utc("2026-11-25T12:00")) == "cleo"


def test_an_exception_holds_for_its_hours_and_shifts_have_their_own_turns():
    day = Shift(spans_of(["mon-fri 08:00-20:00"]), ("anna", "ben"))
    rotation = Rotation(
        "data",
        "UTC",
        MONDAY,
        1,
        (day, Shift(ALWAYS, ("night",))),
        (Override(utc("2026-11-24T10:00"), utc("2026-11-24T11:00"), "cleo"),),
    )
    words = {
        t: rotation.on_duty(utc(f"2026-11-{t}")) for t in ("24T09:59", "24T10:00", "24T11:00", "24T20:00", "28T12:00")
    }
    assert words == {"24T09:59": "ben", "24T10:00": "cleo", "24T11:00": "ben", "24T20:00": "night", "28T12:00": "night"}
    assert rotation.gaps == ()
    assert replace(rotation, shifts=(day,)).gaps[0] == (0, 8 * 60)
    assert rotation.channels == ("anna", "ben", "night", "cleo")


@given(
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4),
    st.sampled_from([1, 7]),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
    st.integers(utc("2026-01-01"), utc("2028-01-01")),
)
def test_at_every_instant_there_is_one_and_the_turns_are_fair(turns, days, zone, at):
    rotation = Rotation("r", zone, MONDAY, days, (Shift(ALWAYS, tuple(turns)),))
    noon = at - at % DAY + 12 * HOUR
    seen = [rotation.on_duty(noon + n * days * DAY) for n in range(len(turns))]
    assert sorted(seen) == sorted(turns)
    assert rotation.on_duty(at) in turns


LADDER = Escalation("default", (Step(0, ("data", "log")), Step(2 * HOUR, ("data", "boss"))), repeat_s=12 * HOUR)
ONE = AlertPolicy({"default": LADDER}, (Route(Selector(), "default"),), on_call={"data": DATA})


class Watch:
    def __init__(self, policy: AlertPolicy = ONE) -> None:
        rules = CompiledRules.of([ODDS], (DOWN,), policy, dict.fromkeys(("anna", "ben", "cleo", "log", "boss")))
        no_windows: tuple[Window, ...] = ()
        self.engine = AlertEngine(rules, MaintenanceIndex(no_windows, 0, utc("2030-01-01")))

    def at(self, time: str, word: str = "") -> list[tuple[str, str]]:
        now = utc(f"2026-11-{time}")
        self.engine.begin(now, float(now))
        if word:
            self.engine.take(ODDS, DOWN, Verdict(Outcome[word.upper()], now, "said"))
        return sorted((m.channel, m.event.value) for m in self.engine.finish().notifications)

    @property
    def alert(self) -> Alert:
        return self.engine.alerts["odds_api/source-down"]


def test_a_step_reaches_who_is_on_call_when_it_is_climbed_and_everyone_told_hears_of_the_end():
    watch = Watch()
    assert watch.at("30T07:00", "bad") == [("anna", "opened"), ("log", "opened")]
    assert watch.at("30T09:00") == [("ben", "renotified"), ("boss", "renotified")], "the turn went on at 08:00"
    assert watch.at("30T21:00") == [("ben", "renotified"), ("boss", "renotified")]
    assert watch.at("30T22:00", "good") == []
    assert watch.at("30T22:05", "good") == [(c, "resolved") for c in ("anna", "ben", "boss", "log")]


def test_the_names_of_the_rotation_survive_a_restart_in_the_middle_of_a_ladder():
    watch = Watch()
    watch.at("30T07:00", "bad")
    kept = Alert.from_dict(watch.alert.to_dict())
    assert kept == watch.alert
    assert [s.named for s in kept.ladders[0].policy.steps] == [("data", "log"), ("data", "boss")]
    again = Watch()
    again.engine._put(kept)
    assert again.at("30T09:00") == [("ben", "renotified"), ("boss", "renotified")]


def test_a_rotation_that_has_left_the_configuration_leaves_who_was_on_call():
    watch = Watch()
    watch.at("30T07:00", "bad")
    without = Watch(replace(ONE, on_call={}))
    without.engine._put(watch.alert)
    assert without.at("30T09:00") == [("anna", "renotified"), ("boss", "renotified")]


def test_the_mute_of_a_route_holds_for_who_is_on_call_too():
    mute = Mute(WeeklyHours("UTC", spans_of(["20:00-08:00"])))
    watch = Watch(replace(ONE, routes=(Route(Selector(), "default", mute=mute),)))
    assert watch.at("29T22:00", "bad") == []
    assert muted_until(watch.alert, "anna", utc("2026-11-29T22:00")) == utc("2026-11-30T08:00")
    assert watch.at("30T08:00", "bad") == [("ben", "opened"), ("boss", "renotified"), ("log", "opened")]
    assert "anna" not in watch.alert.notified, "she never heard of it, and it is not her turn any more"


def test_without_rotations_nothing_is_asked():
    assert duty_list(POLICY.on_call, 0) == {}
