"""What the detector learned comes back byte for byte, the verdict with all its findings, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store_stories import T0, synced

from busta_health_dagster.domain.anomaly import AnomalyVerdict, Change, Finding, Judgement, Metric, Term
from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.store.baselines import Learned

if TYPE_CHECKING:
    from busta_health_dagster.store import Store

FINDING = Finding("odds", Metric.ITEMS, Term.STEP, Change.OPENED, T0, T0 - 600, 6.2, 4.8, 120.0, None, "items 3 where")
BAD = AnomalyVerdict(Judgement.BAD, "items 3 where 120", True, T0 - 600, 6.2, (FINDING,))


def test_state_and_verdict_come_back_as_they_went_in_and_are_replaced(store: Store) -> None:
    synced(store, odds=300, news=300, silent=300)
    hot = {"odds": bytes(range(256)) * 40, "news": b"\0"}
    first = {"odds": Learned(T0, T0 - 5, BAD), "news": Learned(T0)}
    with store.write() as uow:
        uow.baselines.put(first, hot, T0 + 9)
        uow.baselines.put_cold({"odds": b"three weeks"}, T0 + 9)
    with store.read() as uow:
        assert uow.baselines.learned() == first
        assert uow.baselines.learned(["odds", "silent"]) == {"odds": first["odds"]}
        assert uow.baselines.hot() == hot
        assert uow.baselines.hot(["news"]) == {"news": b"\0"}
        assert uow.baselines.cold(["odds", "news"]) == {"odds": b"three weeks"}
    with store.write() as uow:
        uow.baselines.put({"odds": Learned(T0 + 300)}, {"odds": b"next"}, T0 + 300)
        uow.baselines.put_cold({"odds": b"four"}, T0 + 300)
        uow.baselines.put({}, {}, T0)
    with store.read() as uow:
        assert uow.baselines.learned() == first | {"odds": Learned(T0 + 300)}
        assert (uow.baselines.hot()["odds"], uow.baselines.cold(["odds"])["odds"]) == (b"next", b"four")


def test_a_baseline_of_an_unknown_source_is_refused_and_nothing_is_written(store: Store) -> None:
    synced(store, odds=300)
    with pytest.raises(UnknownName), store.write() as uow:
        uow.baselines.put({"odds": Learned(T0), "typo": Learned(T0)}, {"odds": b"", "typo": b""}, T0)
    with store.read() as uow:
        assert uow.baselines.learned() == {}
