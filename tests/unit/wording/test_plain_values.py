"""A value of any shape in one line, never in the notation of a programming language."""

import pytest

from busta_health_dagster.wording.values import plain


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, ""),
        ("", ""),
        ([], ""),
        ({}, ""),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        ("a [b] 'c'", "a [b] 'c'"),
        (["nfl", "mlb"], "nfl, mlb"),
        ({"http_status": 503, "detail": None}, "http status: 503"),
        ([{"reason": "dns", "ms": 3}, {"reason": "tls"}], "reason: dns, ms: 3; reason: tls"),
        ({"a": {"b": [1, 2]}}, "a: b: 1, 2"),
    ],
)
def test_people_read_words_not_brackets_and_quotes(value: object, said: str) -> None:
    assert plain(value) == said
