"""The bar above every page: where one is, what there is for this caller, and nothing that answers with an error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests
from page_stories import guest, history, serving

from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.observation import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.testing import FakeClock

BAR = re.compile(r'<nav class="site" aria-label="Pages">(.*?)</nav>', re.DOTALL)


class Site:
    def __init__(self) -> None:
        self.base, self.role = "", Role.VIEWER

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.base}{path}", timeout=20)

    def bar(self, path: str) -> dict[str, str]:
        """Name -> address of what the page's bar offers."""
        found = BAR.search(self.get(path).text)
        return {n: h for h, n in re.findall(r'<a [^>]*href="([^"]+)"[^>]*>([^<]+)</a>', found[1])} if found else {}


@pytest.fixture
def site(app: App, clock: FakeClock) -> Iterator[Site]:
    history(app, clock, 2, odds_api=Status.DOWN)
    made = Site()
    with serving(guest(app, lambda: made.role)) as made.base:
        yield made


def test_every_page_is_two_clicks_from_every_other(site: Site) -> None:
    bar = site.bar("/source-health")
    assert list(bar) == ["Sources", "Alerts", "Incidents", "SLA", "Reports", "Maintenance", "Settings", "Dagster"]
    for path in [
        *bar.values(),
        "/source-health/s/odds_api",
        "/source-health/incidents/INC-1",
        "/source-health/s/nobody",
    ]:
        if path != "/":
            assert site.bar(path) == bar, path


def test_the_bar_says_where_one_is(site: Site) -> None:
    for name, path in list(site.bar("/source-health").items())[:-1]:
        answer = site.get(path)
        assert answer.status_code == 200, path
        here = re.findall(r'aria-current="page">([^<]+)<', answer.text)
        assert here == [name]


def test_the_audit_log_is_offered_to_admins_only(site: Site) -> None:
    for role, offered in ((Role.VIEWER, False), (Role.OPERATOR, False), (Role.ADMIN, True)):
        site.role = role
        assert ("Audit" in site.bar("/source-health")) is offered


def test_a_status_page_that_is_off_is_not_offered(site: Site) -> None:
    assert "Status" not in site.bar("/source-health")


def test_a_wall_and_the_login_have_no_bar(site: Site) -> None:
    for path in ("/source-health?wall=1", "/source-health/login"):
        assert site.bar(path) == {}
