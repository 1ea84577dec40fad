"""The week in numbers, counted by hand, on both databases; and how its report is kept and told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from weekly_history import DAY, HOUR, MONDAY, SEVEN, write_history

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.units import iso
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.imports.import_history import import_history
from busta_health_dagster.pipeline.reporting.sending import kept_report, kept_reports, publish, receivers
from busta_health_dagster.pipeline.reporting.weekly_report import last_week, sla_now, week_of, weekly_report
from busta_health_dagster.reports import findings, verdict


def test_a_month_counted_by_hand(month) -> None:
    report = weekly_report(month)
    assert (report.week.label, report.week.until, report.week.as_of) == ("2026-W47", MONDAY, SEVEN)
    missed, met = report.sla
    assert (missed.source, missed.bad, missed.uptime, missed.budget_left, missed.met) == (
        "scores_api",
        44,
        99.49,
        -1.852,
        False,
    )
    assert (met.source, met.bad, met.uptime, met.budget_left, met.met) == ("odds_api", 43, 99.502, 0.462, True)
    assert (met.at_risk, met.spare_s, met.coverage) == (True, 0, 100.0)
    assert (missed.week, missed.week_before) == (98.809, 100.0)
    figures = {f.name: (f.now, f.before) for f in report.figures}
    assert figures["Fleet uptime"] == (99.107, 100.0)
    assert figures["Incidents resolved"] == (3, 0)
    assert figures["MTTR, mean"] == (3600, None)
    assert [(r.source, r.lasted_s) for r in report.incidents.rows] == [
        ("scores_api", 5400),
        ("odds_api", 3600),
        ("scores_api", 1800),
    ]
    resolve = report.incidents.took[0]
    assert (resolve.mean, resolve.median, resolve.p90, resolve.of) == (3600, 3600, 5400, 3)
    assert (report.monitor.ran, report.monitor.due, report.monitor.without_verdict) == (2016, 2016, 0)
    assert report.bad_slices == 36
    assert [(r.source, r.bad) for r in sla_now(month)] == [("scores_api", 44), ("odds_api", 43)]
    assert verdict.headline(report) == "1 of 2 sources met their SLA; scores_api did not."


def test_an_outage_after_the_week_is_open_and_not_in_its_figures(app, tmp_path: Path, clock) -> None:
    outages = {"odds_api": [(MONDAY + 2 * HOUR, 200)], "scores_api": []}
    clock.jump(DAY)
    import_history(
        app, write_history(tmp_path / "h.csv", since=MONDAY - 8 * DAY, until=MONDAY + 12 * HOUR, outages=outages)
    )
    report = weekly_report(app, "2026-W47")
    (item,) = report.open
    assert (item.source, item.status, item.since, item.feeds) == (
        "odds_api",
        "down",
        MONDAY + 2 * HOUR,
        ("models/moneyline",),
    )
    assert report.week.as_of == SEVEN, "told as of the hour it was due, whenever it is asked for"
    assert report.figure("Fleet uptime").now == 100.0
    assert "The outage of odds_api after that is not in it yet." in findings.sla_note(report)


def test_a_window_that_is_over_when_the_report_is_counted_is_not_to_come(app, clock) -> None:
    nightly = {"duration_s": 1800, "start": datetime(2026, 11, 20, 3), "zone": "UTC", "rrule": "FREQ=DAILY"}
    Monitor(app, "dana").add_window("backup", Selector(names=("odds_api",)), **nightly)
    due = weekly_report(app, "2026-W47").maintenance.next
    assert [m.start for m in due] == [MONDAY + n * DAY + 3 * HOUR for n in range(1, 9)]
    clock.jump(3 * DAY)
    later = weekly_report(app, "2026-W47").maintenance.next
    assert [m.start for m in later] == [MONDAY + n * DAY + 3 * HOUR for n in range(4, 9)]


def test_the_first_week_has_coverage_and_no_verdict(app, tmp_path: Path) -> None:
    began = MONDAY - 3 * DAY
    outages = {"odds_api": [], "scores_api": []}
    import_history(app, write_history(tmp_path / "h.csv", since=began, until=MONDAY, outages=outages))
    report = weekly_report(app)
    assert (report.first, report.began) == (True, began)
    assert {(r.met, r.verdict, r.coverage) for r in report.sla} == {(None, "insufficient data", 10.0)}
    assert (report.monitor.ran, report.monitor.due) == (864, 864), "before it began no tick was due"
    assert report.figure("SLA met, 30 d").now is None
    assert "no SLA verdict yet: 10.00% of 30 days are known" in verdict.verdict(report)


def test_a_gap_of_the_monitor_is_its_own_downtime_and_nobodys_outage(app, tmp_path: Path) -> None:
    outages = {"odds_api": [], "scores_api": []}
    import_history(
        app, write_history(tmp_path / "a.csv", since=MONDAY - 14 * DAY, until=MONDAY - 2 * DAY, outages=outages)
    )
    import_history(app, write_history(tmp_path / "b.csv", since=MONDAY - 2 * DAY + HOUR, until=MONDAY, outages=outages))
    report = weekly_report(app)
    assert (report.monitor.ran, report.monitor.due, report.monitor.before) == (2004, 2016, 100.0)
    assert report.monitor.gaps == ((MONDAY - 2 * DAY, MONDAY - 2 * DAY + HOUR),)
    assert report.monitor.without_verdict == 24
    assert report.figure("Fleet uptime").now == 100.0


def test_an_empty_store_has_a_report_too(app) -> None:
    report = weekly_report(app)
    assert (report.empty, report.sources, report.open, report.monitor.due) == (True, 2, (), 0)
    assert publish(app).notified == "not sent: nothing was observed in it"


@pytest.mark.parametrize(("label", "slices"), [("2026-W44", 2028), ("2026-W10", 2004), ("2026-W47", 2016)])
def test_the_week_of_a_clock_change_has_an_hour_more_or_less(app, label, slices) -> None:
    schedule = app.config.settings.schedule.model_copy(update={"zone": "America/New_York"})
    settings = app.config.settings.model_copy(update={"schedule": schedule})
    local = replace(app, config=replace(app.config, settings=settings))
    week = week_of(local, label)
    assert week.slices == slices
    assert (week.as_of - week.ends) in {7 * HOUR, SEVEN - week.ends}


@pytest.mark.parametrize("label", ["2026-W99", "2026-11", "30d", "week 47", "2027-W02"])
def test_what_is_no_week_is_refused_with_what_would_be_right(app, label) -> None:
    with pytest.raises(BadInput, match="week: "):
        weekly_report(app, label)


def test_a_running_week_ends_now(app) -> None:
    assert last_week(app) == "2026-W47"
    week = week_of(app, "2026-W48")
    assert (week.until, week.complete) == (SEVEN, False)
    assert publish(app, "2026-W48").notified == "not sent: the week is not over"


def test_a_report_is_told_once_per_channel_and_kept_as_it_was(month, clock, tmp_path: Path) -> None:
    assert receivers(month) == ("log", "also")
    first = publish(month)
    assert first.queued == ("log", "also")
    assert kept_report(month, "2026-W47") == first.report
    clock.advance(60)
    again = publish(month)
    assert (again.queued, again.notified) == ((), "sent before, to log, also")
    assert kept_report(month, "2026-W47").written_at == SEVEN + 60
    assert delivery_pass(month).delivered == 2
    (line,) = (tmp_path / "home" / "notifications.jsonl").read_text().splitlines()
    notified = json.loads(line)
    assert (notified["key"], notified["type"]) == ("report-weekly-2026-W47-log", "report.weekly")
    assert "1 of 2 sources met their SLA" in line
    (kept,) = kept_reports(month)
    assert (kept.period, kept.sent_at, kept.data) == ("2026-W47", SEVEN, "")


def test_filling_the_past_keeps_reports_and_sends_nothing(app) -> None:
    for label in ("2026-W45", "2026-W46"):
        published = publish(app, label)
        assert (published.queued, published.notified) == ((), "not sent: the week ended more than seven days ago")
    assert [k.period for k in kept_reports(app)] == ["2026-W46", "2026-W45"]
    assert all(k.sent_at is None for k in kept_reports(app))


def test_without_a_route_of_its_own_the_last_route_takes_the_report(app) -> None:
    policy = replace(app.config.policy, routes=app.config.policy.routes[1:])
    assert receivers(replace(app, config=replace(app.config, policy=policy))) == ("log",)


def test_scores_that_only_an_import_brought_have_a_slope_too(app, tmp_path: Path) -> None:
    """No one scores the source here: the rollups kept its daily means, and `too few days to say` was not true of them."""
    lines = ["timestamp,source,status,quality"]
    lines += [f"{iso(MONDAY - (25 * 24 - n) * HOUR)},bought_feed,up,{99.5 - n * 0.5 / 24:.2f}" for n in range(25 * 24)]
    (tmp_path / "bought.csv").write_text("\n".join(lines) + "\n")
    import_history(app, tmp_path / "bought.csv")
    row = next(r for r in weekly_report(app, "2026-W47").quality if r.source == "bought_feed")
    assert row.slope == pytest.approx(-0.5, abs=0.01)


def test_metrics_of_a_sources_own_stand_beside_those_of_the_week_before(
    tmp_path: Path, config: Path, store_url: str, clock
) -> None:
    """11 bookmakers in week 46, 4 in week 47 but for an hour of maintenance; what is left of a quota falls by itself."""
    (config / "sources.yaml").write_text(
        "version: 1\nsources:\n  - {name: odds_api, type: odds, probe: http, url: https://odds.example.com/, interval: 1h,\n"
        "     metrics: {books: {path: '$[*]', agg: count}, flat: {path: '$.x'}},\n"
        "     quota: {remaining: {header: x-left}, resets: monthly}}\n"
    )
    (config / "maintenance.yaml").write_text(
        "version: 1\nwindows: [{name: w, start: '2026-11-18T00:00', zone: UTC, duration: 1h}]\n"
    )
    environ = {"BUSTA_DATABASE_URL": store_url}
    with bootstrap.open_app(
        home=tmp_path / "home", config_dir=config, environ=environ, create_store=True, clock=clock
    ) as app:
        seen = []
        for slot in range(MONDAY - 14 * DAY, MONDAY, HOUR):
            week = slot >= MONDAY - 7 * DAY
            books = 1000.0 if slot == MONDAY - 5 * DAY else 4.0 if week else 11.0
            metrics = {"books": books, "flat": 5.0, "quota_remaining": 900.0 - (slot % 500)}
            seen.append(Observation("odds_api", slot, slot, Status.UP, metrics=metrics))
        with app.store.write() as uow:
            for one in seen:
                inside = {"odds_api"} if one.slot == MONDAY - 5 * DAY else ()
                uow.observations.add([one], in_maintenance=inside)
        assert [(r.metric, r.now, r.before, r.lowest, r.highest) for r in weekly_report(app).metrics] == [
            ("books", 4.0, 11.0, 4.0, 4.0),
            ("flat", 5.0, 5.0, 5.0, 5.0),
        ]
