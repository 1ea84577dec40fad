"""Scores as tables for people and as JSON for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.cli.session import console
from busta_health_dagster.cli.shapes import alphabet
from busta_health_dagster.domain.units import from_epoch, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from busta_health_dagster.domain.quality import CheckResult, FailingRow, QualityScore, Scored


def scored_json(scored: Scored) -> dict[str, Any]:
    """`quality score` of surfaces.md, with which source and when: instants are UTC."""
    from busta_health_dagster.pipeline.history_view import quality_row

    return quality_row(scored)


def failures_json(at: int | None, rows: Iterable[FailingRow]) -> dict[str, Any]:
    shown = [{"check": r.check, "row": r.row, "of": r.of, "keys": r.keys, "values": r.values} for r in rows]
    return {"failures_at": iso(at), "failures": shown}


WIDE = 160
"""Columns of a table that goes into a file or a pipe."""


def show(parts: Iterable[RenderableType]) -> None:
    """On stdout, as wide as the terminal is."""
    out = console()
    for part in parts:
        out.print(part, width=None if out.is_terminal else WIDE)


def _table(*columns: str, title: str | None = None) -> Table:
    """Only the last column wraps: names are never cut while a sentence can give way."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", title=title, title_justify="left")
    for column in columns:
        table.add_column(column, no_wrap=column != columns[-1])
    return table


def _state(score: QualityScore, limit: float) -> Text:
    from rich.text import Text

    letters = alphabet()
    if score.score is None:
        return Text(f"{letters.shapes['unknown']} NO DATA")
    if score.score < limit and score.uncertain_against(limit):
        return Text(f"{letters.shapes['degraded']} UNCERTAIN", style="yellow")
    if score.score < limit:
        return Text(f"{letters.shapes['down']} BELOW {limit:g}", style="red")
    return Text(f"{letters.shapes['up']} GOOD", style="green")


def score_table(results: Sequence[Scored], limits: Mapping[str, float]) -> Table:
    """Worst first; NO DATA stands above what is good."""
    from rich.text import Text

    letters = alphabet()
    table = _table("STATE", "SOURCE", "SCORE", "ROWS", "SUITE", "SCORED (UTC)", "WHY")

    def rank(one: Scored) -> tuple[int, float, str]:
        score, limit = one.score.score, limits.get(one.source, 90.0)
        if score is None:
            return 1, 0.0, one.source
        return (0 if score < limit else 2), score, one.source

    for one in sorted(results, key=rank):
        score = one.score
        why = score.reason or (score.caps[0].check + ": " + score.caps[0].reason if score.caps else "")
        rows = f"{score.rows:,}" + (f" of {score.total_rows:,}" if (score.total_rows or 0) > score.rows else "")
        table.add_row(
            _state(score, limits.get(one.source, 90.0)), one.source,
            letters.dash if score.score is None else f"{score.score:.1f}", rows, one.suite,
            f"{from_epoch(one.at):%d %b %H:%M}", Text(why),
        )  # fmt: skip
    return table


def explained(scored: Scored, limit: float) -> list[RenderableType]:
    """One score with everything behind it: dimensions, caps, notes and each check, worst first."""
    from rich.text import Text

    score, letters = scored.score, alphabet()
    head = Text.assemble(_state(score, limit), f"  {scored.source}  ")
    if score.score is None:
        head.append(score.reason)
    else:
        head.append(f"{score.score:.1f} (raw {score.raw:.2f} ± {score.half_width or 0.0:.2f}, limit {limit:g}, ")
        head.append(f"coverage {score.coverage:g}%{', provisional' if score.provisional else ''})")
    of = f" of {score.total_rows:,}" if (score.total_rows or 0) > score.rows else ""
    lines = [
        head,
        Text(f"suite {scored.suite}, {score.rows:,}{of} rows, scored {from_epoch(scored.at):%Y-%m-%d %H:%M} UTC"),
    ]
    if score.dimensions:
        lines.append(Text("  ".join(f"{d.value} {v:.1f}" for d, v in score.dimensions.items())))
    lines += [Text(f"capped at {c.limit}: {c.check}: {c.reason}") for c in score.caps]
    lines += [Text(f"note: {n}") for n in score.notes]
    if not score.checks:
        return list(lines)
    table = _table("RESULT", "CHECK", "DIMENSION", "SEVERITY", "GOOD", "FAILED", "WHY")
    order = {False: 0, None: 1, True: 2}
    for c in sorted(score.checks, key=lambda c: (order[c.passed], -c.severity.weight, c.id)):
        good = letters.dash if c.ratio is None else f"{float(c.ratio):.2%}"
        failed = letters.dash if c.table else f"{c.unexpected:,} of {c.eligible:,}"
        word, colour = _result(c)
        table.add_row(
            Text(word, style=colour), Text(c.id), c.dimension.value, c.severity.value, good, failed,
            Text(c.error or ("" if c.passed else c.why)),
        )  # fmt: skip
    return [*lines, table]


def _result(check: CheckResult) -> tuple[str, str]:
    shapes = alphabet().shapes
    if check.error is not None:
        return f"{shapes['down']} could not run", "red"
    if check.passed is None:
        return f"{shapes['unknown']} not evaluated", "default"
    return (f"{shapes['up']} passed", "green") if check.passed else (f"{shapes['down']} failed", "red")


def failure_table(at: int | None, rows: Sequence[FailingRow]) -> RenderableType:
    """Keys, and the shape of values: 9 a digit, a and A letters; public columns as they are."""
    from rich.text import Text

    if not rows:
        return Text("No failing rows are kept: none failed, they expired, or a database counted them.")
    title = f"Failing rows of {from_epoch(at or 0):%Y-%m-%d %H:%M} UTC (9 is a digit, a and A are letters)"
    table = _table("CHECK", "ROW", "FAILED ROWS", "KEYS", "VALUES", title=title)
    for r in rows:
        keys = " ".join(f"{k}={v}" for k, v in r.keys.items())
        values = " ".join(f"{k}={v}" for k, v in r.values.items())
        table.add_row(Text(r.check), str(r.row), f"{r.of:,}", Text(keys), Text(values))
    return table
