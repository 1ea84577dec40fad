"""Real servers for probe tests: an HTTP server whose answers are raw bytes, so that it can misbehave in any way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from dataclasses import dataclass, field

import pytest
import trustme

from busta_health_dagster.domain.clock import SystemClock
from busta_health_dagster.domain.errors import MissingSecret
from busta_health_dagster.domain.observation import Kind
from busta_health_dagster.domain.source import Source
from busta_health_dagster.framework import Bridge
from busta_health_dagster.probes import ProbeLimits, registry
from busta_health_dagster.probes.prober import Prober
from busta_health_dagster.testing import FakeClock

SECRETS = {"API_KEY": "s3cret-key", "NOT_HTTP": "ftp://example.com"}
FAST = ProbeLimits(
    confirm_delays_s=(0.0, 0.0), plugin_grace_s=0.2, lag_s=60.0
)  # a busy machine lags, and that is another story


def reply(body=b"", status=200, *, headers=None, length=True) -> bytes:
    if isinstance(body, dict | list):
        body, headers = json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})}
    head = {"Content-Type": "text/plain", "Connection": "close", **({"Content-Length": len(body)} if length else {})}
    head |= headers or {}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body


@dataclass
class Served:
    """A running server. `requests` are the heads it got, `sent` the bytes it could send."""

    port: int
    server: asyncio.Server
    scheme: str = "http"
    requests: list[str] = field(default_factory=list)
    tasks: set[asyncio.Task] = field(default_factory=set)
    sent: int = 0

    def url(self, path="/", host="127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


async def start(handler, context: ssl.SSLContext | None = None, *, patient=True) -> Served:
    """`handler` is bytes, a list of bytes (one per request, the last repeats), a path -> bytes mapping, or
    `async (served, head, writer)`. An impatient server answers the first byte.
    """
    served: Served

    async def answer(reader, writer):
        served.tasks.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n") if patient else await reader.read(1)).decode("latin-1")
            served.requests.append(head)
            if callable(handler):
                await handler(served, head, writer)
            else:
                body = handler
                if isinstance(handler, list):
                    body = handler[min(len(served.requests), len(handler)) - 1]
                elif isinstance(handler, dict):
                    body = handler.get(head.split(" ")[1], reply(b"no such page", 404))
                writer.write(body)
                await writer.drain()
        if context:  # say goodbye properly
            with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):
                writer.close()
                await writer.wait_closed()
        elif writer.transport.get_write_buffer_size() and asyncio.current_task().cancelling():
            writer.transport.abort()
        else:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    served = Served(port, server, "https" if context else "http")
    return served


@pytest.fixture
async def serve():
    running: list[Served] = []

    async def begin(handler, context=None, **more) -> Served:
        running.append(await start(handler, context, **more))
        return running[-1]

    yield begin
    for served in running:
        served.server.close()
        for task in served.tasks:
            task.cancel()
        await asyncio.gather(*served.tasks, return_exceptions=True)
        await served.server.wait_closed()
    await asyncio.sleep(0.01)  # transports close in the loop's next turns


@pytest.fixture
def closed_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def server_tls(authority: trustme.CA, *names: str, **dates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **dates).configure_cert(context)
    return context


def secret(ref) -> str:
    if ref.env not in SECRETS:
        raise MissingSecret(f"the variable {ref.env} is not set; set {ref.env} in the environment or in .env")
    return SECRETS[ref.env]


def source(probe: str, config: dict, *, name="odds_api", types=None, **more) -> Source:
    """A source as the loader makes it: its configuration validated by the probe's model."""
    model = (types or registry())[probe].config
    more = {"timeout_s": 5.0, "confirm": 0, "allow_private": True, **more}
    return Source(name, more.pop("type", "odds"), probe, model.model_validate(config), **more)


def prober(*, types=None, clock=None, limits=FAST, heartbeats=lambda _name: None, control=()) -> Prober:
    return Prober(
        registry() if types is None else types,
        secret=secret,
        clock=clock or FakeClock(),
        heartbeats=heartbeats,
        limits=limits,
        platform=Bridge(),
        control=control,
    )


async def look(probe: str, config: dict, *, clock=None, limits=FAST, heartbeats=lambda _name: None, **more):
    """One manual observation of one source, through the prober."""
    pairs = [(source(probe, config, **more), 0)]
    return (await prober(clock=clock, limits=limits, heartbeats=heartbeats).check(pairs, Kind.MANUAL))[0]


REAL = SystemClock()
