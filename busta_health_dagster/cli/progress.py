"""Progress on stderr for everything that takes longer than a breath."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def bar(
    text: str, *, unit: str, total: int | None = None, shown: bool = True
) -> Iterator[Callable[[int, int | None], None]]:
    """A Rich progress bar; call the yielded function with (done, total). Silent where stderr is no terminal, and where
    it is not `shown`: lines that are printed meanwhile are progress enough.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    from busta_health_dagster.cli.session import err_console

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err_console(), transient=True, disable=not shown) as progress:
        task = progress.add_task(text, total=total)
        yield lambda done, known_total: progress.update(task, completed=done, total=known_total)
