"""Finding a port: the default moves forward when it is taken, one that was asked for does not."""

from __future__ import annotations

import errno
import socket
from contextlib import closing

from busta_health_dagster.domain.errors import PortInUse

DEFAULT_PORT = 3000
TRIES = 50
BACKLOG = 2048


def listen(host: str, asked: int | None, default: int = DEFAULT_PORT) -> socket.socket:
    """A listening socket on the port to serve on: the port asked for, a free one for 0, else the next free from `default`.

    It listens at once, because only that takes the port: the web process loads for half a minute before it serves, and
    a second `busta up` that started meanwhile chose the same port and showed the first one's page.

    Raises:
        PortInUse: the port asked for cannot be had, or neither the default nor the next ones.
    """
    if asked is not None:
        try:
            return _listening(host, asked)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(
                    f"Port {asked} on {host} is in use. Choose another with --port, or leave --port out: busta then takes "
                    "the next free one."
                ) from error
            raise _cannot(host, asked, error) from error
    for port in range(default, default + TRIES):
        try:
            return _listening(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise _cannot(host, port, error) from error
    raise PortInUse(f"No free port on {host} between {default} and {default + TRIES - 1}. Choose one with --port.")


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _cannot(host: str, port: int, error: OSError) -> PortInUse:
    return PortInUse(
        f"Cannot serve on {host}, port {port}: {error.strerror}. Choose an address of this machine with --host and a "
        "port with --port."
    )


def free(host: str = "127.0.0.1") -> int:
    """Any free port, by the kernel's choice."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def accepts(host: str, port: int, timeout_s: float = 0.5) -> bool:
    """Does something listen there by now?"""
    try:
        with closing(socket.create_connection((host, port), timeout=timeout_s)):
            return True
    except OSError:
        return False


def answers(host: str, port: int, timeout_s: float = 0.5) -> bool:
    """Does a process read what arrives there? A listening socket alone accepts connections before a process serves them."""
    try:
        with closing(socket.create_connection((host, port), timeout=timeout_s)) as connection:
            connection.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
            connection.recv(1)  # any answer will do: a refusal, or the alert of a TLS server
            return True
    except OSError:
        return False
