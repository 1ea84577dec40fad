"""The tables of `busta backtest --summary` and `--suggest`."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from busta_health_dagster.cli.glyphs import glyph_set
from busta_health_dagster.cli.session import console
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.pipeline.backtest.suggestions import Suggestion
    from busta_health_dagster.pipeline.backtest.variants import RuleCost, Summary

_SOURCES_SHOWN = 5


def print_summary(summary: Summary) -> None:
    """Cost per rule, then what other thresholds would have cost, then the best trade."""
    from rich.table import Table
    from rich.text import Text

    out, dash = console(), glyph_set().dash
    span = summary.until - summary.since
    length = f"{span / 86400:.3g} days" if span >= 2 * 86400 else duration_text(span)
    out.print(
        f"{length} to {from_epoch(summary.until):%d %b %Y %H:%M} UTC, {plural(summary.sources, 'source')}, "
        f"{summary.observations:,} slots. Nothing was delivered."
    )
    table = Table(box=None, header_style="bold")
    for head in ("RULE", "ALERTS", "NOTIFICATIONS", "PER SOURCE-WEEK", "SELF-RESOLVED IN 10 MIN", "TIME UNDER ALERT"):
        table.add_column(head, justify="left" if head == "RULE" else "right", no_wrap=head == "RULE")
    for cost in (*summary.rules, summary.total):
        table.add_row(*_row(cost, dash))
    out.print(table)
    if summary.digests:
        out.print(f"And {plural(summary.digests, 'daily digest')}.")
    if summary.noisiest:
        noisy = ", ".join(f"{name} {n} ({rate:.2f} a week)" for name, n, rate in summary.noisiest[:_SOURCES_SHOWN])
        out.print(f"Most notifications: {noisy}.")
    if summary.variants:
        out.print("\nWhat another limit would have cost (real: with a cause noted, else not resolved within 10 min)")
    other = Table(box=None, header_style="bold")
    for head in ("RULE", "", "LIMIT", "NOTIFICATIONS", "REAL ALERTS KEPT", "TOLD LATER BY"):
        other.add_column(
            head, justify="left" if head in {"RULE", ""} else "right", no_wrap=head in {"RULE", "", "LIMIT"}
        )
    for rule, some in groupby(summary.variants, key=lambda v: v.rule):
        row = list(some)
        for n, v in enumerate(row if any(v.notifications for v in row) else ()):
            later = dash if v.later_s is None else ("-" if v.later_s < 0 else "") + duration_text(abs(v.later_s))
            label = Text(f"[{v.label}]" if v.present else v.label)
            other.add_row(
                rule if n == 0 else "",
                v.what if n == 0 else "",
                label,
                str(v.notifications),
                f"{v.kept}/{v.real}",
                later,
                style="bold" if v.present else None,
            )
    if summary.variants:
        out.print(other)
    if summary.best:
        out.print(f"Best trade: {summary.best}", markup=False)


def _row(cost: RuleCost, dash: str) -> tuple[str, ...]:
    share = f"{cost.blips} {100 * cost.blips / cost.alerts:3.0f}%" if cost.alerts else dash
    under = duration_text(cost.under_alert_s) if cost.alerts else dash
    return (
        f"{cost.rule} (shadow)" if cost.shadow else cost.rule,
        f"{cost.alerts:,}",
        f"{cost.notifications:,}",
        f"{cost.per_source_week:.2f}",
        share,
        under,
    )


def print_suggestions(found: Sequence[Suggestion], budget: float) -> None:
    """What changes something, the worst first: now, proposed, and the patch to alerts.yaml."""
    from rich.table import Table

    out, dash = console(), glyph_set().dash
    shown = [one for one in found if one.changes or one.proposed is None]
    same = len(found) - len(shown)
    stay = f"{plural(same, 'limit')} {'stays as it is' if same == 1 else 'stay as they are'}"
    out.print(f"Thresholds for at most {budget:g} notifications per source and week, each rule by itself: {stay}.")
    if not shown:
        return
    table = Table(box=None, header_style="bold")
    for head in ("RULE", "FOR", "NOW", "A WEEK", "CAUGHT", "PROPOSED", "A WEEK", "CAUGHT", "MISSED"):
        table.add_column(head, justify="left" if head in {"RULE", "FOR"} else "right")
    for one in shown:
        now, new = one.present, one.proposed
        cells = [one.text(now.value), f"{now.per_source_week:.2f}", f"{now.caught}/{one.known}"]
        if new is None:
            cells += ["none fits", dash, dash, dash]
        else:
            missed = str(one.known - new.caught)
            cells += [one.text(new.value), f"{new.per_source_week:.2f}", f"{new.caught}/{one.known}", missed]
        table.add_row(one.rule, one.group, *cells)
    out.print(table)
    changed = [one for one in shown if one.changes]
    if changed:
        out.print("\nalerts.yaml", markup=False)
    for rule in dict.fromkeys(one.rule for one in changed):
        out.print(f"   - name: {rule}", markup=False)
        mine = [one for one in changed if one.rule == rule]
        if any(one.is_override for one in mine):
            out.print("     overrides:", markup=False)
        for one in mine:
            out.print(f"+{'      - ' if one.is_override else '    '}{one.override()}", markup=False)
