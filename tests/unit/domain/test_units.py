"""Durations and instants as people write them, up to where they can be meant; and what is stored is always readable."""

from __future__ import annotations

import math
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter, ValidationError

from busta_health_dagster.domain.fields import Duration
from busta_health_dagster.domain.units import LONGEST_S, from_epoch, from_iso, iso, near_instant, parse_seconds

DURATION = TypeAdapter(Duration)


@pytest.mark.parametrize("text", ["3650d", "10y", "315360000s", "9y365d", "87600h"])
def test_ten_years_are_a_duration(text: str) -> None:
    assert parse_seconds(text) == LONGEST_S


@pytest.mark.parametrize("text", ["3651d", "10y1ms", "99999999999d", "1y" * 11, "9" * 5000 + "d", f"{'9' * 5000}.5ms"])
def test_more_than_ten_years_are_refused_in_a_short_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"is longer than 10 years, the longest duration; write 3650d or less") as said:
        parse_seconds(text)
    assert len(str(said.value)) < 120
    with pytest.raises(ValidationError, match="is longer than 10 years"):
        DURATION.validate_python(text)


@pytest.mark.parametrize("seconds", [1e20, math.inf, math.nan, -1.0])
def test_a_bare_number_of_a_file_is_no_way_around_the_bound(seconds: float) -> None:
    with pytest.raises(ValidationError, match="no duration between nothing and 10 years"):
        DURATION.validate_python(seconds)


@pytest.mark.parametrize("epoch", [8_640_000_000_000_000, 253_402_300_799, 2**63, math.inf])
def test_a_far_instant_reads_as_the_last_day_in_every_zone(epoch: float) -> None:
    assert from_epoch(epoch).date().isoformat() == "9999-12-31"
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        assert from_epoch(epoch).astimezone(ZoneInfo(zone)).year == 9999
        assert from_epoch(-epoch).astimezone(ZoneInfo(zone)).year == 1000
    if math.isfinite(epoch):
        assert iso(epoch) == "9999-12-31T00:00:00Z"
        assert from_iso(iso(-epoch)) < 0


def test_instants_that_people_give_lie_between_1970_and_2199() -> None:
    last = int((from_epoch(0).replace(year=2200) - timedelta(seconds=1)).timestamp())
    assert (near_instant(0), near_instant(last)) == (0, last)
    for epoch in (-1, last + 1, 2**70):
        with pytest.raises(ValueError, match="outside 1970 to 2199; write for instance 2026"):
            near_instant(epoch)
