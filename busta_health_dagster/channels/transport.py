"""HTTP for the channels that POST: one attempt, one total deadline, no redirects, and no address that may hold our
own machines.

The address is evaluated on the connected socket, before a byte is sent: a name may resolve to anything a moment later.
"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from busta_health_dagster.domain.delivery import Delivered, Outcome, Rejected, RetryLater
from busta_health_dagster.domain.retry_after import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import requests

LONGEST_WAIT_S = 86_400.0
"""Of a receiver's Retry-After: no one is notified after more than a day."""
_LATER = frozenset({408, 425, 429})
_WORDS = {
    400: "it does not understand the message",
    401: "it does not know our credentials",
    403: "it does not allow us",
    404: "nothing is there",
    405: "it takes no POST",
    410: "it is gone for good",
    413: "the message is too large for it",
    422: "it does not accept the message",
}


class AddressRefused(Exception):
    """The name leads to an address that must not be connected to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and headers; of the body only as much as the channel asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    refuse: Callable[[str], str | None] | None,
    ca_file: str | None = None,
    method: str = "POST",
    read: int = 0,
) -> Answer | RetryLater | Rejected:
    """POST once. `refuse` evaluates the connected address (None: anything goes). Texts name the host, never the URL: it
    may hold a token. `read` is how many bytes of the answer's body are wanted.
    """
    import requests

    host = urlsplit(url).hostname or url[:40]
    opened: list[socket.socket] = []
    with _session(opened, refuse) as session, _deadline(opened, timeout_s) as late:
        try:
            answer = session.request(
                method,
                url,
                data=body,
                headers=dict(headers),
                timeout=(min(timeout_s, 5.0), timeout_s),
                allow_redirects=False,
                verify=ca_file or True,
                stream=True,
            )
            with answer:  # a body may be endless, or drip until the deadline
                body_read = answer.raw.read(read, decode_content=True) if read else b""
                return Answer(answer.status_code, answer.headers, body_read)
        except AddressRefused as refused:
            return Rejected(str(refused), "Use a public address, or say allow_private: true")
        except requests.exceptions.Timeout:
            return RetryLater(f"{host} did not answer within {timeout_s:g} s")
        except requests.exceptions.SSLError as why:
            return RetryLater(f"TLS with {host} failed: {_tls_reason(why)}")
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.MissingSchema,
            requests.exceptions.InvalidSchema,
            UnicodeError,
        ):
            return Rejected(f"the URL of {host} cannot be used", "Write it as https://host/path")
        except (requests.exceptions.RequestException, OSError) as why:
            if isinstance(root := _root(why), AddressRefused):
                return Rejected(str(root), "Use a public address, or say allow_private: true")
            if late.is_set():
                return RetryLater(f"{host} did not answer within {timeout_s:g} s")
            return RetryLater(f"{host} cannot be reached: {_plain(why)}")


def evaluated(answer: Answer | RetryLater | Rejected, host: str, *, now: float, remedy: str = "") -> Outcome:
    """What a status means for a delivery: 2xx accepted; 408, 425, 429 and 5xx later; anything else never."""
    if not isinstance(answer, Answer):
        return answer
    status = answer.status
    if 200 <= status < 300:
        return Delivered(detail=f"{status}")
    if status in _LATER or status >= 500:
        return RetryLater(
            f"{host} answered {status}", retry_after(answer.headers.get("Retry-After"), now, LONGEST_WAIT_S)
        )
    if 300 <= status < 400:
        return Rejected(f"{host} answered {status}, a redirect, which is not followed", "Write the final URL")
    said = _WORDS.get(status)
    return Rejected(f"{host} answered {status}{f': {said}' if said else ''}", remedy)


@contextmanager
def _deadline(opened: list[socket.socket], timeout_s: float) -> Iterator[threading.Event]:
    """Cuts the connection at the total deadline: a server that drips one byte a second never trips a socket timeout."""
    late = threading.Event()

    def cut() -> None:
        late.set()
        for sock in opened:
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not SSLSocket's own: it would drop to plain text
            except OSError:
                continue  # closed already: that is what we wanted

    timer = threading.Timer(timeout_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


@contextmanager
def _session(opened: list[socket.socket], refuse: Callable[[str], str | None] | None) -> Iterator[requests.Session]:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    def watch(connection: Any, dial: Callable[[], socket.socket]) -> socket.socket:
        sock = dial()
        address = sock.getpeername()[0]
        why = refuse(address) if refuse else None
        if why is not None:
            sock.close()
            raise AddressRefused(f"{connection.host} leads to {address}, which is {why}")
        return sock

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return watch(self, super()._new_conn)

        def connect(self) -> None:
            super().connect()
            opened.append(self.sock)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return watch(self, super()._new_conn)

        def connect(self) -> None:
            super().connect()
            opened.append(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    with requests.Session() as session:
        session.trust_env = (
            False  # a proxy of the environment would be the connected address, and .netrc is no one's business
        )
        for scheme in ("http://", "https://"):
            session.mount(scheme, Adapter(max_retries=0))
        yield session


def _root(why: BaseException) -> BaseException:
    seen = why
    while (inner := seen.__cause__ or seen.__context__) is not None:
        seen = inner
        if isinstance(seen, AddressRefused):
            break
    return seen


def _tls_reason(why: BaseException) -> str:
    root = _root(why)
    return (
        str(getattr(root, "verify_message", "") or getattr(root, "reason", "") or type(root).__name__)
        .replace("_", " ")
        .lower()
    )


def _plain(why: BaseException) -> str:
    root = _root(why)
    if isinstance(root, socket.gaierror):
        return "the name is not found"
    if isinstance(root, ConnectionRefusedError):
        return "connection refused"
    if isinstance(root, ConnectionError):
        return "connection lost"
    return type(root).__name__
