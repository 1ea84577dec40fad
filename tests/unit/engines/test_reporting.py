"""What Dagster is sent each tick, and what waits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.engines.dagster_events import Reported, plan_reports

GOOD = {"connectivity": "good", "data_age": "good"}
DOWN = {"connectivity": "bad:error", "data_age": "unknown"}
LATE = {"connectivity": "good", "data_age": "bad:warn"}


def plan(current, reported, *, now=10_000, cap=200, refresh_s=3600, versions=None, read=()):
    return plan_reports(current, reported, versions=versions or {}, read=read, now=now, cap=cap, refresh_s=refresh_s)


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
    decided = {
        name: {check: code for check, code in codes.items() if code != "unknown"} for name, codes in current.items()
    }
    assert {name: dict(r.outcomes) for name, r in reported.items()} == decided


def test_what_cannot_be_told_is_not_an_evaluation() -> None:
    (report,) = plan({"odds": DOWN}, {"odds": Reported(GOOD, 9_900)}).reports
    assert report.checks == ("connectivity",), "data_age is unknown: neither passed nor failed"
    assert plan({"odds": {**GOOD, "response_time": "unknown"}}, {"odds": Reported(GOOD, 9_900)}).reports == ()


def test_a_check_that_came_to_nothing_is_sent_once_and_after_what_is_bad() -> None:
    nothing = {**GOOD, "quality": "nothing"}
    before = Reported({**GOOD, "quality": "good"}, 9_900)
    first, second = plan({"odds": nothing, "scores": LATE}, {"odds": before, "scores": before}).reports
    assert (first.source, second.source, second.checks) == ("scores", "odds", ("quality",))
    assert plan({"odds": nothing}, {"odds": Reported(nothing, 9_900)}).reports == ()


def test_a_source_that_is_lost_from_sight_is_news_although_no_check_says_so() -> None:
    lost = {"connectivity": "unknown", "data_age": "unknown"}
    (report,) = plan({"odds": lost}, {"odds": Reported(GOOD, 9_900)}).reports
    assert (report.checks, report.events) == ((), 1)


def test_the_same_data_are_no_news_and_new_data_are() -> None:
    known = {"odds": Reported(GOOD, 9_900, "v1", 9_900)}
    assert plan({"odds": GOOD}, known, versions={"odds": "v1"}, read=["odds"]).reports == ()
    (report,) = plan({"odds": GOOD}, known, versions={"odds": "v2"}, read=["odds"]).reports
    assert (report.version, report.checks, report.events, report.why) == ("v2", (), 1, "new data")


def test_what_nothing_is_built_from_is_sent_at_most_hourly() -> None:
    known = {"odds": Reported(GOOD, 9_900, "v1", 9_000)}
    assert plan({"odds": GOOD}, known, versions={"odds": "v2"}, now=9_000 + 3599).reports == ()
    (report,) = plan({"odds": GOOD}, known, versions={"odds": "v2"}, now=9_000 + 3600).reports
    assert report.version == "v2"


def test_a_change_of_the_verdict_alone_brings_no_new_data() -> None:
    known = {"odds": Reported(GOOD, 9_900, "v1", 9_900)}
    for outcomes, versions in ((DOWN, {}), (LATE, {"odds": "v1"})):
        (report,) = plan({"odds": outcomes}, known, versions=versions, read=["odds"]).reports
        assert report.version is None


def test_the_longest_waiting_data_go_first_and_the_rest_waits() -> None:
    names = [f"s{n}" for n in range(5)]
    known = {name: Reported(GOOD, 9_900, "v1", 9_000 + n) for n, name in enumerate(reversed(names))}
    chosen = plan(dict.fromkeys(names, GOOD), known, versions=dict.fromkeys(names, "v2"), read=names, cap=2)
    assert [r.source for r in chosen.reports] == ["s4", "s3"]
    assert chosen.waiting == 3
