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
    if edited:
        _check(current, [row["source"] for row in rows])
    if output is Output.JSON:
        print_json({"sources": rows, "edited": edited})
        return
    _print(rows, names)
    if edited:
        typer.echo(f"\n{plural(len(rows), 'source')} live: `rollout` removed from {listed(edited)}.")
    elif rows:
        typer.echo("\nTake them live now: busta alerts rollout --apply")


def _print(rows: Sequence[RolloutRow], names: Sequence[str] | None) -> None:
    if not rows:
        who = f"None of these sources ({listed(names)})" if names else "No source"
        typer.echo(f"{who} is introduced: none has `rollout: {{until: DATE}}`.")
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
    gone: set[str] = set()

    def goes(where: str) -> bool:
        # A block of types or defaults has no source at its line: it goes when every source goes.
        if every or (where in at and at[where] <= set(names)):
            gone.add(where)
        return where in gone

    shown = shown_as(config.dir)
    changed: dict[str, str] = {}
    for file in config.files:
        if not file.endswith(".csv"):
            text = (config.dir / file).read_bytes().decode("utf-8-sig")
            new = without_rollout(f"{shown}/{file}", text, goes)
            if new != text:
                changed[file] = new
    left = [name for name in names if not every and not any(name in at[where] for where in gone & at.keys())]
    if left or not changed:
        raise BadInput(
            f"The `rollout` of {listed(left or names)} stands in `types` or `defaults`: remove it there, or name all."
        )
    for file, text in changed.items():
        _replace(config.dir / file, text)
    return [f"{shown}/{file}" for file in changed]


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


def _check(current: Session, names: Sequence[str]) -> None:
    from busta_health_dagster import bootstrap

    directory = bootstrap.find_config_dir(home=current.home, config_dir=current.config_dir, environ=current.environ)
    found = bootstrap.diagnose_config(directory, current.environ)
    if found.errors:
        raise BadInput(f"The configuration is no longer right: {found.errors[0]}")
    known = found.config.sources if found.config is not None else {}
    if left := [name for name in names if name in known and known[name].shadow_until is not None]:
        raise BadInput(
            f"The `rollout` of {listed(left)} itself was removed, but `types` or `defaults` hold one, too: remove it there."
        )
