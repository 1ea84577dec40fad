"""From a host name to a connected socket, with each phase timed and the connected address checked.

The address that was checked is the one that is connected to: names are resolved once per dial and the socket goes to
that address, so a name that answers differently the second time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.observation import Phases
from busta_health_dagster.probes.address import AddressRefused, refusal
from busta_health_dagster.probes.port import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

AddrInfo = tuple[int, int, int, str, tuple[Any, ...]]
_LOOKUP_THREADS = (
    32  # a resolver that hangs holds one thread each; asyncio's default of cpu + 4 starves at six dead names
)
_SHARED_S = 5.0
_EXPIRED, _WRONG_HOST = 10, 62  # X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_HOSTNAME_MISMATCH


class Timing:
    """Milliseconds per phase of one attempt, summed over redirect hops; `stage` is what we wait for now."""

    __slots__ = ("body", "connect", "dns", "first_byte", "not_after", "stage", "tls")

    def __init__(self) -> None:
        self.dns: float | None = None
        self.connect: float | None = None
        self.tls: float | None = None
        self.first_byte: float | None = None
        self.body: float | None = None
        self.not_after: float | None = None  # epoch seconds
        self.stage = ""

    def add(self, phase: str, since: float, until: float) -> None:
        setattr(self, phase, (getattr(self, phase) or 0.0) + (until - since) * 1000)

    def phases(self) -> Phases:
        return Phases(self.dns, self.connect, self.tls, self.first_byte, self.body)


TIMING: ContextVar[Timing] = ContextVar("busta_probe_timing")
"""The attempt that runs in this task: the connector writes here, the prober reads it when the deadline strikes."""


def timing() -> Timing:
    """The running attempt's timing; a fresh one outside of an attempt."""
    found = TIMING.get(None)
    if found is None:
        found = Timing()
        TIMING.set(found)
    return found


class Resolver:
    """getaddrinfo in threads of its own. Lookups of one name are shared for five seconds; failures are not kept."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._shared: dict[tuple[str, int], tuple[float, asyncio.Task[list[AddrInfo]]]] = {}

    async def resolve(self, host: str, port: int) -> list[AddrInfo]:
        now = asyncio.get_running_loop().time()
        known = self._shared.get((host, port))
        if known is None or now - known[0] > _SHARED_S or (known[1].done() and _failed(known[1])):
            task = asyncio.create_task(self._lookup(host, port))
            task.add_done_callback(_failed)  # reads the exception, so that a cancelled waiter leaves no warning behind
            known = self._shared[host, port] = (now, task)
        return await asyncio.shield(known[1])

    async def _lookup(self, host: str, port: int) -> list[AddrInfo]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_LOOKUP_THREADS, "busta-dns")
        observation: Callable[[], list[Any]] = lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)  # noqa: E731
        return await asyncio.get_running_loop().run_in_executor(self._pool, observation)

    async def close(self) -> None:
        tasks = [task for _, task in self._shared.values() if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.cancelled() or task.exception() is not None


@lru_cache(maxsize=4096)
def _literal(host: str, port: int) -> tuple[AddrInfo, ...]:
    """A host that is already an address; decimal and hex forms are not, and go through the resolver like names."""
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ()
    if ip.version == 4:
        return ((socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port)),)
    return tuple(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))


async def allowed(host: str, port: int, resolver: Resolver, *, guarded: bool) -> Sequence[AddrInfo]:
    """The addresses of a name that may be connected to.

    Raises:
        AddressRefused: `guarded`, and every address of the name is one that must not be reached.
        Failed: `dns`.
    """
    loop, times = asyncio.get_running_loop(), timing()
    infos: Sequence[AddrInfo] = _literal(host, port)
    if not infos:
        times.stage, start = f"the DNS answer for {host}", loop.time()
        try:
            infos = await resolver.resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise Failed("dns", f"{host} does not resolve: {error_text(error)}") from error
        finally:
            times.add("dns", start, loop.time())
    if not guarded:
        return infos
    reachable = [info for info in infos if refusal(info[4][0]) is None]
    if not reachable:
        address = infos[0][4][0]
        raise AddressRefused(host, address, refusal(address) or "")
    return reachable


async def dial(host: str, port: int, resolver: Resolver, *, guarded: bool) -> socket.socket:
    """Connect to the first address that answers.

    Raises:
        AddressRefused: `guarded`, and every address of the name is one that must not be reached.
        Failed: `dns` or `connect`.
    """
    loop, times = asyncio.get_running_loop(), timing()
    infos = await allowed(host, port, resolver, guarded=guarded)
    times.stage, start = f"{host}:{port} to accept the connection", loop.time()
    try:
        sock = await _connect(loop, infos)
    except OSError as error:
        raise Failed("connect", f"{host}:{port}: {error_text(error)}", phases=times.phases()) from error
    times.add("connect", start, loop.time())
    times.stage = f"an answer from {host}:{port}"
    return sock


async def _connect(loop: asyncio.AbstractEventLoop, infos: Sequence[AddrInfo]) -> socket.socket:
    if len(infos) > 1:
        import aiohappyeyeballs

        return await aiohappyeyeballs.start_connection(list(infos), happy_eyeballs_delay=0.25)
    family, kind, proto, _, address = infos[0]
    sock = socket.socket(family, kind, proto)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def error_text(error: BaseException) -> str:
    """What the operating system says, without errno brackets: `Connection refused`."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:  # asyncio puts its own words where the system's should be
        resolving = isinstance(error, socket.gaierror) or not error.errno or error.errno < 0
        text = error.strerror if resolving else os.strerror(error.errno or 0)
    return text.splitlines()[0][:200] if text else type(error).__name__


