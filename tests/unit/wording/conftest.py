from __future__ import annotations

import pytest

from busta_health_dagster.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
