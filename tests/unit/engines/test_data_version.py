"""The same version means the same data."""

from __future__ import annotations

import pytest

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.engines.data_version import data_version


def version(status: Status = Status.UP, items: int | None = None, **facts: object) -> str | None:
    return data_version(Observation("odds", 0, 0, status, items=items, facts=facts))


def test_the_newest_time_in_the_data_rules_over_a_page_that_prints_the_time_of_day() -> None:
    first = version(items=3, newest="2026-11-29T20:00:00Z", content="sha256 aa")
    assert first == version(items=3, newest="2026-11-29T20:00:00Z", content="sha256 bb")
    assert first != version(items=3, newest="2026-11-29T20:05:00Z", content="sha256 aa")
    assert first != version(items=4, newest="2026-11-29T20:00:00Z", content="sha256 aa")


def test_without_a_time_the_content_counts_and_without_that_the_number_of_items() -> None:
    assert version(content="etag abc") == "etag abc"
    assert version(items=7) == "7 items"
    assert version(items=7, data_version="batch-9", newest="2026-11-29T20:00:00Z") == "batch-9, 7 items"


def test_a_port_has_no_data_and_a_failure_delivers_none() -> None:
    assert version() is None


@pytest.mark.parametrize("status", [Status.DOWN, Status.UNKNOWN])
def test_what_does_not_deliver_has_no_version(status: Status) -> None:
    assert version(status, items=1, content="sha256 aa") is None
