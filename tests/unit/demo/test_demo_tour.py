"""`busta demo --tour`: every stop is there, and what is announced happens."""

from __future__ import annotations

import re

import pytest

from busta_health_dagster.demo.scenarios import SCENARIOS
from busta_health_dagster.demo.tour import COMING, tour

URL = "http://127.0.0.1:3000"


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_announced_happens_at_that_minute_and_not_before(name: str) -> None:
    scenario = SCENARIOS[name]
    announced = [
        (int(match[1]) * 60, match[2])
        for line in tour(scenario, URL)
        if (match := re.fullmatch(r" +(\d+) min after the start, (\w+) .+", line))
    ]
    assert len(announced) <= COMING
    for at, source in announced:
        incident = scenario.incident(source, at)
        assert incident is not None
        assert incident.start_s == at
    for at, source in announced[:1]:
        sooner = [i for i in (*scenario.script, *scenario.loop) if i.source != source and 0 < i.start_s < at]
        assert not [i for i in sooner if i in scenario.script]


def test_the_first_stops_are_about_what_is_wrong_at_the_start() -> None:
    lines = tour(SCENARIOS["default"], URL)
    assert "6 sources in trouble" in lines[0] or "5 sources in trouble" in lines[0]
    ill = re.search(r"/s/(\w+)", lines[1])
    assert ill is not None
    assert SCENARIOS["default"].incident(ill[1], 0) is not None
    assert "everything is up" in tour(SCENARIOS["calm"], URL)[0]
