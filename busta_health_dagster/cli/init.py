"""`busta init`: a configuration to begin with, and the suites that come with the program."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import console
from busta_health_dagster.domain.errors import BadInput

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

FILES = ("sources.yaml", "alerts.yaml", "maintenance.yaml", "settings.yaml")


def init(
    directory: Annotated[Path, typer.Argument(help="Where to begin; it is made if it is not there.")] = Path(),
    suites: Annotated[
        bool, typer.Option("--suites/--no-suites", help="Write the shipped suites into expectations/.")
    ] = True,
) -> None:
    """Write a small config/ that works, and expectations/. Nothing that is there is overwritten. Example: busta init
    monitor
    """
    from busta_health_dagster import bootstrap

    wanted: dict[Path, bytes] = {}
    for name in FILES:
        wanted[directory / "config" / name] = (_shipped("cli") / "templates" / name).read_bytes()
    for name, schema in bootstrap.config_schemas().items():
        wanted[directory / "config" / "schema" / name] = (
            json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        ).encode()
    if suites:
        for suite in (_shipped("demo") / "expectations").iterdir():
            wanted[directory / "expectations" / suite.name] = suite.read_bytes()
    there = [path for path in wanted if path.exists()]
    try:
        for path, content in wanted.items():
            if path not in there:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    except OSError as error:
        raise BadInput(f"{error.filename} cannot be written: {error.strerror}. Choose another directory.") from error
    _report(directory, len(wanted) - len(there), there)


def _shipped(room: str) -> Traversable:
    return files("busta_health_dagster") / room


def _report(directory: Path, written: int, there: list[Path]) -> None:
    out = console()
    out.print(f"{written} files written to {directory.resolve()}.", markup=False, soft_wrap=True)
    if there:
        listed = ", ".join(str(path) for path in there[:4]) + (" ..." if len(there) > 4 else "")
        out.print(f"{len(there)} were there and are left as they are: {listed}", markup=False, soft_wrap=True)
    cd = "" if directory.resolve() == Path.cwd() else f"  cd {directory}\n"
    out.print(
        f"\nNext:\n{cd}  busta config doctor           names every mistake with its line and remedy\n"
        "  busta sources check espn_nfl  observes the example source now\n"
        "  busta up                      starts the monitor; its page is at http://127.0.0.1:3000/source-health",
        markup=False,
        soft_wrap=True,
    )
