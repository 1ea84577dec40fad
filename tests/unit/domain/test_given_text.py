"""Names and notes that people give."""

from __future__ import annotations

import pytest

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.given_text import LONGEST_NAME, given_name, given_note, plain


@pytest.mark.parametrize("name", ["ops-1", "Jörg Müller", "夜間バックアップ", "db / backup", "x" * LONGEST_NAME])
def test_a_readable_line_is_a_name(name: str) -> None:
    assert given_name(name, "The name") == name


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("n\nadmin2  admin", "has a line break or another character that cannot be seen. Write one line."),
        ("a\x00", "cannot be seen"),
        ("a\x01b", "cannot be seen"),
        ("\x1b[31mred", "cannot be seen"),
        ("a\x7f", "cannot be seen"),
        ("nimda\u202e", "cannot be seen"),
        ("a\u2028b", "cannot be seen"),
        ("\udcff", "cannot be seen"),
        ("", "is blank"),
        (" \t", "is blank"),
        (" a", "begins or ends with a space"),
        ("x" * 101, "has 101 characters; 100 are the limit"),
    ],
)
def test_what_would_not_be_seen_as_it_is_cannot_be_a_name(name: str, says: str) -> None:
    with pytest.raises(BadInput, match=r"^The name ") as said:
        given_name(name, "The name")
    assert says in str(said.value)
    assert str(said.value).isprintable()


def test_a_note_has_lines_and_no_control_characters() -> None:
    assert given_note("first\nsecond\tthird 👩‍🔧", "The note") == "first\nsecond\tthird 👩‍🔧"
    for text in ("a\x00b", "\x1b[2J", "\udcff"):
        with pytest.raises(BadInput, match="has a control character"):
            given_note(text, "The note")
    assert plain("a\x00b\nc") == "a b\nc"
