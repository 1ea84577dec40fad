"""One table of numbers with the target beside each, and the CPU time of child processes."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Figure:
    """`met` None: reported, not evaluated."""

    what: str
    measured: str
    target: str
    met: bool | None = None


def show(title: str, figures: Iterable[Figure]) -> None:
    table = Table("what", "measured", "target", "", title=title, title_justify="left")
    for figure in figures:
        word = {True: "met", False: "MISSED", None: ""}[figure.met]
        table.add_row(figure.what, figure.measured, figure.target, word)
    Console(width=150).print(table)


def run(argv: Sequence[str], env: Mapping[str, str] | None = None) -> tuple[float, float, str]:
    """CPU seconds (user and system, its children included), wall seconds, and what it printed.

    Raises:
        SystemExit: it failed; a benchmark of something that fails says nothing.
    """
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(argv, env=dict(env or os.environ), capture_output=True, text=True, check=False)
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)} failed:\n{done.stderr[-3000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, ended - began, done.stdout
