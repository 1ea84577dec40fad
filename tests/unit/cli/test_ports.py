from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

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
    with ports.listen("127.0.0.1", None, default=taken) as found:
        assert found.getsockname()[1] > taken


def test_two_that_start_at_once_never_get_the_same_port(taken: int) -> None:
    """The first one is not serving yet, for as long as its web process loads."""
    with (
        ports.listen("127.0.0.1", None, default=taken) as first,
        ports.listen("127.0.0.1", None, default=taken) as next_,
    ):
        assert first.getsockname()[1] != next_.getsockname()[1]


def test_a_port_that_was_asked_for_does_not_move(taken: int) -> None:
    with pytest.raises(PortInUse, match=rf"Port {taken} on 127.0.0.1 is in use. Choose another with --port"):
        ports.listen("127.0.0.1", taken)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_of_this_machine_is_refused_in_a_sentence(host: str) -> None:
    with pytest.raises(PortInUse, match=rf"Cannot serve on {host}, port \d+: .*Choose an address of this machine"):
        ports.listen(host, None)


def test_a_socket_that_listens_does_not_answer_before_somebody_serves() -> None:
    with ports.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert ports.accepts("127.0.0.1", port)
        assert not ports.answers("127.0.0.1", port, timeout_s=0.05)
        for _ in range(2):
            listener.accept()[0].close()  # what was left in the queue
        with ThreadPoolExecutor() as server:
            server.submit(_serve_one, listener)
            assert ports.answers("127.0.0.1", port, timeout_s=60)


def _serve_one(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 200")


def test_whether_something_listens_is_seen(taken: int) -> None:
    assert ports.accepts("127.0.0.1", taken)
    assert not ports.accepts("127.0.0.1", ports.free())
