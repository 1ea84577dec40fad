"""What is shown never flatters, what is compared adds up, and every kind of week has its sentence."""

from __future__ import annotations

from dataclasses import replace

from report_stories import EMPTY, FALL_BACK, FIRST, FULL, NO_SOURCES, WEEK

from busta_health_dagster.domain.report import Figure, Incidents
from busta_health_dagster.reports import findings, operation, verdict, words


def test_a_figure_is_worse_when_what_is_shown_is():
    """96.34 after 96.38 is 96.3 after 96.3: it stood there as a loss of 0.0, in red."""
    quality = Figure("Quality, mean", 96.34, 96.38, "", "down")
    assert (words.figure(quality)[3], words.is_worse(quality)) == ("±0", False)
    assert words.is_worse(replace(quality, before=96.41))
    mttr = Figure("MTTR, mean", 5918, 5452, "s", "up")
    assert (words.figure(mttr)[3], words.is_worse(mttr)) == ("+8 min", True), "1 h 38 min after 1 h 30 min"
    assert words.figure(replace(mttr, now=26 * 3600 + 3500, before=3600))[3] == "+1 d 1 h"


def test_planned_work_over_a_clock_change_says_which_two_oclock_it_means():
    cal = words.Calendar(FALL_BACK.week)
    begin = FALL_BACK.week.until - 23 * 3600  # Sunday 1 November, 02:00 EDT does not come: 01:00 comes twice
    assert cal.span(begin - 3 * 3600, begin - 2 * 3600) == "Sat 31 Oct 23:00 – Sun 1 Nov 00:00"
    assert cal.span(begin - 3600, begin) == "Sun 1 Nov 01:00 EDT–01:00 EST"


def test_the_verdict_names_those_that_missed():
    missed = [replace(r, source=f"s{k}") for k, r in enumerate([FULL.sla[0]] * 6)]
    met = FULL.sla[2]
    assert verdict.verdict(replace(FULL, sla=(FULL.sla[0], met))) == "1 of 2 sources met their SLA; weather_api did not"
    assert verdict.verdict(replace(FULL, sla=(*missed, met))).endswith("s0, s1, s2 and 3 more did not")
    assert verdict.verdict(replace(FULL, sla=(met, met))) == "every source met its SLA"
    assert verdict.verdict(replace(FULL, sla=tuple(missed))) == "none of 6 sources met its SLA"
    unsure = verdict.verdict(replace(FULL, sla=(met, met, FULL.sla[3])))
    assert unsure == "all 2 sources with enough data met their SLA (1 source without a verdict)"


def test_weeks_without_a_verdict_say_why():
    assert verdict.headline(FIRST) == "No SLA verdict yet: 12.50% of 30 days are known, 95% are needed."
    assert "The monitor began on Thu 19 Nov 10:00: there is nothing to compare with yet." in verdict.lead(FIRST)
    assert verdict.headline(EMPTY) == "Nothing was observed."
    assert "Not one of 4 sources was checked between Mon 16 Nov 00:00 and Mon 23 Nov 00:00." in verdict.lead(EMPTY)
    assert verdict.headline(NO_SOURCES) == "No source is configured."


def test_a_week_that_is_not_over_says_how_far_it_goes():
    running = replace(FULL, week=replace(WEEK, until=WEEK.since + 3 * 86400))
    assert "The week is not over: these are its numbers up to Thu 19 Nov 00:00." in verdict.lead(running)


def test_the_week_of_a_clock_change_says_so():
    assert (
        "The clocks went back (America/New_York): the week has 2,028 five-minute slices instead of 2,016."
        in verdict.lead(FALL_BACK)
    )
    forward = replace(FALL_BACK, week=replace(FALL_BACK.week, ends=FALL_BACK.week.ends - 7200))
    assert "went forward (America/New_York): the week has 2,004" in verdict.lead(forward)
    assert verdict.clocks(FULL) == ""


def test_no_incident_one_and_several_have_their_own_sentence():
    assert findings.incidents(replace(FULL, incidents=Incidents())) == "No incident was resolved in this week."
    one = replace(FULL.incidents, rows=FULL.incidents.rows[:1])
    assert "one incident was resolved, after 1 h" in verdict.lead(replace(FULL, incidents=one))
    assert "two incidents took 1 h on average" in verdict.lead(FULL)
    assert findings.incidents(FULL) == (
        "Two incidents of two sources, 2 h in all. The longest, rss_transactions, was never acknowledged. Two incidents stayed open."
    )


def test_findings_name_what_changed():
    assert findings.response(FULL) == (
        "odds_api is over the limit. One source changed: odds_api 1.52 s to 3.41 s. Everything else stays within 4% of last week."
    )
    assert findings.quality(FULL).startswith(
        "odds_api (88.7, since 22 Nov) is below the limit. Fell: odds_api from 96.2 to 88.7."
    )
    assert "odds_api is uncertain: 88.7 ± 1.6 includes the limit, 90." in findings.quality(FULL)
    assert operation.noise(FULL).startswith(
        "19 notifications for 9 alerts. One resolved by itself within 10 minutes, three went unacknowledged."
    )


def test_the_monitor_tells_its_own_uptime_and_its_gaps():
    share, rest = operation.monitor(FULL)
    assert share == "99.90% of 2,016 ticks ran; the week before 99.95%."
    assert rest.startswith("No tick ran Sun 22 Nov 20:10–20:20. No verdict for 12 of 8,052 slices (most: odds_api 12).")


def test_what_is_open_says_what_it_costs():
    assert findings.open_detail(FULL.open[1], FULL) == (
        "The newest data is of age 27 h 20 min, limit 26 h. It used 12 of the week's 62 bad slices. "
        "5.0% of its budget is left: after 10 min more down it misses its SLA."
    )


def test_a_source_without_a_score_for_days_is_named_before_those_that_fell():
    row = FULL.quality[1]
    known = [(at, None if at >= FULL.week.until - 4 * 86400 else value) for at, value in row.days]
    silent = replace(row, days=tuple(known))
    assert findings.outlook(silent) == "no score for 4 days"
    said = findings.quality(replace(FULL, quality=(FULL.quality[0], silent)))
    assert said.startswith(f"No score of {row.source} for 4 days. odds_api (88.7, since 22 Nov) is below the limit.")
