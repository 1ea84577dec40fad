"""`golden(name, text)` compares with tests/golden/reports/; `pytest --update-golden` writes it, to be reviewed in the diff."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]


@pytest.fixture
def golden(request: pytest.FixtureRequest):
    def compare(name: str, text: str) -> None:
        file = TESTS / "golden" / "reports" / name
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert file.is_file(), f"no golden file {file}; write it with pytest --update-golden"
        assert text == file.read_text(encoding="utf-8")

    return compare
