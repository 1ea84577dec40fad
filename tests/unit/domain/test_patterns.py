"""Patterns from a configuration: linear in the text, and small."""

from __future__ import annotations

import pytest

from busta_health_dagster.domain.patterns import first_group, found, pattern


@pytest.mark.parametrize("expression", ["(a|b|c){1000}" * 4, "(x[a-z]{0,900}){8}"])
def test_a_pattern_that_is_linear_and_enormous_is_refused(expression: str) -> None:
    with pytest.raises(
        ValueError, match=r"is too large a pattern \([\d,]+ steps, 5,000 at most\)|not a regular expression"
    ):
        pattern(expression)


def test_what_people_write_is_small_enough() -> None:
    assert found(r"(?i)quota|limit exceeded|x.{0,200}y", "QUOTA exceeded")
    assert first_group(r"online: ([0-9]+)", "players online: 87 now") == "87"
    assert first_group(r"online: ([0-9]+)", "nothing") is None
