"""The other sides, for real: HTTP servers that speak the services' protocols, SMTP with STARTTLS and login, a test authority."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult

from tests.mail_server import QuietController


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def form(self):
        return dict(parse_qsl(self.body.decode()))


@dataclass
class Peer:
    """What a server should do, and what it got. `mode`: ok, status, hang, drip, redirect."""

    mode: str = "ok"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    answer: object = None
    received: list[Received] = field(default_factory=list)
    url: str = ""
    release: threading.Event = field(default_factory=threading.Event)
    script: list[tuple[int, object]] = field(default_factory=list)  # answers to give first, in order


class _Handler(BaseHTTPRequestHandler):
    peer: Peer

    def do_PATCH(self) -> None:
        self.do_POST()

    def do_PUT(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        peer = self.peer
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        peer.received.append(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body, self.command))
        if peer.mode == "hang":
            peer.release.wait(20)
            return
        if peer.mode == "drip":
            self._drip()
            return
        status, answer = self._answer()
        self.send_response(status)
        for name, value in peer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _answer(self) -> tuple[int, bytes]:
        peer = self.peer
        if peer.script:
            status, answer = peer.script.pop(0)
            return status, json.dumps(answer).encode()
        if peer.mode != "ok":
            return peer.status, json.dumps(peer.answer).encode() if peer.answer is not None else b"no"
        if "chat." in self.path:
            return 200, json.dumps(
                {"ok": True, "channel": "C0DATAALERTS", "ts": f"1795420534.{len(peer.received):06}"}
            ).encode()
        if self.path.startswith("/v2/enqueue"):
            return 202, b'{"status":"success"}'
        number = len(peer.received)
        known: list[tuple[str, int, object]] = [
            ("/sendMessage", 200, {"ok": True, "result": {"message_id": number}}),
            ("/api/webhooks/", 200, {"id": str(900 + number)}),
            ("/v2/alerts", 202, {"result": "Request will be processed", "requestId": "r"}),
            ("/Messages.json", 201, {"sid": f"SM{number}", "status": "queued"}),
            ("/workflows/", 202, {}),
            ("/v1/spaces/", 200, {"name": "spaces/AAA/messages/BBB"}),
        ]
        for part, status, said in known:
            if part in self.path:
                return status, json.dumps(said).encode()
        return 200, b"ok"

    def _drip(self) -> None:
        while not self.peer.release.wait(0.05):
            try:
                self.connection.sendall(b"H")
            except OSError:
                return

    def log_message(self, *args) -> None:
        """Quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up is part of the story."""


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> tuple[trustme.CA, Path]:
    ca = trustme.CA()
    pem = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(pem))
    return ca, pem


def server_context(ca: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(context)
    return context


def _serve(tls: ssl.SSLContext | None = None):
    peer = Peer()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"peer": peer}))
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    peer.url = f"{'https' if tls else 'http'}://localhost:{server.server_port}"
    try:
        yield peer
    finally:
        peer.release.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def peer():
    yield from _serve()


@pytest.fixture
def tls_peer(authority):
    yield from _serve(server_context(authority[0]))


@pytest.fixture
def wrong_name_peer(authority):
    yield from _serve(server_context(authority[0], "elsewhere.example"))


@pytest.fixture
def nobody() -> int:
    """A port that nothing listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@dataclass
class Mailbox:
    """An SMTP server's memory, and how it should behave: `answer` replaces the reply to DATA, `recipient` that to RCPT."""

    messages: list = field(default_factory=list)
    answer: str = "250 OK"
    refuse: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    logins: list[str] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802  aiosmtpd's names
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.hang:
            await asyncio.sleep(20)
        if self.answer.startswith("250"):
            self.messages.append((session.ssl is not None, tuple(envelope.rcpt_tos), envelope.content))
        return self.answer


def smtp_server(mailbox: Mailbox, tls: ssl.SSLContext | None, *, implicit: bool = False, login: bool = True):
    def authenticate(server, session, envelope, mechanism, data):
        name, password = data.login.decode(), data.password.decode()
        mailbox.logins.append(name)
        return AuthResult(success=(name, password) == ("user", "s3cret"), handled=False)

    class Bound(QuietController):
        def smtp(self, **options):
            if tls and not implicit:
                options |= {"tls_context": tls, "require_starttls": True}
            if login and tls:
                options |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": True}
            return SMTP(self.handler, **options | {"hostname": "localhost"})

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Bound(mailbox, hostname="localhost", port=port, ssl_context=tls if implicit else None)
    controller.start()
    mailbox.port = port
    return controller


@pytest.fixture
def mailbox(authority):
    box = Mailbox()
    controller = smtp_server(box, server_context(authority[0]))
    yield box
    controller.stop()


@pytest.fixture
def plain_mailbox():
    box = Mailbox()
    controller = smtp_server(box, None)
    yield box
    controller.stop()


@pytest.fixture
def tls_mailbox(authority):
    box = Mailbox()
    controller = smtp_server(box, server_context(authority[0]), implicit=True, login=False)
    yield box
    controller.stop()
