"""`busta quality`: score what the sources deliver, show why a score is what it is, draft a suite."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import BustaGroup, Output, at_home, console, err_console, print_json, session
from busta_health_dagster.cli.sources import ExitOption, NamesArgument, OutputOption
from busta_health_dagster.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from busta_health_dagster.cli.session import Session
    from busta_health_dagster.domain.documents.quality import ScoreRow

FILE_LIMIT = 90.0
"""What a data file without a source is held against."""
quality_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="Quality scores of what the sources deliver. Example: busta quality show"
)


@quality_app.command("run")
def run_(
    context: typer.Context,
    names: NamesArgument = None,
    learn: Annotated[
        bool, typer.Option("--learn", help="Take the columns and volume that are seen now as the right ones.")
    ] = False,
    exit_code: ExitOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Score the newest sample of each source now, due or not. Example: busta quality run odds_api"""
    rows, skipped = run_now(at_home(context), names, learn=learn)
    if output is Output.JSON:
        print_json(rows)
    else:
        from busta_health_dagster.cli.quality_view import score_table
        from busta_health_dagster.cli.quality_view import show as show_parts

        show_parts([score_table(rows)])
        errors = err_console()
        for name, reason in skipped.items():
            if names:
                errors.print(f"{name}: {reason}", markup=False, soft_wrap=True)
    if exit_code:
        leave(rows)


def run_now(
    current: Session, names: Sequence[str] | None, *, learn: bool = False
) -> tuple[list[ScoreRow], dict[str, str]]:
    """Score with progress on stderr, -> the scores, and why others were left out."""
    from busta_health_dagster.cli.progress import bar
    from busta_health_dagster.pipeline.facade import Monitor
    from busta_health_dagster.pipeline.quality.quality_pass import quality_limit, run_quality
    from busta_health_dagster.pipeline.views.history import quality_row

    with current.app(create_store=True) as app:
        chosen = Monitor(app, "").known(names)
        with bar("Scoring", unit="sources") as advance:
            run = run_quality(app, chosen, force=True, relearn=learn, advance=advance)
        scored = [outcome.scored for outcome in run.outcomes]
        return [quality_row(s, quality_limit(app, app.config.sources[s.source])) for s in scored], dict(run.skipped)


def leave(rows: Sequence[ScoreRow]) -> None:
    """1 when a score is below its limit, else 3 when one is unknown."""
    if any(row["score"] is not None and row["score"] < row["limit"] for row in rows):
        raise typer.Exit(1)
    if not rows or any(row["score"] is None for row in rows):
        raise typer.Exit(3)


