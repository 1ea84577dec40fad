from __future__ import annotations

import socket

import pytest

from busta_health_dagster.cli import ports
from busta_health_dagster.domain.errors import PortInUse


@pytest.fixture
def taken():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_the_default_moves_forward_when_it_is_taken(taken: int) -> None:
    assert ports.choose("127.0.0.1", None, default=taken) > taken


def test_a_port_that_was_asked_for_does_not_move(taken: int) -> None:
    with pytest.raises(PortInUse, match=rf"Port {taken} on 127.0.0.1 is in use. Choose another with --port"):
        ports.choose("127.0.0.1", taken)


def test_whether_something_listens_is_seen(taken: int) -> None:
    assert ports.accepts("127.0.0.1", taken)
    assert not ports.accepts("127.0.0.1", ports.free())
