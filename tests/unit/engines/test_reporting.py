"""What Dagster is notified each tick, and what waits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.engines.dagster_events import Reported, news, plan_reports

GOOD = {"connectivity": "good", "data_age": "good"}
DOWN = {"connectivity": "bad:error", "data_age": "unknown"}
LATE = {"connectivity": "good", "data_age": "bad:warn"}


def plan(current, reported, *, now=10_000, cap=200, refresh_s=3600):
    return plan_reports(current, reported, now=now, cap=cap, refresh_s=refresh_s)


def test_nothing_is_sent_while_nothing_changes() -> None:
    assert plan({"odds": GOOD}, {"odds": Reported(GOOD, 9_900)}).reports == ()


def test_only_the_checks_that_changed_are_sent() -> None:
    (report,) = plan({"odds": LATE}, {"odds": Reported(GOOD, 9_900)}).reports
    assert (report.source, report.checks, report.events) == ("odds", ("data_age",), 2)


def test_a_source_that_dagster_never_heard_of_is_reported_whole() -> None:
    (report,) = plan({"odds": GOOD}, {}).reports
    assert report.checks == ("connectivity", "data_age")


def test_an_unchanged_source_is_refreshed_when_its_time_has_come() -> None:
    (report,) = plan({"odds": GOOD}, {"odds": Reported(GOOD, 10_000 - 3600)}).reports
    assert report.why == "refresh"


def test_the_worst_go_first_and_the_rest_waits_within_the_cap() -> None:
    current = {"late": LATE, "down": DOWN, "fine": GOOD}
    before = {"late": Reported(GOOD, 9_999), "down": Reported(GOOD, 9_999), "fine": Reported(GOOD, 0)}
    chosen = plan(current, before, cap=5)
    assert [r.source for r in chosen.reports] == ["down", "late"]
    assert chosen.waiting == 1


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=4), st.sampled_from([GOOD, DOWN, LATE]), max_size=30),
    st.integers(3, 40),
)
def test_repeated_plans_tell_everything_within_the_cap(current, cap) -> None:
    reported: dict[str, Reported] = {}
    for _ in range(len(current) + 1):
        chosen = plan(current, reported, cap=cap)
        assert sum(r.events for r in chosen.reports) <= cap
        for report in chosen.reports:
            notified = {
                **(reported[report.source].outcomes if report.source in reported else {}),
                **{c: current[report.source][c] for c in report.checks},
            }
            reported[report.source] = Reported(notified, 10_000)
    assert {name: dict(r.outcomes) for name, r in reported.items()} == current


def test_a_time_that_our_own_busy_loop_spoilt_is_no_news_of_a_source_that_answered() -> None:
    notified = Reported({"connectivity": "good", "response_time": "good"}, 9_900)
    spoilt = {"connectivity": "good", "response_time": "unknown"}
    assert plan({"odds": news(spoilt, notified, answered=True)}, {"odds": notified}).reports == ()
    assert plan({"odds": news(spoilt, notified, answered=False)}, {"odds": notified}).reports != ()
    assert news(spoilt, None, answered=True) == spoilt, "the first report tells what there is"
    changed = news({**spoilt, "connectivity": "bad:warn"}, notified, answered=True)
    (report,) = plan({"odds": changed}, {"odds": notified}).reports
    assert report.checks == ("connectivity",)
