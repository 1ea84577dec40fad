"""`busta backtest`: rules tried on history before they wake anybody."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

import typer

from busta_health_dagster.cli.session import Output, at_home, err_console, print_json, session
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.units import parse_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from busta_health_dagster.cli.session import Session
    from busta_health_dagster.domain.policy import AlertPolicy
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.pipeline.alerting.changes import Changes
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.pipeline.backtest.backtest import BacktestRun
    from busta_health_dagster.settings import Config

DEFAULT_S = 30 * 86400


def backtest(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option(help="How far back; all of it for files.", show_default="30d, all of the files")
    ] = None,
    observations: Annotated[
        Path | None, typer.Option(help="History from a CSV, or a directory of <source>.csv, not from the store.")
    ] = None,
    alerts: Annotated[
        Path | None, typer.Option(help="Rules, routes and escalations to try.", show_default="alerts.yaml")
    ] = None,
    maintenance: Annotated[
        Path | None, typer.Option(help="Maintenance and known events to try.", show_default="maintenance.yaml")
    ] = None,
    include_shadow: Annotated[bool, typer.Option("--include-shadow", help="Treat shadow rules as live.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the JSON lines here instead of to stdout.")] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="What each rule cost, and what another threshold would have.")
    ] = False,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Thresholds for a noise budget, per type or source.")
    ] = False,
    budget: Annotated[
        float, typer.Option(help="--suggest: messages per source and week, for each rule.", min=0.0)
    ] = 0.2,
    by: Annotated[Literal["type", "source"], typer.Option(help="--suggest: one threshold for each.")] = "type",
    output: Annotated[
        Output, typer.Option("-o", "--output", help="--summary and --suggest: table or json")
    ] = Output.TABLE,
) -> None:
    """Replay history through the real rules, detectors, escalation and maintenance. Example: busta backtest --since 30d --summary

    Nothing is delivered and no secret is needed. Writes one JSON line per event, in order:
    at, source, rule, event, severity, notify, reason. With --observations neither store nor configuration is needed.
    """
    from busta_health_dagster.cli.progress import bar
    from busta_health_dagster.pipeline.backtest.backtest import lines

    many = summary or suggest
    if out is not None and many and str(out) == "-":
        raise typer.BadParameter("the JSON lines and the table cannot both go to stdout", param_hint="--out")
    current = at_home(context) if observations is None else session(context)
    with _trial(
        current, observations, alerts, maintenance, since, include_shadow=include_shadow, many=many, costs=summary
    ) as run:
        if (short := run.too_short_for_anomalies) is not None:
            err_console().print(short, markup=False, soft_wrap=True)
        if not many:
            screen = sys.stdout.isatty() and (out is None or str(out) == "-")
            with (
                _sink(out) as (write, flush),
                bar("Replaying", unit="observations", total=run.observations, shown=not screen) as advance,
            ):
                for changes in run.run(advance):
                    for line in lines(changes):
                        write(json.dumps(line, ensure_ascii=False) + "\n")
                    flush()
            return
        _report(run, out, budget, by, output, summary=summary, suggest=suggest)


def _report(
    run: BacktestRun,
    out: Path | None,
    budget: float,
    by: Literal["type", "source"],
    output: Output,
    *,
    summary: bool,
    suggest: bool,
) -> None:
    from busta_health_dagster.cli import backtest_view as view
    from busta_health_dagster.cli.progress import bar
    from busta_health_dagster.pipeline.backtest import suggestions
    from busta_health_dagster.pipeline.backtest.backtest import lines
    from busta_health_dagster.pipeline.backtest.noise_summary import summarize_noise
    from busta_health_dagster.pipeline.backtest.variants import summarise

    report: dict[str, Any] = {}
    with _sink(out) if out is not None else _nowhere() as (write, _):

        def take(changes: Changes) -> None:
            for line in lines(changes):
                write(json.dumps(line, ensure_ascii=False) + "\n")

        with bar("Replaying", unit="observations", total=run.observations) as advance:
            noise = summarize_noise(run, advance, take)
    if noise.each_alert:
        err_console().print("No route would tell anybody: each opening of an alert counts as a notification.")
    if summary:
        with bar("Trying other thresholds", unit="replays") as advance:
            summarised = summarise(run, noise, advance)
        report |= summarised.as_json()
        if output is Output.TABLE:
            view.print_summary(summarised)
    if suggest:
        with bar("Looking for thresholds", unit="replays") as advance:
            found = suggestions.suggest(run, noise, budget, by, advance)
        report["budget"] = budget
        report["suggestions"] = [one.as_json() for one in found]
        if output is Output.TABLE:
            view.print_suggestions(found, budget)
    if output is Output.JSON:
        print_json(report)


@contextmanager
def _trial(
    current: Session,
    observations: Path | None,
    alerts: Path | None,
    maintenance: Path | None,
    since: str | None,
    *,
    include_shadow: bool,
    many: bool,
    costs: bool,
) -> Iterator[BacktestRun]:
    from busta_health_dagster import bootstrap
    from busta_health_dagster.pipeline.backtest.backtest import file_run, stored_run, tried
    from busta_health_dagster.pipeline.backtest.history_files import read_history
    from busta_health_dagster.settings.one_file import read_maintenance

    span = _seconds(since)
    own = bootstrap.read_alerts(alerts) if alerts is not None else None
    planned = read_maintenance(maintenance) if maintenance is not None else None

    def choose(config: Config | None) -> tuple[tuple[Rule, ...], AlertPolicy]:
        if own is None and config is None:
            raise BadInput("There is neither a configuration nor --alerts FILE, so no rule to try. Say --alerts FILE.")
        rules, policy = own if own is not None else (config.rules, config.policy)  # type: ignore[union-attr]
        return tried(rules, include_shadow=include_shadow, keep_shadow=costs), policy

    if observations is not None:
        config = _config(current)
        rules, policy = choose(config)
        from busta_health_dagster.cli.progress import bar

        with bar("Reading", unit="rows") as advance:
            history = read_history(observations, config, advance)
        _complain(history.rejections.listed, history.rejections.more)
        yield file_run(history, config, rules, policy, planned, since_s=span)
        return
    app: App = current.app()
    try:
        rules, policy = choose(app.config)
        yield stored_run(app, rules, policy, planned, since_s=span or DEFAULT_S, again=many)
    finally:
        app.close()


def _config(current: Session) -> Config | None:
    """The configuration that was named, or that is found; with files, none is needed."""
    from busta_health_dagster import bootstrap

    try:
        where = bootstrap.find_config_dir(home=current.home, config_dir=current.config_dir, environ=current.environ)
    except BadInput:
        if current.config_dir is not None or current.environ.get("BUSTA_CONFIG_DIR"):
            raise
        return None
    return bootstrap.load_config(where, current.environ)


def _seconds(since: str | None) -> int | None:
    if since is None:
        return None
    try:
        span = int(parse_seconds(since))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from error
    if span <= 0:
        raise typer.BadParameter(f"{since!r} is no time at all; write 30d", param_hint="--since")
    return span


def _complain(rejected: list[Any], more: int) -> None:

    errors = err_console()
    for one in rejected:
        errors.print(f"{one.where}: {one.reason}", markup=False, soft_wrap=True)
    if more:
        errors.print(f"... and {more} more rejected lines")


@contextmanager
def _sink(out: Path | None) -> Iterator[tuple[Callable[[str], Any], Callable[[], None]]]:
    """Where the lines go. Flushed after every slot, so that anyone who reads the pipe sees them as they come; a reader
    that leaves ends the replay quietly.
    """
    try:
        if out is None:
            yield sys.stdout.write, sys.stdout.flush
        else:
            with _opened(out) as handle:
                yield handle.write, handle.flush
    except BrokenPipeError:
        # Python would complain once more while it closes stdout.
        if out is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def _opened(out: Path) -> TextIO:
    try:
        return out.open("w", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{out} cannot be written: {error.strerror or error}.") from error


@contextmanager
def _nowhere() -> Iterator[tuple[Callable[[str], Any], Callable[[], None]]]:
    yield (lambda _text: None), (lambda: None)
