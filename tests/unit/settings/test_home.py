from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from busta_health_dagster.domain.errors import AlreadyRunning, HomeNotWritable
from busta_health_dagster.settings.home import Home, InstanceLock, find_home
from busta_health_dagster.settings.instance import instance_settings, write_instance, write_workspace
from busta_health_dagster.store import Store


def test_the_home_is_looked_for_in_flag_environment_and_project(tmp_path: Path) -> None:
    assert find_home(tmp_path / "flag", {"BUSTA_HOME": "/elsewhere"}, tmp_path).root == tmp_path / "flag"
    assert find_home(None, {"BUSTA_HOME": "/elsewhere"}, tmp_path).root == Path("/elsewhere")
    assert find_home(None, {}, tmp_path).root == tmp_path / ".busta"


def test_a_home_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(HomeNotWritable, match=r"cannot be written to .*--home or BUSTA_HOME"):
        Home(tmp_path / "file").ensure()


def mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o777:o}"


@pytest.fixture
def open_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_a_home_and_its_database_are_for_their_user_only(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").ensure()
    with Store(home.database_url) as store:
        store.upgrade()
        with store.write() as uow:
            uow.meta.put("any", 1)
            assert {mode(path) for path in home.root.glob("busta.sqlite3*")} == {"600"}
    assert [mode(path) for path in (home.root, home.dagster, home.logs)] == ["700"] * 3


@pytest.mark.usefixtures("open_umask")
def test_an_older_home_is_closed_to_strangers_and_nobody_elses_directory_is_touched(tmp_path: Path) -> None:
    older, shared, group = (Home(tmp_path / name) for name in ("older", "shared", "group"))
    for home in (older, group):
        home.dagster.mkdir(parents=True)
        (home.dagster / "dagster.yaml").touch()
    older.root.chmod(0o755)
    group.root.chmod(0o750)
    shared.root.mkdir(mode=0o755)
    (shared.root / "somebody's").touch()
    for home in (older, shared, group):
        home.ensure()
    assert [mode(home.root) for home in (older, shared, group)] == ["700", "755", "750"]
    assert mode(shared.dagster) == "700"


def test_a_key_beside_the_project_is_never_committed() -> None:
    root = Path(__file__).resolve().parents[3]
    assert ".env" in (root / ".gitignore").read_text().splitlines()


def test_logs_that_have_no_place_hold_nothing_up(tmp_path: Path) -> None:
    home = Home(tmp_path).ensure()
    home.logs.rmdir()
    home.logs.write_text("a file")
    assert home.ensure() is home


def test_a_second_instance_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    first, second = InstanceLock(Home(tmp_path)), InstanceLock(Home(tmp_path))
    first.acquire()
    with pytest.raises(AlreadyRunning, match=rf"pid {os.getpid()}"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_sigkill_leaves_no_stale_lock(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from busta_health_dagster.settings.home import Home, InstanceLock;"
        f"InstanceLock(Home(Path({str(tmp_path)!r}))).acquire() or print('held', flush=True); time.sleep(600)"
    )
    code = code.replace("InstanceLock(Home", "lock = InstanceLock(Home").replace(".acquire() or", "; lock.acquire();")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning):
            InstanceLock(Home(tmp_path)).acquire()
        holder.kill()
    mine = InstanceLock(Home(tmp_path))
    mine.acquire()
    mine.release()


def test_the_instance_file_keeps_a_password_out_of_it(tmp_path: Path) -> None:
    home = Home(tmp_path).ensure()
    write_instance(home, instance_settings(postgres_env="BUSTA_DATABASE_URL", tick_retention_days=2, max_runtime_s=240))
    written = yaml.safe_load((home.dagster / "dagster.yaml").read_text())
    assert written["storage"] == {"postgres": {"postgres_url": {"env": "BUSTA_DATABASE_URL"}}}
    assert written["telemetry"] == {"enabled": False}
    assert written["retention"]["sensor"]["purge_after_days"]["skipped"] == 1


def test_the_workspace_points_at_the_one_code_server(tmp_path: Path) -> None:
    path = write_workspace(Home(tmp_path).ensure(), host="127.0.0.1", port=4001)
    assert yaml.safe_load(Path(path).read_text())["load_from"][0]["grpc_server"]["port"] == 4001
