"""JSON paths as people write them; plain ones and those that only the library understands read the same names."""

from __future__ import annotations

import pytest

from busta_health_dagster.probes.json_path import find

DOCUMENT = {
    "odds-data": [1, 2, 3],
    "live-scores": {"by-league": [{"id": 7, "state": "live"}, {"id": 8}]},
    "o'hara": [{"n": 1}, {"n": 2}],
    "odds": "not these",
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.odds-data[*]", [1, 2, 3]),
        ("$.odds-data[-1:]", [3]),
        ("$.live-scores.by-league[*].id", [7, 8]),
        ("$.live-scores.by-league[?@.state=='live'].id", [7]),
        ("$['live-scores']['by-league'][0].id", [7]),
        ('$["o\'hara"][?@.n>1].n', [2]),
        ("$.odds-data-2[*]", []),
    ],
)
def test_a_hyphen_is_part_of_a_name(path: str, found: list[object]) -> None:
    assert find(path, DOCUMENT) == found
