"""`busta config`: is the configuration right, what does it resolve to, what shape must it have."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from busta_health_dagster.cli.session import BustaGroup, Output, Session, at_home, console, print_json
from busta_health_dagster.domain.errors import MissingSecret, Problem, StoreError, StoreMissing

config_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="Check and show the configuration. Example: busta config doctor"
)


@config_app.command()
def doctor(
    context: typer.Context,
    output: Annotated[Output, typer.Option("-o", "--output", help="table or json")] = Output.TABLE,
) -> None:
    """Every problem of every file at once, each with its line and remedy; exit 1 if there is one. Example: busta
    config doctor
    """
    from busta_health_dagster import bootstrap

    current = at_home(context)
    directory = bootstrap.find_config_dir(home=current.home, config_dir=current.config_dir, environ=current.environ)
    found = bootstrap.diagnose_config(directory, current.environ)
    if not found.errors:
        found = replace(found, warnings=(*found.warnings, *_of_the_store(current, directory)))
    problems = (*found.errors, *found.warnings, *found.notes)
    if output is Output.JSON:
        fields = ("level", "where", "field", "message", "remedy")
        print_json([{name: getattr(p, name) for name in fields} for p in problems])
    else:
        out = console()
        for problem in problems:
            out.print(str(problem) + "\n", markup=False, soft_wrap=True)
        out.print(f"{found.summary}.", soft_wrap=True)
    if found.errors:
        raise typer.Exit(1)


def _of_the_store(current: Session, directory: Path) -> list[Problem]:
    """What only the store knows; a home without one has nothing to say yet."""
    from busta_health_dagster import bootstrap
    from busta_health_dagster.pipeline.views.doctor import store_findings

    try:
        with bootstrap.open_app(home=current.home, config_dir=directory, environ=current.environ) as app:
            return store_findings(app)
    except StoreMissing:
        return []
    except (StoreError, MissingSecret) as why:
        says = f"The open alerts could not be read: {why}"
        return [Problem(f"{directory}/settings.yaml", "store", says, "see: busta db status", "warning")]


@config_app.command()
def show(
    context: typer.Context,
    output: Annotated[Output, typer.Option("-o", "--output", help="table (YAML) or json")] = Output.TABLE,
) -> None:
    """The resolved configuration: defaults filled in, secrets masked. Example: busta config show"""
    from busta_health_dagster import bootstrap, settings

    current = at_home(context)
    directory = bootstrap.find_config_dir(home=current.home, config_dir=current.config_dir, environ=current.environ)
    secrets = settings.Secrets(current.environ, directory)
    shown = settings.show(bootstrap.load_config(directory, current.environ), secrets)
    if output is Output.JSON:
        print_json(shown)
        return
    import yaml

    console().print(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=110), markup=False, end="")


@config_app.command()
def schema(
    out: Annotated[Path, typer.Option(help="Directory to write the JSON Schemas into.")] = Path("config/schema"),
) -> None:
    """Write the JSON Schema of every file, for editors and CI. Example: busta config schema --out config/schema"""
    from busta_health_dagster import bootstrap

    out.mkdir(parents=True, exist_ok=True)
    for name, content in bootstrap.config_schemas().items():
        path = out / name
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + os.linesep, encoding="utf-8")
        console().print(f"wrote {path}")
