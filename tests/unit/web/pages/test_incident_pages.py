"""The pages of incidents: a list with filters, and one page that an id leads to for ever."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests
from page_stories import HOSTILE, guest, history, seen, serving, tick

from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.pipeline.alerting import actions
from busta_health_dagster.pipeline.facade import Monitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.testing import FakeClock


@pytest.fixture
def role() -> list[Role]:
    return [Role.OPERATOR]


@pytest.fixture
def get(app: App, clock: FakeClock, role: list[Role]) -> Iterator[Callable[[str], requests.Response]]:
    """odds_api was down and is up again (INC-1), scores_api is down (INC-2)."""
    history(app, clock, 2, odds_api=Status.DOWN)
    actions.acknowledge(app, [1], actor="dana", note=HOSTILE)
    for _ in range(3):
        clock.advance(300)
        tick(app, *(seen(app, name) for name in app.config.sources))
    clock.advance(300)
    tick(app, *(seen(app, n, Status.DOWN if n == "scores_api" else Status.UP) for n in app.config.sources))
    clock.advance(10)  # a window ends before its last instant
    with serving(guest(app, lambda: role[0])) as base:
        yield lambda path: requests.get(f"{base}/source-health{path}", timeout=20)


def words(answer: requests.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def listed(answer: requests.Response) -> list[str]:
    return re.findall(r'href="/source-health/incidents/(INC-[\d.]+)"', answer.text)


def test_the_list_says_what_the_command_says_open_ones_first(get: Callable[[str], requests.Response], app: App) -> None:
    page, table = get("/incidents"), Monitor(app, "test").incidents(None, "30d")
    assert listed(page) == [i["id"] for i in table["incidents"]] == ["INC-2", "INC-1"]
    assert "Open 1 now" in words(page)
    assert "Resolved 1 in the window" in words(page)
    assert "MTTR 5 min" in words(page)


def test_filters_live_in_the_address_and_an_empty_answer_leads_back(get: Callable[[str], requests.Response]) -> None:
    assert listed(get("/incidents?state=resolved")) == ["INC-1"]
    assert listed(get("/incidents?source=scores_api")) == ["INC-2"]
    assert listed(get("/incidents?rule=source-down&severity=warning")) == ["INC-2", "INC-1"]
    assert listed(get("/incidents?state=nonsense&window=nonsense&page=x")) == ["INC-2", "INC-1"]
    nothing = get("/incidents?rule=slow-response")
    assert "No incident matches." in nothing.text
    assert "Show all 2" in nothing.text
    assert get("/incidents?source=nobody").status_code == 404


def test_an_incident_has_everything_that_happened_who_did_it_and_what_was_sent(
    get: Callable[[str], requests.Response], app: App
) -> None:
    Monitor(app, "dana").write_note("INC-1", "expired API key", kind="cause")
    Monitor(app, "erin").write_note("INC-1", "called the provider", kind="note")
    said = words(get("/incidents/INC-1"))
    for part in (
        *("odds_api", "RESOLVED", "Lasted 5 min", "People dana, erin", "Acknowledged: source-down, by dana"),
        *("Cause expired API key", "Note by erin called the provider"),
        *("Notifications", "log opened", "Resolved: source-down"),
    ):
        assert part in said


def test_its_document_is_what_the_page_shows(get: Callable[[str], requests.Response], app: App) -> None:
    found = Monitor(app, "test").incident("INC-1")
    assert [e["actor"] for e in found["timeline"] if e["event"] == "acked"] == ["dana"]
    assert {(n["channel"], n["kind"]) for n in found["notifications"]} >= {("log", "opened"), ("log", "resolved")}
    text = get("/incidents/INC-1").text
    assert text.count('<tr><th scope="row" class="nw">') == len(found["notifications"])


def test_what_people_wrote_is_text(get: Callable[[str], requests.Response], app: App) -> None:
    Monitor(app, "dana").write_note("INC-2", HOSTILE, kind="cause")
    for path in ("/incidents", "/incidents/INC-1", "/incidents/INC-2"):
        text = get(path).text
        assert "<script>alert" not in text
        assert "<img" not in text


def test_operators_act_on_an_open_incident_and_viewers_read_it(
    get: Callable[[str], requests.Response], role: list[Role]
) -> None:
    text = get("/incidents/INC-2").text
    assert 'data-act="ack" data-alert="2"' in text
    assert 'data-act="cause" data-incident="INC-2"' in text
    assert 'data-act="ack"' not in get("/incidents/INC-1").text
    role[0] = Role.VIEWER
    assert "data-act" not in get("/incidents/INC-2").text


def test_any_of_its_alerts_leads_to_it_and_what_is_none_says_so(get: Callable[[str], requests.Response]) -> None:
    assert get("/incidents/inc-2").status_code == 200
    for name, why in (
        ("INC-999", "There is no incident INC-999"),
        ("nonsense", "write INC-4127"),
        ("INC-1.7", "makes no incident"),
    ):
        answer = get(f"/incidents/{name}")
        assert answer.status_code == 404
        assert why in words(answer)


def test_without_an_incident_the_page_says_what_one_is(app: App, clock: FakeClock) -> None:
    history(app, clock, 2)
    with serving(guest(app, lambda: Role.VIEWER)) as base:
        page = requests.get(f"{base}/source-health/incidents", timeout=20).text
    assert "An incident begins when an alert opens" in page
