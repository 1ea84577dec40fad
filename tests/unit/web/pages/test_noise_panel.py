"""The panel of what was sent says what `busta alerts noise` says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests
from page_stories import guest, history, seen, serving, tick

from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.pipeline.alerting import actions
from busta_health_dagster.pipeline.views.alert_noise import alert_noise
from busta_health_dagster.web.pages.noise_view import noise_view

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.testing import FakeClock


def panel(app: App) -> str:
    with serving(guest(app, lambda: Role.VIEWER)) as base:
        page = requests.get(f"{base}/source-health", timeout=20).text
    found = re.search(r'<section class="card" aria-labelledby="h-noise">.*?</section>', page, re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


@pytest.fixture
def noisy(app: App, clock: FakeClock) -> App:
    """odds_api: one outage that someone acted upon; scores_api: three that were over by themselves."""
    history(app, clock, 2, odds_api=Status.DOWN)
    actions.acknowledge(app, [1], actor="op-1")
    for status in ([Status.DOWN] + [Status.UP] * 8) * 3:
        clock.advance(300)
        tick(app, *(seen(app, n, status if n == "scores_api" else Status.UP) for n in app.config.sources))
    return app


def test_it_names_what_no_one_acts_upon_first(noisy: App) -> None:
    said = panel(noisy)
    table = alert_noise(noisy, 28 * 86400)
    assert [i["source"] for i in table["items"]] == ["scores_api", "odds_api"]
    assert said.index("scores_api") < said.index("odds_api")
    first, second = table["items"]
    assert (first["acknowledged_percent"], second["acknowledged_percent"]) == (0, 100)
    alone = [f"{i['self_resolved_percent']:g}%" for i in (first, second)]
    assert f"scores_api source-down {first['per_week']:.1f} 0% no one acted {alone[0]}" in said
    assert f"odds_api source-down {second['per_week']:.1f} 100% {alone[1]}" in said
    assert f"{table['per_week']:.1f} a week" in said


def test_without_a_message_it_says_so(app: App, clock: FakeClock) -> None:
    history(app, clock, 2)
    assert panel(app).endswith("No message about an alert.")


def test_what_does_not_fit_is_counted_and_a_share_of_nothing_is_no_zero() -> None:
    item = {"source": "a", "rule": "r", "notifications": 1, "per_week": 0.25, "alerts": 0, "unheeded": 1}
    rows = [item | {"acknowledged_percent": None, "self_resolved_percent": None}] * 9
    found = noise_view({"since": "", "until": "", "notifications": 9, "per_week": 2.25, "items": rows})
    assert found is not None
    assert (len(found["rows"]), found["more"], found["rows"][0]["acted"], found["rows"][0]["unheeded"]) == (
        6,
        3,
        "—",
        False,
    )
    assert noise_view(None) is None
