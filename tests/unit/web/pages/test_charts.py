"""Charts say their finding in words, keep to their box, and draw the normal band where one is known."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.incident import Incident
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.pipeline.views.source_page import Normal
from busta_health_dagster.store.rollup_queries import Bar
from busta_health_dagster.web.pages import charts, gantt

T = 1_795_420_800
BARS = st.builds(
    lambda status, planned, ms: (status, planned, None if status in (None, Status.DOWN, Status.UNKNOWN) else ms),
    st.none() | st.sampled_from(Status),
    st.booleans(),
    st.floats(0.2, 60_000),
)


@given(st.lists(BARS, min_size=1, max_size=60), st.none() | st.floats(1, 20_000))
def test_any_day_can_be_drawn(day: list[tuple[Status | None, bool, float | None]], limit: float | None) -> None:
    points = [Bar(T + 300 * i, status, planned, ms) for i, (status, planned, ms) in enumerate(day)]
    chart = charts.response(points, T, T + 300 * len(points), limit=limit, normal_range=(), window="24 h")
    assert chart.finding.endswith(".")
    if chart.svg:
        assert not re.search(r"\bnan\b", str(chart.svg))
        root = ET.fromstring(str(chart.svg))
        assert root.get("aria-label") == chart.finding
        line = next((p.get("d") or "" for p in root.iter("path") if p.get("class") == "ln"), "")
        heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([-\d.]+)", line)]
        assert all(-1 <= y <= 101 for y in heights)


def test_the_normal_band_is_drawn_and_named_where_there_is_one() -> None:
    points = [Bar(T + 300 * i, Status.UP, False, 200.0) for i in range(10)]
    normal_range = [Normal(T + 300 * i, 130.0, 260.0) for i in range(10)]
    chart = charts.response(points, T, T + 3000, limit=5000, normal_range=normal_range, window="24 h")
    assert 'class="bd"' in chart.svg
    assert ("sw", "normal for the hour of the week (p5–p95)") in chart.legend
    assert 'class="bd"' not in charts.response(points, T, T + 3000, limit=5000, normal_range=(), window="24 h").svg


def test_outages_are_counted_in_words_and_marked_by_shape() -> None:
    points = [Bar(T + 300 * i, Status.DOWN if i > 7 else Status.UP, False, None if i > 7 else 200.0) for i in range(10)]
    chart = charts.response(points, T, T + 3000, limit=5000, normal_range=(), window="24 h")
    assert chart.finding.endswith("Down in 2 of 10 points.")
    assert "g-down" in chart.svg
    assert "z-down" in chart.svg


def test_incidents_stand_in_their_source_s_line_the_longest_trouble_first() -> None:
    def incident(source: str, start: int, end: int | None) -> Incident:
        return Incident(source, (1,), ("source-down",), Severity.WARNING, start, start, None, end, start)

    chart = gantt.gantt([incident("<b>", T - 7200, T - 3600), incident("long", T - 86400, None)], T)
    assert chart.finding == "2 incidents in 30 days, most trouble: long and <b>."
    root = ET.fromstring(str(chart.svg))
    names = [t.text for t in root.iter("text") if t.get("class") == "gl"]
    assert names == ["long", "<b>"]
    assert gantt.gantt([], T).finding == "No incident in 30 days."
