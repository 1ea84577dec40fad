"""Tables for people: no frames, names never cut. What does not fit into a terminal is left out by the column, and said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.text import Text

    Cell = Text | str

# Rich is imported when something is printed: `busta --help` must not wait for it.

GAP = "  "
SENTENCE = 24
"""The last column is a sentence that may wrap; it needs so much room to be read."""


@dataclass
class Columns:
    """Rows under `heads`; those in `right` are numbers. In a narrow terminal the columns `drop` go first, in that order.
    `least` are widths that columns have where there is room, so that a list keeps its places from one observation to the next.
    Print it: a pipe that does not say its width gets every column, as long as the lines may be.
    """

    heads: Sequence[str]
    right: frozenset[str] = frozenset()
    drop: Sequence[str] = ()
    least: Sequence[int] = ()
    rows: list[tuple[Text, ...]] = field(default_factory=list)

    def add(self, *cells: Cell) -> None:
        """One row. Texts are taken as they are: brackets are no markup."""
        from rich.text import Text

        self.rows.append(tuple(Text(cell) if isinstance(cell, str) else cell for cell in cells))

    def __rich_console__(self, out: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from rich.text import Text

        width = None if out.soft_wrap else options.max_width
        shown, gone = self._fitting(width)
        wide = self._roomy(width)
        for row in (tuple(Text(head, style="bold") for head in self.heads), *self.rows):
            yield from self._lines(row, shown, wide, width, out)
        if gone:
            yield Text(f"Left out at this width: {', '.join(gone)}. All of it: -o json", style="dim")

    def _fitting(self, width: int | None) -> tuple[list[int], list[str]]:
        """Which columns are shown, and the names of those left out."""
        shown, gone = list(range(len(self.heads))), []
        for name in self.drop if width is not None else ():
            if self._least(shown) <= (width or 0):
                break
            shown.remove(self.heads.index(name))
            gone.append(name)
        return shown, gone

    def _wide(self, column: int) -> int:
        return max(len(self.heads[column]), *(row[column].cell_len for row in self.rows), 0)

    def _roomy(self, width: int | None) -> list[int]:
        """The width of every column, with those of `least` where all of it fits."""
        bare = [self._wide(i) for i in range(len(self.heads))]
        wide = [max(w, least) for w, least in zip(bare, self.least, strict=True)] if self.least else bare
        return wide if width is None or sum(wide) + len(GAP) * (len(wide) - 1) <= width else bare

    def _least(self, shown: list[int]) -> int:
        *names, last = (self._wide(i) for i in shown)
        sentence = last if self.heads[shown[-1]] in self.right else min(last, max(SENTENCE, len(self.heads[shown[-1]])))
        return sum(names) + sentence + len(GAP) * len(names)

    def _lines(
        self, row: tuple[Text, ...], shown: list[int], wide: list[int], width: int | None, out: Console
    ) -> Iterator[Text]:
        from rich.text import Text

        line = Text(no_wrap=True, overflow="ignore")
        for i in shown[:-1]:
            pad = " " * (wide[i] - row[i].cell_len)
            line.append(pad if self.heads[i] in self.right else "").append_text(row[i])
            line.append(("" if self.heads[i] in self.right else pad) + GAP)
        last, room = row[shown[-1]], None if width is None else width - line.cell_len
        if self.heads[shown[-1]] in self.right:
            line.append(" " * (wide[shown[-1]] - last.cell_len))
        indent = " " * line.cell_len
        if room is None or last.cell_len <= room or self.heads[shown[-1]] in self.right:  # a number is no sentence
            parts = [last]
        elif max(map(len, last.plain.split()), default=0) <= room:
            parts = list(last.wrap(out, room))
        else:  # no room for its longest word: it gets lines of its own
            indent, empty = " " * 4, Text()
            parts = [empty, *last.wrap(out, max((width or 0) - len(indent), SENTENCE))]
        for n, part in enumerate(parts):
            whole = line if n == 0 else Text(indent, no_wrap=True, overflow="ignore")
            whole.append_text(part)
            whole.rstrip()
            yield whole
