"""Bands: own, from the type, or none; wide enough for nine polls in ten."""

import numpy as np
import pytest

from busta_health_dagster.domain.anomaly import Basis, Metric
from busta_health_dagster.engines.anomaly.bank import DetectorBank, WatchedSource
from busta_health_dagster.engines.anomaly.ranges import source_normal_ranges, source_week, type_week
from busta_health_dagster.engines.baseline.known_events import Standing


@pytest.mark.parametrize(
    ("metric", "values"), [(Metric.ITEMS, "items"), (Metric.RESPONSE, "response_ms"), (Metric.QUALITY, "quality")]
)
def test_nine_in_ten_polls_lie_within_the_own_band(grown, metric, values):
    bank, days = grown()
    found = source_normal_ranges(bank, "source0", metric, days.slots[:288], [Standing()] * 288)
    inside = [b.p5 <= v <= b.p95 for b, v in zip(found, getattr(days, values)[:288, 0], strict=True)]
    assert {b.basis for b in found} == {Basis.OWN}
    assert 0.84 <= np.mean(inside) <= 0.97


def test_a_source_without_a_poll_has_its_types_band(grown):
    bank, _ = grown()
    bank.sync([*bank.sources, WatchedSource("newcomer", "odds_api", 300), WatchedSource("stranger", "weather", 300)])
    new, old = source_week(bank, "newcomer", Metric.ITEMS), source_week(bank, "source0", Metric.ITEMS)
    assert {b.basis for b in new} == {Basis.TYPE}
    assert new[18].p50 == pytest.approx(old[18].p50, rel=0.3)
    assert new[18].p95 - new[18].p5 > old[18].p95 - old[18].p5
    assert {b.basis for b in source_week(bank, "stranger", Metric.ITEMS)} == {Basis.NONE}


def test_a_type_has_a_week_and_an_unknown_type_none(grown):
    bank, _ = grown()
    week = type_week(bank, "odds_api", Metric.ITEMS)
    assert week is not None
    assert len(week) == 168
    assert week[18].p50 > 1.8 * week[6].p50
    assert type_week(bank, "weather", Metric.ITEMS) is None
    assert type_week(DetectorBank(), "odds_api", Metric.ITEMS) is None
