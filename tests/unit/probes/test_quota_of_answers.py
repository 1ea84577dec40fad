"""`quota:` of a source: read from real answers, shown on every surface, and wrong ones refused by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from http_stories import Answer, answering

from busta_health_dagster import bootstrap
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.tick.tick import run_tick
from busta_health_dagster.pipeline.views.source_page import source_page
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web.metrics import render

T0 = 1_795_420_800  # 2026-11-23T08:00:00Z
ALERTS = """\
version: 1
channels: [{name: log, kind: file, path: "%s/notifications.jsonl"}]
rules: [{name: quota-ends, pattern: quota, for: 2, severity: warning}]
escalations: [{name: default, steps: [{after: 0m, severity: warning, notify: [log]}]}]
routes: [{select: {}, escalation: default}]
"""


class Api:
    """Two credits an answer, as a header and inside the payload."""

    def __init__(self) -> None:
        self.left: int | str = 100
        self.url = ""

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        del path, headers
        if isinstance(self.left, int):
            self.left -= 2
        body = json.dumps({"meta": {"left": self.left, "limit": 500}}).encode()
        return Answer(body, 200, {"Content-Type": "application/json", "X-Requests-Remaining": str(self.left)})


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    with answering(api.answer) as at:
        api.url = f"http://{at}/odds"
        yield api


@pytest.mark.parametrize(
    "quota",
    [
        "{remaining: {header: x-requests-remaining}, limit: 500, resets: monthly}",
        "{remaining: {path: $.meta.left}, limit: {path: $.meta.limit}, resets: monthly}",
    ],
)
def test_what_is_left_is_read_and_told_before_it_is_gone(tmp_path: Path, api: Api, quota: str) -> None:
    (tmp_path / "sources.yaml").write_text(
        f"version: 1\nsources:\n  - {{name: odds, type: odds, probe: http, url: '{api.url}', allow_private: true, quota: {quota}}}\n"
    )
    (tmp_path / "alerts.yaml").write_text(ALERTS % tmp_path)
    clock = FakeClock(T0)
    environ = {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(tmp_path)}
    with bootstrap.open_app(environ=environ, create_store=True, clock=clock) as app:
        for _ in range(6):
            run_tick(app)
            clock.advance(300)
        told = Monitor(app, "someone").source("odds")["quota"]
        assert told is not None
        assert (told["remaining"], told["limit"], told["per_day"], told["short"]) == (88, 500, 576, True)
        assert (told["ends_at"], told["resets_at"]) == ("2026-11-23T12:05:00Z", "2026-12-01T00:00:00Z")
        page = source_page(app, "odds")
        assert page.quota is not None
        assert page.quota.reason == told["reason"]
        metrics = render(app).decode()
        assert 'busta_quota_remaining{source="odds"} 88.0' in metrics
        assert 'busta_quota_ends_at{source="odds"} 1795435500.0' in metrics
        with app.store.read() as uow:
            assert [(a.rule, a.bad_reason) for a in uow.alerts.open()] == [("quota-ends", told["reason"])]


def test_a_header_that_is_no_number_is_said(tmp_path: Path, api: Api) -> None:
    api.left = "plenty"
    (tmp_path / "sources.yaml").write_text(
        f"version: 1\nsources:\n  - {{name: odds, type: odds, probe: http, url: '{api.url}', allow_private: true, "
        "quota: {remaining: {header: x-requests-remaining}, resets: monthly}}\n"
    )
    environ = {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(tmp_path)}
    with bootstrap.open_app(environ=environ, create_store=True, clock=FakeClock(T0)) as app:
        run_tick(app)
        row = Monitor(app, "someone").source("odds")
    assert (row["reason_code"], row["quota"]) == ("metric_unreadable", None)
    assert "quota_remaining: 'plenty' is not a number at header x-requests-remaining" in row["reason"]


@pytest.mark.parametrize(
    ("written", "says", "remedy"),
    [
        ("{remaining: {header: x-left}}", "one of `reset` and `resets`", "resets: monthly"),
        (
            "{remaining: {header: x-left}, resets: monthly, reset: {header: x-reset}}",
            "one of `reset` and `resets`",
            "resets",
        ),
        ("{remaining: {}, resets: monthly}", "it stands at one place", "{header: x-requests-remaining}"),
        ("{remaining: {header: x-left}, resets: daily, day: 3}", "`day` belongs to", "remove it"),
        ("{remaining: {header: x-left}, resets: weekly, day: 9}", "a week has no day 9", "Monday"),
        ("{remaining: {header: x-left}, resets: monthly, zone: Mars}", "'Mars'", ""),
        ("{remaining: {header: x-left}, resets: yearly}", "yearly", "monthly"),
        ("{resets: monthly}", "remaining", "remaining"),
    ],
)
def test_what_is_wrong_with_a_quota_is_named(tmp_path: Path, written: str, says: str, remedy: str) -> None:
    (tmp_path / "sources.yaml").write_text(
        f"version: 1\nsources:\n  - {{name: odds, type: odds, probe: http, url: 'https://example.com', quota: {written}}}\n"
    )
    found = bootstrap.diagnose_config(tmp_path, {})
    assert len(found.errors) == 1, [str(p) for p in found.errors]
    problem = found.errors[0]
    assert problem.field.startswith("sources[0] odds, quota")
    assert says in f"{problem.field} {problem.message}"
    assert remedy in f"{problem.message} {problem.remedy}"


def test_a_metric_may_not_take_the_name_of_the_quotas_own(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(
        "version: 1\nsources:\n  - {name: odds, type: odds, probe: http, url: 'https://example.com', "
        "metrics: {quota_remaining: {header: x-left}}, quota: {remaining: {header: x-left}, resets: monthly}}\n"
    )
    found = bootstrap.diagnose_config(tmp_path, {})
    assert ["the metric 'quota_remaining' is taken by `quota`" in p.message for p in found.errors] == [True]
