"""docs/faults.md names a test for every fault: each of them is there, and each test of a whole monitor is named."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|\n ").split(" | ")]
    for line in (ROOT / "docs" / "faults.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| fault |")
]
NAMED = [cells[-1].strip("`") for cells in ROWS]


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(f.name for f in functions if f.name.startswith("test_"))


@pytest.mark.parametrize("cells", ROWS, ids=lambda cells: re.sub(r"\W+", "-", cells[0]))
def test_every_fault_has_what_the_monitor_does_and_a_test_that_exists(cells: list[str]) -> None:
    assert len(cells) == 3
    file, _, name = cells[2].strip("`").partition("::")
    assert name in names_in(file)


def test_the_faults_of_a_running_monitor_are_all_on_the_page() -> None:
    folder = ROOT / "tests" / "faults"
    files = {path.relative_to(ROOT).as_posix() for path in folder.glob("test_*.py")}
    assert files <= {named.partition("::")[0] for named in NAMED}
