"""`busta quality`: score what the sources deliver, show why a score is what it is, draft a suite."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from busta_health_dagster.cli.session import BustaGroup, Output, console, err_console, print_json, session
from busta_health_dagster.cli.sources import ExitOption, NamesArgument, OutputOption, known
from busta_health_dagster.domain.errors import Refused

if TYPE_CHECKING:
    import pandas as pd

    from busta_health_dagster.pipeline.app import App
    from busta_health_dagster.pipeline.quality import QualityRun

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
    app = session(context).app(create_store=True)
    try:
        run = run_now(app, known(app, names), learn=learn)
        limits = _limits(app)
    finally:
        app.close()
    if output is Output.JSON:
        print_json(run_json(run))
    else:
        from busta_health_dagster.cli.quality_view import score_table
        from busta_health_dagster.cli.quality_view import show as show_parts

        show_parts([score_table([o.scored for o in run.outcomes], limits)])
        errors = err_console()
        for name, reason in run.skipped.items():
            if names:
                errors.print(f"{name}: {reason}", markup=False, soft_wrap=True)
    if exit_code:
        leave([o.scored.score.score for o in run.outcomes], [limits[o.scored.source] for o in run.outcomes])


def run_now(app: App, names: list[str] | None, *, learn: bool = False) -> QualityRun:
    """Score with progress on stderr."""
    from busta_health_dagster.cli.progress import bar
    from busta_health_dagster.pipeline.quality import run_quality

    with bar("Scoring", unit="sources") as advance:
        return run_quality(app, names, force=True, learn_anew=learn, advance=advance)


def run_json(run: QualityRun) -> list[dict[str, Any]]:
    from busta_health_dagster.cli.quality_view import scored_json

    return [scored_json(o.scored) for o in run.outcomes]


def leave(scores: list[float | None], limits: list[float]) -> None:
    """1 when a score is below its limit, else 3 when one could not be told."""
    if any(s is not None and s < limit for s, limit in zip(scores, limits, strict=True)):
        raise typer.Exit(1)
    if not scores or any(s is None for s in scores):
        raise typer.Exit(3)


def _limits(app: App) -> dict[str, float]:
    from busta_health_dagster.pipeline.quality import quality_limit

    return {s.name: quality_limit(app, s) for s in app.config.sources.values() if s.quality is not None}


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
    app = session(context).app()
    try:
        names = known(app, [name] if name else None)
        limits = _limits(app)
        with app.store.read() as uow:
            there = {s.name for s in uow.sources.all()}
            found = uow.quality.newest([n for n in names or limits if n in there])
            rows = uow.quality.failures(name) if name and failures and name in there else (None, ())
    finally:
        app.close()
    if name is not None and name not in found:
        how = "Score it with" if name in limits else "Give it `quality: {suite: ...}` in sources.yaml, then"
        raise Refused(f"{name} was never scored. {how}: busta quality run {name}")
    if output is Output.JSON:
        shown = [view.scored_json(one) for one in found.values()]
        if name is None:
            print_json(shown)
        else:
            print_json(shown[0] | (view.failures_json(*rows) if failures else {}))
    elif name is None:
        view.show([view.score_table(list(found.values()), limits)])
        never = sorted(limits.keys() - found.keys())
        if never:
            err_console().print(f"never scored: {', '.join(never)}", markup=False, soft_wrap=True)
    else:
        parts = view.explained(found[name], limits.get(name, 90.0))
        view.show([*parts, view.failure_table(*rows)] if failures else parts)
    if exit_code:
        leave([one.score.score for one in found.values()], [limits.get(n, 90.0) for n in found])


@quality_app.command()
def score(
    context: typer.Context,
    data: Annotated[Path, typer.Argument(metavar="DATAFILE", help="CSV, TSV, JSON, JSON lines or Parquet.")],
    suite: Annotated[Path, typer.Option("--suite", help="The suite's file, JSON or YAML.")],
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
    judged_by = load_suite(suite).name  # a broken suite is told before seconds are spent on imports
    with err_console().status(f"Scoring {data.name} ..."):
        now = datetime.now(UTC)
        done = score_file(suite, data, now)
    if output is Output.JSON:
        print_json(as_json(done.score))
    else:
        from busta_health_dagster.domain.quality import Scored

        at = int(now.timestamp())
        view.show(view.explained(Scored(data.name, at, at, judged_by, done.score), 90.0))
    if exit_code:
        leave([done.score.score], [90.0])


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
    from busta_health_dagster.quality.frame import read_table
    from busta_health_dagster.quality.suggest import suggest as draft_of
    from busta_health_dagster.quality.suggest import write_draft

    now = datetime.now(UTC)
    if Path(what).is_file():
        with err_console().status(f"Reading {what} ..."):
            frame = read_table(what).frame
        name = out.stem if out else Path(what).stem
    else:
        frame, name, now = _sample_frame(context, what)
    with err_console().status(f"Profiling {len(frame):,} rows ..."):
        suite = draft_of(frame, name, now)
    checks = len(suite["expectations"])
    if out is None:
        sys.stdout.write(json.dumps(suite, indent=2) + "\n")
        return
    written = write_draft(suite, out)
    console().print(
        f"{written}: {checks} checks drafted from {len(frame):,} rows. Review each line (its evidence is in meta.why), "
        "raise to ERROR or CRITICAL what a bet depends on.",
        soft_wrap=True,
    )


def _sample_frame(context: typer.Context, what: str) -> tuple[pd.DataFrame, str, datetime]:
    """The stored sample of a source, and when it was taken."""
    from busta_health_dagster.domain.units import from_epoch
    from busta_health_dagster.quality.frame import rows_to_frame

    if Path(what).suffix:
        from busta_health_dagster.domain.errors import BadInput

        raise BadInput(f"There is no data file {what}. Give a file that exists, or the name of a source.")
    app = session(context).app()
    try:
        known(app, [what])
        with app.store.read() as uow:
            there = any(s.name == what for s in uow.sources.all())
            found = uow.samples.get(what) if there else None
    finally:
        app.close()
    if found is None:
        raise Refused(f"The store has no sample of {what}. Take one with: busta sources check {what}")
    sample, taken_at = found
    return rows_to_frame(sample.rows), what, from_epoch(taken_at)
