"""`busta db copy`, `backup`, `restore` and `vacuum`: the whole store, to another database, into a file and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import at_home, console

if TYPE_CHECKING:
    from busta_health_dagster.store import Store
    from busta_health_dagster.store.copying import CopiedTable


def copy(
    context: typer.Context,
    to: Annotated[
        str,
        typer.Option(envvar="BUSTA_COPY_TO", help="The new store's URL; as a variable its password stays out of `ps`."),
    ],
) -> None:
    """Bring the whole store to another database. Example: busta db copy --to postgresql://busta@db/busta

    History, alerts, acknowledgements, undelivered messages, tokens, notes: everything, compared at the end. Stop busta
    first, and start it on the new store only: two monitors notify twice. An interrupted copy goes on where it stopped.
    """
    from busta_health_dagster.settings.home import InstanceLock
    from busta_health_dagster.store import Store

    app = at_home(context).app()
    lock = InstanceLock(app.home)
    lock.acquire()
    try:
        with Store(to) as target:
            _say(_copied(app.store, target), target.url)
            console().print(
                f"Set BUSTA_DATABASE_URL to it and start busta there only. {app.store.url} stays as it is.",
                markup=False,
                soft_wrap=True,
            )
    finally:
        lock.release()
        app.close()


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A new file; it holds what the store holds, readable by you only.")],
) -> None:
    """Write the whole store into one file while the monitor runs. Example: busta db backup busta-2026-11-30.db

    SQLite or Postgres, the file is the same kind, and `busta db restore` takes it into either.
    """
    from busta_health_dagster.domain.errors import BadInput
    from busta_health_dagster.store import Store

    app = at_home(context).app()
    part = file.with_name(file.name + ".unfinished")
    try:
        if file.exists():
            raise BadInput(f"{file} exists already. Name a new file: a backup never replaces another one.")
        for left in part.parent.glob(
            f"{part.name}*"
        ):  # a backup is as of one instant: half of an older one is of no use
            left.unlink()
        with Store(f"sqlite:///{part.absolute()}") as target:
            copied = _copied(app.store, target)
            target.make_one_file()
        part.replace(file)
        _say(copied, str(file))
    finally:
        app.close()


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `busta db backup` wrote, with this release or an older one.")],
) -> None:
    """Bring a backup into the store, which must be missing or empty. Example: busta db restore busta-2026-11-30.db"""
    from tempfile import TemporaryDirectory

    app = at_home(context).app(need_store=False)
    try:
        app.home.ensure()
        with (
            TemporaryDirectory(dir=app.home.root, prefix="restore-") as folder,
            _readable(file, Path(folder)) as source,
        ):
            _say(_copied(source, app.store), app.store.url)
    finally:
        app.close()


def vacuum(context: typer.Context) -> None:
    """Give the room of pruned rows back to the disk. Example: busta db vacuum

    After each pruning a SQLite store gives it back by itself, if it was made by 0.2.0 or vacuumed once. Writers wait
    while it is rewritten, and the disk needs room for a second copy.
    """
    from busta_health_dagster.store.vacuum import vacuum as vacuum_store

    app = at_home(context).app()
    try:
        before, after = vacuum_store(app.store)
    finally:
        app.close()
    console().print(f"The store takes {after / 1e6:,.1f} MB; before, it took {before / 1e6:,.1f} MB.")


def _readable(file: Path, folder: Path) -> Store:
    """The backup as this program's schema: an older one is brought up to it in a copy, so that the file stays as it is."""
    import shutil

    from busta_health_dagster.domain.errors import BadInput
    from busta_health_dagster.store import Store

    if not file.is_file():
        raise BadInput(f"There is no file {file}. Name one that `busta db backup` wrote.")
    with file.open("rb") as handle:
        if handle.read(15) != b"SQLite format 3":
            raise BadInput(f"{file} is no backup: it is not a SQLite file. Name one that `busta db backup` wrote.")
    copied = folder / "backup.db"
    shutil.copyfile(file, copied)
    store = Store(f"sqlite:///{copied}")
    if store.status().state == "missing":
        raise BadInput(f"{file} is no backup: it has no table of busta's. Name one that `busta db backup` wrote.")
    store.upgrade()
    return store


def _copied(source: Store, target: Store) -> list[CopiedTable]:
    from busta_health_dagster.cli.progress import bar
    from busta_health_dagster.store.copying import copy_store

    with bar("Copying", unit="rows") as advance:
        return copy_store(source, target, advance)


def _say(copied: list[CopiedTable], where: str) -> None:
    rows = sum(each.rows for each in copied)
    console().print(
        f"{rows:,} rows in {len(copied)} tables are at {where}, verified.",
        markup=False,
        soft_wrap=True,
    )
