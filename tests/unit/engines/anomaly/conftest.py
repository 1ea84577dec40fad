"""One source with sixteen calm days behind it, learned once for all tests of this room."""

from collections.abc import Callable

import pytest

from busta_health_dagster.engines.anomaly.bank import DetectorBank
from tests.unit.engines.anomaly.fleet import Days, bank_of

CALM_DAYS = 16


@pytest.fixture(scope="session")
def learned() -> tuple[dict[str, bytes], dict[str, bytes], int]:
    days = Days(2, CALM_DAYS, seed=3)
    bank = bank_of(days)
    quiet = days.play(bank)
    return bank.dump_hot(), {name: cold.to_bytes() for name, cold in bank._cold.items()}, len(quiet)


@pytest.fixture
def grown(learned) -> Callable[[], tuple[DetectorBank, Days]]:
    """A fresh bank with the learned state, and the two days that follow."""

    def make() -> tuple[DetectorBank, Days]:
        after = Days(2, CALM_DAYS + 2, seed=4)
        for name in ("slots", "items", "response_ms", "quality", "data_age_s", "status", "maintenance"):
            setattr(after, name, getattr(after, name)[CALM_DAYS * 288 :])
        bank = bank_of(after)
        bank.load_hot(learned[0])
        for name, blob in learned[1].items():
            bank.load_cold(name, blob)
        return bank, after

    return make
