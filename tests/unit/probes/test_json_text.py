"""Why a body is no JSON, in words that are no exception's name."""

from __future__ import annotations

import pytest

from busta_health_dagster.probes.json_text import parse_json


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (b"[" + b"9" * 20_000 + b"]", "a number of too many digits"),
        (b"[1,", "Expecting value"),
        (b"", "the body is empty"),
    ],
)
def test_what_is_wrong_is_said(body: bytes, why: str) -> None:
    document, problem = parse_json(body)
    assert document is None
    assert problem is not None
    assert why in problem
    assert "Error" not in problem


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"Infinity", b"NaN"])
def test_a_number_that_is_none_reads_as_null(number: bytes) -> None:
    assert parse_json(b'{"price": %b, "n": 1.5e3}' % number) == ({"price": None, "n": 1500.0}, None)
