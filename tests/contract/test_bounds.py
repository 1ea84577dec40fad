"""What a stranger types that no one can mean: refused in a sentence before anything is stored, over REST and on a terminal.
And a row that an older version stored all the same takes nothing down.
"""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from small_home import environ_of, served, small_home
from typer.testing import CliRunner

from busta_health_dagster.cli.main import app as busta
from busta_health_dagster.domain.maintenance import Window
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.pipeline.alerting import actions
from busta_health_dagster.pipeline.service_levels.service_levels import ask, service_levels

ENDLESS = "99999999999d"
WINDOW = {"name": "move", "select": {}, "duration": "1h"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bounds")


@pytest.fixture(scope="module")
def app(base: Path):
    with small_home(base) as opened:
        yield opened


@pytest.fixture(scope="module")
def web(app):
    with served(app) as url:
        yield f"{url}/api/v1/"


@pytest.fixture
def here(app, base: Path):
    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(busta, [*words], env={**environ_of(base), "BUSTA_URL": None, "COLUMNS": "200"})
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, " ".join(done.output.replace("│", " ").split())

    return run


def stored(app) -> tuple[int, int]:
    with app.store.read() as uow:
        return len(uow.maintenance.all()), len(uow.audit.list(1000))


@pytest.mark.parametrize(
    ("words", "field", "says"),
    [
        (["maintenance", "add", "x", "--for", ENDLESS, "--all"], "--for", "longer than 10 years"),
        (["maintenance", "add", "x", "--for", "1h", "--all", "--start", "9999-12-31T23:59"], "start", "1970 to 2199"),
        (["maintenance", "add", "x", "--for", "1h", "--all", "--start", "0001-01-01"], "start", "1970 to 2199"),
        (["maintenance", "preview", "--from", "9999-12-30", "--until", "99999999d"], "--from", "1970 to 2199"),
        (["maintenance", "preview", "--until", "99999999d"], "--until", "longer than 10 years"),
        (["maintenance", "preview", "--from", "2199-12-30", "--until", "9y"], "until", "1970 to 2199"),
        (["alerts", "snooze", "1", "--for", ENDLESS], "--for", "longer than 10 years"),
        (["sources", "history", "good_file", "--since", ENDLESS], "--since", "longer than 10 years"),
    ],
)
def test_the_terminal_refuses_what_is_too_long_or_too_far_and_stores_nothing(app, here, words, field, says) -> None:
    before = stored(app)
    code, said = here(*words)
    assert (code, stored(app)) == (2, before)
    assert field in said
    assert says in said


@pytest.mark.parametrize(
    ("path", "body", "field", "says"),
    [
        ("maintenance", WINDOW | {"duration": "999999d"}, "duration", "longer than 10 years"),
        ("maintenance", WINDOW | {"duration": "999999d999999d"}, "duration", "longer than 10 years"),
        ("maintenance", WINDOW | {"duration": "soon"}, "duration", "is not a duration; write 30s"),
        ("maintenance", WINDOW | {"start": "9999-12-31T23:59"}, "start", "1970 to 2199"),
        ("maintenance", WINDOW | {"exdates": ["9999-12-31T23:59"]}, "exdates", "1970 to 2199"),
        ("alerts/1/snooze", {"for": "999999d"}, "for", "longer than 10 years"),
        ("gate/good_file/open", {"for": "999999d", "reason": "x"}, "for", "longer than 10 years"),
    ],
)
def test_rest_refuses_it_with_the_field_and_stores_nothing(app, web: str, path, body, field, says) -> None:
    before = stored(app)
    answer = requests.post(web + path, json=body, timeout=60)
    assert (answer.status_code, stored(app)) == (422, before)
    assert field in answer.json()["detail"]
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("sources/good_file/observations?since=999999d", "query.since: '999999d' is longer than 10 years"),
        ("sources/good_file/quality?since=999999d", "query.since: '999999d' is longer than 10 years"),
        ("gate/status?max_data_age=999999d", "query.max_data_age: '999999d' is longer than 10 years"),
        ("maintenance/occurrences?since=9999-12-01T00:00:00Z&until=9999-12-31T00:00:00Z", "1970 to 2199"),
        ("sla?at=9999-12-31T00:00:00Z", "at: an instant outside 1970 to 2199; write for instance"),
    ],
)
def test_rest_refuses_a_question_about_it(web: str, path, says) -> None:
    answer = requests.get(web + path, timeout=60)
    assert answer.status_code in {400, 422}
    assert says in answer.json()["detail"]


