"""Finding a port: the default moves forward when it is taken, one that was asked for does not."""

from __future__ import annotations

import socket
from contextlib import closing

from busta_health_dagster.domain.errors import PortInUse

DEFAULT_PORT = 3000
TRIES = 50


def is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose(host: str, asked: int | None, default: int = DEFAULT_PORT) -> int:
    """The port to serve on.

    Raises:
        PortInUse: the port asked for is taken, or the default and the next ones all are.
    """
    if asked is not None:
        if asked and not is_free(host, asked):
            raise PortInUse(
                f"Port {asked} on {host} is in use. Choose another with --port, or leave --port out: busta then takes the next free one."
            )
        return asked or free(host)
    for port in range(default, default + TRIES):
        if is_free(host, port):
            return port
    raise PortInUse(f"No free port on {host} between {default} and {default + TRIES - 1}. Choose one with --port.")


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
