"""What is written is read back as it was meant, whoever reads it."""

from __future__ import annotations

import pytest
import yaml

from busta_health_dagster.drafts.estates.plain_data import plain_data
from busta_health_dagster.drafts.writing import entry_text, written


@pytest.mark.parametrize(
    "text",
    ["1e5", "1E5", "-.5e3", "12", "012", "1.", "yes", "null", "2026-11-30", "1:30", "a\u2028b", "x: y", "#"],
)
def test_a_text_stays_a_text(text: str) -> None:
    lines = "\n".join(written({"a": text}))
    assert yaml.safe_load(lines) == {"a": text}
    assert plain_data("the file", lines) == {"a": text}


def test_a_note_of_many_lines_is_one_comment() -> None:
    text = entry_text({"name": "a"}, ("one\nname: b\u2028name: c",))
    assert text == "  # one name: b name: c\n  - {name: a}\n"
    assert yaml.safe_load(text) == [{"name": "a"}]