@quality_app.command()
def show(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The source; all that are scored when left out.")] = None,
    failures: Annotated[
        bool, typer.Option("--failures", help="The rows that failed: keys, and masked values.")
    ] = False,
    exit_code: ExitOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """The newest score and every check behind it, from the store. Example: busta quality show odds_api --failures"""
    from busta_health_dagster.cli import quality_view as view

    if failures and name is None:
        raise typer.BadParameter("name the source whose rows you want to see", param_hint="--failures")
    with session(context).monitor() as monitor:
        found = monitor.scores([name] if name else None)
        failed = monitor.failures(name) if name and failures and found["items"] else None
    rows = found["items"]
    if name is not None and not rows:
        raise Refused(
            f"{name} was never scored. Score it with: busta quality run {name} (it needs `quality: {{suite: ...}}` in "
            "sources.yaml)"
        )
    if output is Output.JSON:
        print_json(rows if name is None else {**rows[0], **(failed or {})})
    elif name is None:
        view.show([view.score_table(rows)] if rows else ["Nothing was scored yet. Score now with: busta quality run"])
        if found["never"]:
            err_console().print(f"never scored: {', '.join(found['never'])}", markup=False, soft_wrap=True)
    else:
        parts = view.explained(rows[0])
        view.show(parts if failed is None else [*parts, *view.failure_table(failed)])
    if exit_code:
        leave(rows)


@quality_app.command()
def checks(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The source.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Each check of a source over 30 days: how often it passed, since when it fails, who owns it.

    Example: busta quality checks odds_api
    """
    from busta_health_dagster.cli.quality_checks_view import history_table
    from busta_health_dagster.cli.quality_view import show as show_parts

    with session(context).monitor() as monitor:
        found = monitor.checks(name)
    if output is Output.JSON:
        print_json(found)
    elif not found["checks"]:
        raise Refused(f"{name} has no checks with a history. Score it with: busta quality run {name}")
    else:
        show_parts([history_table(found)])


@quality_app.command()
def score(
    context: typer.Context,
    data: Annotated[Path, typer.Argument(metavar="DATAFILE", help="CSV, TSV, JSON, JSON lines or Parquet.")],
    suite: Annotated[Path, typer.Option("--suite", help="The suite's file, JSON or YAML.")],
    at: Annotated[
        str | None, typer.Option(help="When the data were delivered, for ages: 2026-11-29T16:50Z. Now without it.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="An earlier good delivery: columns, types, nulls and volume are compared with it."),
    ] = None,
    exit_code: ExitOption = False,
    output: Annotated[Output, typer.Option("-o", "--output", help="json or table")] = Output.JSON,
) -> None:
    """Score a file with a suite, without configuration or store. Example: busta quality score --suite odds.json d.csv

    Exit codes with --exit-code: 1 below 90, 3 NO DATA.
    """
    from busta_health_dagster.cli import quality_view as view
    from busta_health_dagster.quality.loader import load_suite
    from busta_health_dagster.quality.scorecard import as_json, score_file

    del context
    evaluated_by = load_suite(suite).name  # a broken suite is reported before seconds are spent on imports
    with err_console().status(f"Scoring {data.name} ..."):
        now = datetime.now(UTC) if at is None else _instant(at)
        done = score_file(suite, data, now, against=against)
    from busta_health_dagster.domain.quality import Scored
    from busta_health_dagster.pipeline.views.history import quality_row

    taken = int(now.timestamp())
    row = quality_row(Scored(data.name, taken, taken, evaluated_by, done.score), FILE_LIMIT)
    if output is Output.JSON:
        print_json(as_json(done.score))
    else:
        view.show(view.explained(row))
    if exit_code:
        leave([row])


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time; write 2026-11-29T16:50Z", param_hint="--at") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


@quality_app.command()
def suggest(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="NAME|DATAFILE", help="A source (its stored sample), or a data file.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write; never overwrites. Without it: stdout.")
    ] = None,
) -> None:
    """Draft a suite from data known to be good; each line has its evidence. Review it before you use it.

    Example: busta quality suggest odds_api --out expectations/odds_api.json
    """
    from busta_health_dagster.cli.progress import bar
    from busta_health_dagster.quality.suggest import suggest as draft_of
    from busta_health_dagster.quality.suggest import write_draft
    from busta_health_dagster.quality.thinning import read_thinned

    now, whole = datetime.now(UTC), None
    if Path(what).is_file():
        with bar(f"Reading {what}", unit="bytes") as advance:
            read = read_thinned(Path(what), advance)
        frame, whole = read.frame, read.whole
        name = out.stem if out else Path(what).stem
    else:
        frame, name, now = _sample_frame(context, what)
    with bar(f"Profiling {len(frame):,} rows", unit="columns") as advance:
        suite = draft_of(frame, name, now, whole=whole, advance=advance)
    checks = len(suite["expectations"])
    if out is None:
        sys.stdout.write(json.dumps(suite, indent=2) + "\n")
        return
    written = write_draft(suite, out)
    of = "" if whole is None else f" in stretches all over the {whole.rows:,} of the file"
    console().print(
        f"{written}: {checks} checks drafted from {len(frame):,} rows{of}. Review each line (its evidence is in meta.why), "
        "raise to ERROR or CRITICAL what a bet depends on.",
        soft_wrap=True,
    )


@quality_app.command("import")
def import_(
    context: typer.Context,
    contract: Annotated[
        Path, typer.Argument(metavar="CONTRACT", help="A data contract: Open Data Contract Standard v3, YAML or JSON.")
    ],
    table: Annotated[str | None, typer.Option(help="Which table of the contract, where it has several.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write; never overwrites. Without it: stdout.")
    ] = None,
    sql: Annotated[
        bool, typer.Option("--sql", help="For a source of probe sql: only what its database counts, and rules in SQL.")
    ] = False,
) -> None:
    """Make the draft of a suite of a data contract; what cannot be taken over is named on stderr.

    Example: busta quality import orders.odcs.yaml --table orders --out expectations/orders.json
    """
    from busta_health_dagster.quality.contracts import read_contract, suite_of
    from busta_health_dagster.quality.suggest import write_draft

    del context
    made = suite_of(read_contract(contract), str(contract), table, sql=sql)
    errors = err_console()
    for reason in made.left_out:
        errors.print(f"left out: {reason}", markup=False, soft_wrap=True)
    if out is None:
        sys.stdout.write(json.dumps(made.suite, indent=2) + "\n")
        return
    written = write_draft(made.suite, out)
    checks, left_out = len(made.suite["expectations"]), len(made.left_out)
    more = f" {left_out} parts of the contract are left out, see above." if left_out else ""
    console().print(f"{written}: {checks} checks for {made.table}.{more}", soft_wrap=True)


def _sample_frame(context: typer.Context, what: str) -> tuple[pd.DataFrame, str, datetime]:
    """The stored sample of a source, and when it was taken."""
    from busta_health_dagster.domain.units import from_epoch
    from busta_health_dagster.quality.frame import rows_to_frame

    if Path(what).suffix:
        from busta_health_dagster.domain.errors import BadInput

        raise BadInput(f"There is no data file {what}. Give a file that exists, or the name of a source.")
    from busta_health_dagster.pipeline.facade import Monitor

    with at_home(context).app() as app:
        Monitor(app, "").known([what])
        with app.store.read() as uow:
            there = any(s.name == what for s in uow.sources.all())
            found = uow.samples.get(what) if there else None
    if found is None:
        raise Refused(f"The store has no sample of {what}. Take one with: busta sources check {what}")
    sample, taken_at = found
    return rows_to_frame(sample.rows), what, from_epoch(taken_at)
