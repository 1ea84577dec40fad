from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.wording.names import name_text, unique_name


def test_a_text_becomes_the_name_that_a_person_would_give() -> None:
    assert name_text("https://www.feeds.example.com/NFL/rss") == "feeds_example_com_nfl_rss"
    assert name_text("  Börse & Größe ") == "borse_grosse"
    assert name_text("новости") == ""


@given(st.text(), st.text(), st.sets(st.sampled_from(["a", "source", "s_1"])))
def test_every_name_is_valid_and_free(text: str, otherwise: str, taken: set[str]) -> None:
    name = unique_name(text, otherwise, taken)
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name)
    assert name not in taken


def test_a_long_name_that_is_taken_keeps_its_number() -> None:
    long = "a" * 80
    assert unique_name(long, "", {"a" * 63}) == "a" * 61 + "_2"
