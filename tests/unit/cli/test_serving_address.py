"""Where `busta up` and `busta web` serve: the options, then settings.yaml, then loopback and the next free port."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_home import SOURCES

from busta_health_dagster.cli.session import Session
from busta_health_dagster.cli.supervised import address


@pytest.mark.parametrize(
    ("web", "given", "served"),
    [
        ("{host: 0.0.0.0, port: 3077}", (None, None), ("0.0.0.0", 3077)),
        ("{host: 0.0.0.0, port: 3077}", ("127.0.0.2", 3088), ("127.0.0.2", 3088)),
        ("{port: 0}", (None, None), ("127.0.0.1", 0)),
        ("{host: 127.0.0.3}", (None, None), ("127.0.0.3", None)),
        ("{}", (None, None), ("127.0.0.1", None)),
        ("{port: none}", (None, None), ("127.0.0.1", None)),  # refused when it is started
    ],
)
def test_the_options_then_the_settings_say_where(
    tmp_path: Path, web: str, given: tuple[str | None, int | None], served: tuple[str, int | None]
) -> None:
    (tmp_path / "sources.yaml").write_text(SOURCES % {"data": tmp_path})
    (tmp_path / "settings.yaml").write_text(f"version: 1\nweb: {web}\n")
    assert address(Session(home=tmp_path / "home", config_dir=tmp_path, environ={}), *given) == served
