"""Where `busta up` and `busta web` serve: as the options say, else as settings.yaml does, also after an earlier one was killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from busta_health_dagster.cli.session import Session
from busta_health_dagster.cli.starting import Running
from busta_health_dagster.cli.supervised import supervised
from busta_health_dagster.settings.home import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCES = "version: 1\nsources: [{name: a, type: t, probe: tcp, host: 127.0.0.1, port: 1}]\n"
LISTENING = """
import socket, sys, time
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
print(server.getsockname()[1], flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """The command belongs to its process: it sets the mask of new files and what signals do."""
    mask = os.umask(0o077)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    os.umask(mask)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.2", 0))
        return int(server.getsockname()[1])


def session(base: Path, web: str) -> Session:
    config = base / "config"
    config.mkdir()
    (config / "sources.yaml").write_text(SOURCES)
    (config / "settings.yaml").write_text(f"version: 1\nweb: {web}\n")
    return Session(home=base / "home", config_dir=config, environ={})


def test_without_options_it_serves_where_settings_say(tmp_path: Path, free_port: int) -> None:
    current = session(tmp_path, f"{{host: 127.0.0.2, port: {free_port}}}")
    with supervised(current, host=None, port=None) as stage:
        assert stage.listener.getsockname() == ("127.0.0.2", free_port)
        assert stage.host == "127.0.0.2"


def test_an_option_goes_before_the_settings(tmp_path: Path, free_port: int) -> None:
    current = session(tmp_path, f"{{host: 127.0.0.2, port: {free_port}}}")
    with supervised(current, host="127.0.0.1", port=0) as stage:
        host, port = stage.listener.getsockname()
        assert (host, stage.host) == ("127.0.0.1", "127.0.0.1")
        assert port != free_port


def test_a_configuration_that_is_broken_later_still_serves_where_its_last_good_copy_says(
    tmp_path: Path, free_port: int
) -> None:
    current = session(tmp_path, f"{{host: 127.0.0.2, port: {free_port}}}")
    good = Home(tmp_path / "home").ensure().last_good
    good.mkdir()
    for file in (tmp_path / "config").iterdir():
        (good / file.name).write_text(file.read_text())
        file.write_text("version: [\n")
    with supervised(current, host=None, port=None) as stage:
        assert stage.listener.getsockname() == ("127.0.0.2", free_port)


def test_the_port_of_one_that_was_killed_is_taken_again(tmp_path: Path) -> None:
    """The links of messages that were sent lead there; what was left running held it until it was ended."""
    home = Home(tmp_path / "home").ensure()
    environ = dict(os.environ) | {"BUSTA_HOME": str(home.root)}
    with subprocess.Popen(
        [sys.executable, "-c", LISTENING], env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as left:
        assert left.stdout is not None
        port = int(left.stdout.readline())
        Running(f"http://127.0.0.1:{port}", "127.0.0.1", port, None, 0.0, {"web": left.pid}).write(home)
        with supervised(session(tmp_path, f"{{port: {port}}}"), host=None, port=None) as stage:
            assert stage.listener.getsockname() == ("127.0.0.1", port)


def test_without_a_configuration_it_serves_where_it_would_by_default(tmp_path: Path) -> None:
    """As the demo does, which writes its own a moment later."""
    with supervised(Session(home=tmp_path / "home", environ={}), host=None, port=0) as stage:
        assert stage.host == "127.0.0.1"
