"""`busta alerts rollout`: what the rules of introduced sources would have sent, and take them live."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import Output, Session, at_home, console, print_json
from busta_health_dagster.cli.sources import NamesArgument, OutputOption
from busta_health_dagster.cli.tables import Columns
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.units import from_epoch, from_iso
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.lists import listed, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.documents.rollout import RolloutRow
    from busta_health_dagster.settings import Config


def rollout(
    context: typer.Context,
    names: NamesArgument = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Take them live: remove their `rollout` from the files.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Sources whose rules are in shadow, and what they would have sent in the last 30 days; edits nothing without --apply.
    Example: busta alerts rollout --apply
    """
    from busta_health_dagster.pipeline.views.rollout import rollout as found

    current = at_home(context)
    with current.app() as app:
        rows, config = found(app, names), app.config
        if apply and app.config_problem:
            raise BadInput(f"The files are not those in force, so they are not edited: {app.config_problem}")
    edited = _take_live(config, [row["source"] for row in rows]) if apply and rows else []
    if output is Output.JSON:
        print_json({"sources": rows, "edited": edited})
        return
    _print(rows)
    if edited:
        typer.echo(f"\n{plural(len(rows), 'source')} live: `rollout` removed from {listed(edited)}.")
        _check(current)
    elif rows:
        typer.echo("\nTake them live now: busta alerts rollout --apply")


def _print(rows: Sequence[RolloutRow]) -> None:
    if not rows:
        typer.echo("No source is introduced: none has `rollout: {until: DATE}`.")
        return
    table = Columns(("SOURCE", "UNTIL", "RULE", "ALERTS", "LASTED", "WOULD HAVE SENT"), right=frozenset({"ALERTS"}))
    for row in rows:
        until = f"{from_epoch(from_iso(row['until'])):%Y-%m-%d %H:%M}" if row["shadow"] else "live"
        for rule in row["rules"]:
            sent = ", ".join(f"{count} {channel}" for channel, count in rule["messages"].items()) or "nothing"
            lasted = duration_text(rule["lasted_s"])
            table.add(row["source"], until, rule["rule"], str(rule["alerts"]), lasted, sent)
        if not row["rules"]:
            table.add(row["source"], until, "", "0", "", "nothing")
    console().print(table)


def _take_live(config: Config, names: Sequence[str]) -> list[str]:
    """Edit the files; -> which.

    Raises:
        BadInput: a `rollout` also holds for sources that were not named, or a file cannot be written.
    """
    from busta_health_dagster.settings.locate import shown_as
    from busta_health_dagster.settings.rollout_edit import without_rollout

    at: dict[str, set[str]] = defaultdict(set)
    for source in config.sources.values():
        if source.shadow_until is not None:
            at[source.where].add(source.name)
    every = {name for held in at.values() for name in held} <= set(names)
    for where, held in at.items():
        if held & set(names) and (rest := held - set(names)):
            raise BadInput(f"The `rollout` at {where} also holds for {listed(sorted(rest))}: name them, too.")
    shown = shown_as(config.dir)
    edited = []
    for file in config.files:
        path = config.dir / file
        if path.suffix == ".csv":
            continue
        text = path.read_bytes().decode("utf-8-sig")
        # A block of types or defaults has no source at its line: it goes when every source goes.
        new = without_rollout(
            f"{shown}/{file}", text, lambda where: (bool(at[where]) and at[where] <= set(names)) or every
        )
        if new != text:
            _replace(path, new)
            edited.append(f"{shown}/{file}")
    if not edited:
        raise BadInput(
            f"The `rollout` of {listed(names)} stands in `types` or `defaults`: remove it there, or name all."
        )
    return edited


def _replace(path: Path, text: str) -> None:
    """In one step: a reader has the old file or the new one."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.resolve().parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(temporary).chmod(path.stat().st_mode & 0o777)
        Path(temporary).replace(path.resolve())
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}.") from error


def _check(current: Session) -> None:
    from busta_health_dagster import bootstrap

    directory = bootstrap.find_config_dir(home=current.home, config_dir=current.config_dir, environ=current.environ)
    errors = bootstrap.diagnose_config(directory, current.environ).errors
    if errors:
        raise BadInput(f"The configuration is no longer right: {errors[0]}")
