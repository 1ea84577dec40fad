"""Shape, word and colour say the same; no shape needs a style attribute."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.svg.status_shape import glyph
from busta_health_dagster.web.pages import bars_and_sparklines
from busta_health_dagster.wording.glyphs import STATUS_WORD

STATUSES = [*STATUS_WORD, None]


@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=60))
def test_every_bar_of_a_strip_is_drawn_once_and_counted_in_its_alternative(words: list[str | None]) -> None:
    svg = bars_and_sparklines.heartbeats(words, "last 24 hours", start=0, step_s=1800)
    root = ET.fromstring(str(svg))
    paths = {p.get("class"): p.get("d") or "" for p in root}
    drawn = sum(d.count("M") for name, d in paths.items() if name not in {"b-up", "hatch"})
    up = sum((int(run.split("h")[1]) + 2) // 8 for run in paths.get("b-up", "").split("M") if run)
    assert drawn + up == len(words)
    assert root.get("data-bars") == "".join(bars_and_sparklines.LETTERS[w or "unknown"] for w in words)
    assert (
        f"{sum(w in (None, 'unknown') for w in words)} without data" in (root.get("aria-label") or "")
        or None not in words
    )


@given(st.lists(st.none() | st.floats(0.1, 1e6), max_size=40), st.none() | st.floats(0.1, 1e6), st.booleans())
def test_a_sparkline_stays_inside_its_box_and_gaps_stay_gaps(
    values: list[float | None], limit: float | None, log: bool
) -> None:
    svg = str(bars_and_sparklines.spark(values, limit=limit, log=log))
    assert "nan" not in svg
    root = ET.fromstring(svg)
    line = next((p.get("d") or "" for p in root if p.get("class") == "ln"), "")
    runs = sum(v is not None and (i == 0 or values[i - 1] is None) for i, v in enumerate(values))
    assert line.count("M") == runs
    heights = [float(point.split(" ")[1]) for point in line.replace("L", "M").split("M") if point]
    assert all(0 <= h <= 48 for h in heights)


@pytest.mark.parametrize("status", STATUS_WORD)
def test_each_status_has_its_own_shape_without_any_style(status: str) -> None:
    others = [str(glyph(s)).replace(f"g-{s}", "") for s in STATUS_WORD if s != status]
    mine = str(glyph(status)).replace(f"g-{status}", "")
    assert mine not in others
    assert "style" not in mine


def test_a_budget_bar_shows_overspending_differently_from_nearly_gone() -> None:
    assert "m-over" in bars_and_sparklines.meter(-5)
    assert "m-low" in bars_and_sparklines.meter(4)
    assert "m-ok" in bars_and_sparklines.meter(40)
    assert bars_and_sparklines.meter(None) == ""
