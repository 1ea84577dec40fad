"""Quality scores as tables for people: what each is, and everything behind one."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from busta_health_dagster.cli.glyphs import glyph_set
from busta_health_dagster.cli.session import console
from busta_health_dagster.cli.tables import Columns
from busta_health_dagster.domain.quality import CheckSeverity
from busta_health_dagster.domain.units import from_epoch, from_iso
from busta_health_dagster.wording import numbers, percentages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType
    from rich.text import Text

    from busta_health_dagster.domain.documents.quality import CheckRow, Failures, ScoreRow


def show(parts: Iterable[RenderableType]) -> None:
    """On stdout."""
    out = console()
    for part in parts:
        out.print(part)


def _state(row: ScoreRow) -> Text:
    from rich.text import Text

    signs, score, limit = glyph_set().checks, row["score"], row["limit"]
    if score is None:
        return Text(f"{signs['not evaluated']} NO DATA")
    if score >= limit:
        return Text(f"{signs['passed']} GOOD", style="green")
    if row["uncertain"]:
        return Text(f"{signs['not evaluated']} UNCERTAIN", style="yellow")
    return Text(f"{signs['failed']} BELOW {limit:g}", style="red")


def _rows(row: ScoreRow) -> str:
    return f"{row['rows']:,}" + (f" of {row['total_rows']:,}" if (row["total_rows"] or 0) > row["rows"] else "")


def _rank(row: ScoreRow) -> tuple[int, float, str]:
    """Worst first; NO DATA stands above what is good."""
    if row["score"] is None:
        return 1, 0.0, row["source"]
    return (0 if row["score"] < row["limit"] else 2), row["score"], row["source"]


def score_table(rows: Iterable[ScoreRow]) -> Columns:
    """One line a source, worst first."""
    from rich.text import Text

    letters = glyph_set()
    table = Columns(
        ("STATE", "SOURCE", "SCORE", "ROWS", "SUITE", "SCORED (UTC)", "WHY"),
        right=frozenset({"SCORE", "ROWS"}),
        drop=("SUITE", "ROWS", "SCORED (UTC)"),
    )
    for row in sorted(rows, key=_rank):
        cap = row["caps"][0] if row["caps"] else None
        why = row["reason"] or ("" if cap is None else f"{cap['check']}: {cap['reason']}")
        score = letters.write(numbers.score(row["score"]))
        at = f"{from_epoch(from_iso(row['at'])):%d %b %H:%M}"
        table.add(_state(row), row["source"], score, _rows(row), row["suite"], at, Text(why))
    return table


def explained(row: ScoreRow) -> list[RenderableType]:
    """One score with everything behind it: dimensions, caps, notes and each check, worst first."""
    from rich.text import Text

    letters, score = glyph_set(), row["score"]
    head = Text.assemble(_state(row), f"  {row['source']}  ")
    if score is None:
        head.append(row["reason"] or "")
    else:
        head.append(
            f"{numbers.score(score)} (raw {row['raw'] or 0:.2f} ± {row['half_width'] or 0:.2f}, limit {row['limit']:g}, "
        )
        head.append(f"coverage {percentages.percent(row['coverage'])}{', provisional' if row['provisional'] else ''})")
    at = f"{from_epoch(from_iso(row['at'])):%Y-%m-%d %H:%M}"
    lines = [head, Text(f"suite {row['suite']}, {_rows(row)} rows, scored {at} UTC")]
    if row["dimensions"]:
        lines.append(Text("  ".join(f"{name} {numbers.score(value)}" for name, value in row["dimensions"].items())))
    lines += [Text(f"capped at {c['limit']}: {c['check']}: {c['reason']}") for c in row["caps"]]
    lines += [Text(f"note: {note}") for note in row["notes"]]
    if not row["checks"]:
        return list(lines)
    table = Columns(
        ("RESULT", "CHECK", "DIMENSION", "SEVERITY", "GOOD", "FAILED", "WHY"),
        right=frozenset({"GOOD", "FAILED"}),
        drop=("DIMENSION", "FAILED", "SEVERITY"),
    )
    order = {False: 0, None: 1, True: 2}
    for c in sorted(row["checks"], key=lambda c: (order[c["passed"]], -CheckSeverity(c["severity"]).weight, c["id"])):
        failed = letters.dash if c["table"] else f"{c['unexpected']:,} of {c['eligible']:,}"
        word, colour = _result(c)
        table.add(
            Text(word, style=colour),
            Text(c["id"]),
            c["dimension"],
            c["severity"],
            _good(c, letters.dash),
            failed,
            Text(c["error"] or ("" if c["passed"] else c["why"])),
        )
    return [*lines, Text(""), table]


def _good(check: CheckRow, dash: str) -> str:
    """The share of rows that passed, floored: 99.999% never reads 100%."""
    if check["error"] is not None:
        return percentages.percent(0)
    if not check["eligible"]:
        return dash
    return percentages.percent(Fraction(100 * (check["eligible"] - check["unexpected"]), check["eligible"]))


def _result(check: CheckRow) -> tuple[str, str]:
    signs = glyph_set().checks
    if check["error"] is not None:
        return f"{signs['failed']} could not run", "red"
    if check["passed"] is None:
        return f"{signs['not evaluated']} not evaluated", "default"
    return (f"{signs['passed']} passed", "green") if check["passed"] else (f"{signs['failed']} failed", "red")


def failure_table(found: Failures) -> list[RenderableType]:
    """The shape of values (9 a digit, a and A letters; public columns as they are), then the row's keys. `OF`: so many
    rows failed this check, however few are kept.
    """
    from rich.text import Text

    if not found["failures"] or found["failures_at"] is None:
        return [Text("No failing rows are kept: none failed, they expired, or a database counted them.")]
    at = f"{from_epoch(from_iso(found['failures_at'])):%Y-%m-%d %H:%M}"
    table = Columns(("CHECK", "ROW", "OF", "VALUES AND KEYS"), right=frozenset({"ROW", "OF"}))
    for row in found["failures"]:
        table.add(Text(row["check"]), str(row["row"]), f"{row['of']:,}", _pairs(row["values"] | row["keys"]))
    return [Text(f"\nFailing rows of {at} UTC (9 is a digit, a and A are letters; of so many)"), table]


def _pairs(cells: dict[str, str]) -> Text:
    from rich.text import Text

    return Text(" ".join(f"{name}={value}" for name, value in cells.items()))
