from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from page_stories import world

from busta_health_dagster.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def app(tmp_path: Path, clock: FakeClock) -> Iterator[App]:
    opened = world(tmp_path / "home", clock)
    yield opened
    opened.close()
