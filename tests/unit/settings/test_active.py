"""`active:` of sources.yaml: how a season is written, what is wrong with one, and gates on a source that rests."""

from __future__ import annotations

from pathlib import Path

import pytest

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.season import ActiveTimes, DateRange, Season

ALWAYS_OFF = "{dates: 2001-01-01..2001-02-01, zone: UTC}"
ODDS = "type: odds, probe: http, url: 'https://example.com/odds'"


def diagnosed(tmp_path: Path, text: str, alerts: str | None = None):
    (tmp_path / "sources.yaml").write_text("version: 1\n" + text)
    if alerts is not None:
        (tmp_path / "alerts.yaml").write_text("version: 1\n" + alerts)
    return bootstrap.diagnose_config(tmp_path, {})


def season_of(tmp_path: Path, written: str) -> Season:
    found = diagnosed(tmp_path, f"sources:\n  - {{name: one, {ODDS}, active: {written}}}\n")
    assert found.config is not None, [str(p) for p in found.errors]
    season = found.config.sources["one"].active
    assert season is not None
    return season


@pytest.mark.parametrize(
    ("written", "times"),
    [
        ("{months: sep-feb, zone: UTC}", ActiveTimes("UTC", (DateRange((None, 9, 1), (None, 2, 29)),))),
        (
            "{months: [9, October], zone: UTC}",
            ActiveTimes("UTC", (DateRange((None, 9, 1), (None, 9, 30)), DateRange((None, 10, 1), (None, 10, 31)))),
        ),
        ("{dates: 2026-09-04..2027-02-15, zone: UTC}", ActiveTimes("UTC", (DateRange((2026, 9, 4), (2027, 2, 15)),))),
        ("{dates: [09-04..02-15], zone: UTC}", ActiveTimes("UTC", (DateRange((None, 9, 4), (None, 2, 15)),))),
        (
            "{weekdays: thu-mon, hours: '20:00-02:00', zone: UTC}",
            ActiveTimes("UTC", (), (0, 3, 4, 5, 6), ((1200, 120),)),
        ),
        (
            "{weekdays: [sat, Sunday], hours: ['09:00-12:00', '18:00-24:00'], zone: UTC}",
            ActiveTimes("UTC", (), (5, 6), ((540, 720), (1080, 1440))),
        ),
    ],
)
def test_a_season_is_written_as_people_say_it(tmp_path: Path, written: str, times: ActiveTimes) -> None:
    assert season_of(tmp_path, written) == Season((times,))


def test_several_entries_are_one_season_and_what_is_shown_reads_the_same_again(tmp_path: Path) -> None:
    season = season_of(
        tmp_path, "[{months: sep-feb, zone: America/New_York}, {weekdays: [mon], hours: '01:00-02:00', zone: UTC}]"
    )
    assert season.as_config() == [
        {"zone": "America/New_York", "dates": ["09-01..02-29"]},
        {"zone": "UTC", "weekdays": ["mon"], "hours": ["01:00-02:00"]},
    ]
    assert season_of(tmp_path, str(season.as_config())) == season


@pytest.mark.parametrize(
    ("written", "says", "remedy"),
    [
        ("{months: sep-fbe, zone: UTC}", "'fbe' is no month", "feb"),
        ("{months: sep-feb}", "zone", "zone"),
        ("{months: sep-feb, zone: Mars/Base}", "'Mars/Base' is not a zone", "IANA"),
        (
            "{months: sep-feb, dates: 09-01..10-01, zone: UTC}",
            "`months` and `dates` both say which days",
            "two entries",
        ),
        ("{zone: UTC}", "it says no time", "months: sep-feb"),
        ("{dates: 09-04, zone: UTC}", "'09-04' is not a range of days", "2026-09-04..2027-02-15"),
        ("{dates: 2026-09-04..02-15, zone: UTC}", "a year at one end only", "at both ends"),
        ("{dates: 2027-02-15..2026-09-04, zone: UTC}", "ends before it begins", "swap"),
        ("{dates: 2027-02-29..2027-03-01, zone: UTC}", "2027 has no 02-29", "2027-02-28"),
        ("{dates: 13-01..13-02, zone: UTC}", "'13-01' is no day of a year", "09-04"),
        ("{weekdays: funday, zone: UTC}", "'funday' is no weekday", "sun"),
        ("{hours: 9-17, zone: UTC}", "'9' is no time of day", "09:00"),
        ("{hours: '09:00-09:00', zone: UTC}", "is empty", "leave hours out"),
        ("[]", "an empty list would be off season for ever", "months: sep-feb"),
        ("{month: sep-feb, zone: UTC}", "month", "months"),
    ],
)
def test_what_is_wrong_with_a_season_is_named_with_its_remedy(
    tmp_path: Path, written: str, says: str, remedy: str
) -> None:
    found = diagnosed(tmp_path, f"sources:\n  - {{name: one, {ODDS}, active: {written}}}\n")
    assert len(found.errors) == 1, [str(p) for p in found.errors]
    problem = found.errors[0]
    assert problem.field.startswith("sources[0] one, active")
    assert says.lower() in f"{problem.field} {problem.message}".lower()
    assert remedy in f"{problem.message} {problem.remedy}"


def test_a_season_that_never_comes_again_is_a_warning(tmp_path: Path) -> None:
    found = diagnosed(tmp_path, f"sources:\n  - {{name: one, {ODDS}, active: {ALWAYS_OFF}}}\n")
    assert [p.message for p in found.warnings if "off season" in p.message] == [
        "one is off season and no season follows: it is never watched again."
    ]


def test_the_doctor_warns_of_a_consumer_whose_source_is_off_season(tmp_path: Path) -> None:
    sources = f"sources:\n  - {{name: one, {ODDS}, active: {ALWAYS_OFF}}}\n  - {{name: two, {ODDS}}}\n"
    rules = 'rules:\n  - {name: source-down, metric: status, op: "==", value: down, severity: warning}\n'
    found = diagnosed(tmp_path, sources + "consumers:\n  - {name: place-bets, sources: [two, one]}\n", rules)
    warned = {p.field: (p.message, p.remedy) for p in found.warnings if "gate holds" in p.message}
    assert list(warned) == ["consumers[0] place-bets, sources[1]"]
    says, remedy = warned["consumers[0] place-bets, sources[1]"]
    assert says == "one is off season: its gate holds place-bets until then."
    assert "widen `active` of one" in remedy


def test_the_doctor_warns_of_a_consumer_whose_source_is_all_in_shadow(tmp_path: Path) -> None:
    rules = 'rules:\n  - {name: source-down, metric: status, op: "==", value: down, severity: warning, shadow: true}\n'
    text = f"sources:\n  - {{name: one, {ODDS}}}\nconsumers:\n  - {{name: place-bets, sources: [one]}}\n"
    found = diagnosed(tmp_path, text, rules)
    assert [p.message for p in found.warnings if "in shadow" in p.message] == [
        "Every rule of one is in shadow: its gate holds place-bets, and no one is notified why."
    ]


def test_the_doctor_warns_of_a_consumer_whose_source_is_still_rolled_out(tmp_path: Path) -> None:
    rules = 'rules:\n  - {name: source-down, metric: status, op: "==", value: down, severity: warning}\n'
    text = (
        f"sources:\n  - {{name: one, {ODDS}, rollout: {{until: 2199-01-01T00:00}}}}\n"
        "consumers:\n  - {name: place-bets, sources: [one]}\n"
    )
    found = diagnosed(tmp_path, text, rules)
    assert ["Every rule of one is in shadow" in p.message for p in found.warnings if "gate holds" in p.message] == [
        True
    ]
