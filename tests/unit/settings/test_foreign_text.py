"""Errors of other people's code may hold their secrets: none of them leaves in a message."""

from __future__ import annotations

import pytest

from busta_health_dagster.settings import Secrets
from busta_health_dagster.settings.foreign_text import foreign_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("bad token=hunter2-hunter2, retry", "bad token=[secret], retry"),
        ("{'api_key': 'abc123def'}", "{'api_key': '[secret]'}"),
        ("Authorization: Bearer abc.def.ghi", "Authorization: Bearer [secret]"),
        ("postgresql://bets:swordfish@db:5432/odds is away", "postgresql://bets:[secret]@db:5432/odds is away"),
        ("GET https://api.example.com/v4?apiKey=abcdef123&x=1", "GET https://api.example.com/v4?apiKey=[secret]&x=1"),
        ("GET https://api.example.com/v4?key=abcdef123#top", "GET https://api.example.com/v4?key=[secret]#top"),
        ("[BODY].token == abcdef123", "[BODY].token == [secret]"),
        ("slack said xoxb-123456789-abcdefgh", "slack said [secret]"),
        ("ValueError: 3 rows\n  diverged", "ValueError: 3 rows diverged"),
        (None, ""),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str | None, shown: str) -> None:
    assert foreign_text(text, Secrets({})) == shown


def test_a_long_error_is_cut_after_it_was_scrubbed() -> None:
    text = foreign_text("x" * 290 + " password=swordfish", Secrets({}))
    assert len(text) == 300
    assert "fish" not in text


@pytest.mark.parametrize("word", ["token", "9", "a-", "x://", "?", "eyJ", "token: bearer "])
def test_a_text_that_repeats_itself_is_read_in_one_go(word: str) -> None:
    """The search for `token=` began again at every letter: four thousand characters of "token" held a worker for minutes."""
    assert foreign_text(word * 1000, Secrets({}))[:3] == (word * 3)[:3]


def test_what_stands_behind_a_repeated_word_is_masked() -> None:
    text = foreign_text(
        "token" * 20 + "=swordfish password=hunter2 foo=secret=letmein 9db://u:swordfish@h", Secrets({})
    )
    assert text == "token" * 20 + "=[secret] password=[secret] foo=secret=[secret] 9db://u:[secret]@h"