def test_what_an_older_version_stored_takes_down_neither_lists_nor_pages_nor_alerts(app, here, web: str) -> None:
    far = datetime(9999, 12, 31, 23, 59)
    windows = [
        Window("endless", Selector(), datetime(2026, 1, 1), "UTC", 86400 * 99_999_999_999),
        Window("far", Selector(), far, "America/New_York", 3600),
        Window("far-weekly", Selector(), far, "Asia/Tokyo", 3600, rrule="FREQ=WEEKLY;BYDAY=FR"),
    ]
    with app.store.write() as uow:
        kept = [uow.maintenance.add(replace(w, origin="store"), app.now()) for w in windows]
    actions.snooze(app, [1], actor="an older version", for_s=86400.0 * 99_999_999_999)
    try:
        for page in ("", "s/good_file", "s/gone_file"):
            shown = requests.get(web.replace("api/v1/", f"source-health/{page}"), timeout=60)
            assert shown.status_code == 200, page
        for path in ("maintenance", "status", "fleet", "alerts?state=all", "sla", "sources/good_file", "incidents"):
            assert requests.get(web + path, timeout=60).status_code == 200, path
        for words in (
            ["maintenance", "list"],
            ["maintenance", "preview"],
            ["sources", "health"],
            ["sla"],
            ["alerts", "explain", "good_file"],
            ["alerts", "explain", "1"],
            ["alerts", "list"],
            ["alerts", "show", "1"],
        ):
            assert here(*words)[0] == 0, words
        listed = requests.get(f"{web}maintenance", timeout=60).json()["items"]
        (endless,) = [row for row in listed if row["window"] == "endless"]
        assert endless["next"]["end"] == "9999-12-31T00:00:00Z"
        assert here("maintenance", "end", "endless")[0] == 0
    finally:
        with app.store.write() as uow:
            for window in kept:
                uow.maintenance.remove(window.id, int(datetime.now(UTC).timestamp()))


@pytest.mark.parametrize("window", [ENDLESS, "3650d", "1826d", "2000y"])
def test_a_window_is_at_most_five_years(here, web: str, window: str) -> None:
    says = f"window: {window!r} is longer than 5 years, which is how long daily numbers are kept; write 1825d or less"
    for path in ("sla", "incidents"):
        answer = requests.get(web + path, params={"window": window}, timeout=60)
        assert (answer.status_code, answer.json()["detail"]) == (400, says)
    for words in (["sla"], ["incidents", "list"]):
        code, said = here(*words, "--window", window)
        assert code == 2
        assert says in said


@pytest.mark.parametrize("window", ["9999-W52", "9999-12", "0001-W01", "0001-01", "2200-01"])
def test_a_calendar_window_lies_in_what_people_can_mean(here, web: str, window: str) -> None:
    says = f"{window!r} lies outside 1970 to 2199; write for instance 2026-W47 or 2026-11"
    answer = requests.get(f"{web}sla", params={"window": window}, timeout=60)
    assert (answer.status_code, answer.json()["detail"]) == (400, f"window: {says}")
    asked = [["sla", "--window", window], ["report", "weekly", "--week", window]]
    for words in asked:
        code, said = here(*words)
        assert code == 2
        assert says in said


def test_five_years_of_a_young_home_are_answered_from_what_it_saw(app) -> None:
    asked = ask(app, "1825d")
    tracemalloc.start()
    levels = service_levels(app, asked)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert {level.result.source: level.result.good for level in levels}["good_file"] == 1
    assert most < 5_000_000


@pytest.mark.parametrize("digits", ["9223372036854775808", "9" * 23, "9" * 5000])
def test_an_id_that_no_database_can_hold_is_an_unknown_one(here, digits: str) -> None:
    for words in (["ack"], ["unack"], ["snooze", "--for", "2h"], ["resolve"], ["explain"]):
        code, said = here("alerts", words[0], digits, *words[1:])
        assert code == 2
        assert f"There is no alert {digits[:40]}" in said
    assert here("alerts", "show", digits)[0] == 2
    code, said = here("incidents", "show", digits)
    assert code == 2
    assert "There is no incident" in said or "is not an incident's id; write INC-4127" in said
    assert here("maintenance", "end", digits)[0] == 2


def test_over_rest_it_is_not_found(web: str) -> None:
    for path in (f"alerts/{2**63}", f"alerts/{'9' * 23}/explain", f"maintenance/{2**63}", f"incidents/INC-{'9' * 23}"):
        answer = requests.get(web + path, timeout=60)
        assert (answer.status_code, answer.json()["title"]) == (404, "No such thing"), path
    assert requests.post(f"{web}alerts/{'9' * 23}/ack", json={}, timeout=60).status_code == 404


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("incidents/INC-x", "path.incident: 'INC-x' is not an incident's id; write INC-4127"),
        ("sources/Odds-API", "path.name: 'Odds-API' is not a source's name: a small letter, then"),
        ("reports/47", "path.week: '47' is not a week; write 2026-W47, or last"),
        ("gate?sources=a;b", "query.sources: 'a;b' is not a list of sources; write their names with commas"),
        ("sources?state=fine", "query.state: Input should be 'up', 'degraded'"),
        ("sources/good_file/observations?since=soon", "query.since: 'soon' is not a duration; write 30s"),
        ("sla?window=soon", "window: 'soon' is not a window; write 24h"),
        ("sla?at=soon", "at: 'soon' is not a time with its zone; write"),
        ("reports/2026-W60", "week: '2026-W60' is not an ISO week"),
    ],
)
def test_rest_names_the_parameter_and_says_a_sentence(web: str, path: str, says: str) -> None:
    answer = requests.get(web + path, timeout=60)
    assert answer.status_code in {400, 422}
    assert answer.json()["detail"].startswith(says)
    assert "--" not in answer.json()["detail"]
    assert "pattern" not in answer.json()["detail"]