@lru_cache(maxsize=64)
def tls_context(
    ca_file: str | None = None,
    verify: bool = True,
    cert_file: str | None = None,
    key_file: str | None = None,
    key_password: str = "",
) -> ssl.SSLContext:
    """Loading the bundle of authorities costs 10 ms of CPU: once per process and configuration.

    Raises:
        Failed: unknown (`probe_error`), `ca_file`, `cert_file` or `key_file` cannot be read or used.
    """
    from busta_health_dagster.domain.observation import Status

    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        problem = f"tls.ca_file {ca_file}: {error_text(error)}; name a PEM file with the authority's certificate"
        raise Failed("probe_error", problem, status=Status.UNKNOWN) from error
    if cert_file is not None:
        _load_client(context, cert_file, key_file, key_password)
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _load_client(context: ssl.SSLContext, cert_file: str, key_file: str | None, password: str) -> None:
    from busta_health_dagster.domain.observation import Status

    try:
        context.load_cert_chain(cert_file, key_file, lambda: password)  # without it OpenSSL would ask at the terminal
    except ssl.SSLError as error:
        place = f"tls.key_file {key_file}" if key_file else f"tls.cert_file {cert_file}"
        why = f"{place} cannot be used: {_tls_text(error)}"
        if not password:
            why += "; if the key is encrypted, set tls.key_password: {env: NAME}"
        raise Failed("probe_error", why, status=Status.UNKNOWN) from error
    except OSError as error:
        named = f"tls.cert_file {cert_file}" + (f" or tls.key_file {key_file}" if key_file else "")
        raise Failed("probe_error", f"{named}: {error_text(error)}", status=Status.UNKNOWN) from error


def tls_failure(host: str, error: BaseException) -> Failed:
    """The sentence for a handshake that failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = {
            _EXPIRED: f"the certificate of {host} has expired",
            _WRONG_HOST: f"the certificate is not for {host}",
        }.get(error.verify_code, f"the certificate of {host} is not trusted: {error.verify_message}")
        return Failed("tls", why, phases=timing().phases())
    return Failed("tls", f"the TLS handshake with {host} failed: {_tls_text(error)}", phases=timing().phases())


def _tls_text(error: BaseException) -> str:
    return getattr(error, "reason", None) or error_text(error)


def note_certificate(transport: asyncio.BaseTransport) -> None:
    """Keep the earliest end of validity seen on the way."""
    tls = transport.get_extra_info("ssl_object")
    if tls is None or not tls.getpeercert():  # not verified: it proves nothing
        return
    # The chain as it was verified: an intermediate that ends takes the source down as surely as its own certificate.
    # Public in 3.13 (as bytes, to be decoded again); the object beneath has had it since 3.10.
    for certificate in (tls.getpeercert(), *(part.get_info() for part in tls._sslobj.get_verified_chain() or ())):  # noqa: SLF001
        with contextlib.suppress(KeyError):  # a certificate without notAfter cannot pass verification
            end = float(ssl.cert_time_to_seconds(certificate["notAfter"]))
            times = timing()
            times.not_after = end if times.not_after is None else min(end, times.not_after)
