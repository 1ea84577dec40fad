"""Ways in that a server asks for: digest, a client certificate, cookies on the way; and what a redirect must not get."""

from __future__ import annotations

import gzip
import hashlib
import re
import ssl

import pytest
from probe_servers import REAL, look, reply
from pydantic import ValidationError

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes.file import FileConfig
from busta_health_dagster.probes.http_config import HttpConfig

CHALLENGE = 'Digest realm="r", nonce="n1", qop="auth", algorithm=SHA-256'


def digest_ok(head: str) -> bool:
    """As RFC 7616 computes it."""
    given = dict(re.findall(r'(\w+)="?([^",\r]+)"?', head.partition("uthorization: Digest ")[2]))
    if not given:
        return False
    ha1 = hashlib.sha256(b"ann:r:s3cret-key").hexdigest()
    ha2 = hashlib.sha256(f"GET:{given['uri']}".encode()).hexdigest()
    text = f"{ha1}:{given['nonce']}:{given['nc']}:{given['cnonce']}:{given['qop']}:{ha2}"
    return given["response"] == hashlib.sha256(text.encode()).hexdigest()


async def test_digest_answers_the_challenge(serve) -> None:
    async def handler(served, head, writer):
        ok = digest_ok(head)
        writer.write(reply([1, 2]) if ok else reply(b"", 401, headers={"WWW-Authenticate": CHALLENGE}))
        await writer.drain()

    web = await serve(handler)
    auth = {"digest": {"username": "ann", "password": {"env": "API_KEY"}}}
    seen = await look("http", {"url": web.url("/v1?a=1"), "items": "$[*]", "auth": auth})
    assert (seen.status, seen.items) == (Status.UP, 2), (seen, web.requests)
    assert "s3cret-key" not in "".join(web.requests)
    without = await look("http", {"url": web.url("/v1")})
    assert (without.status, without.http_status) == (Status.DOWN, 401)


async def test_digest_is_not_answered_for_another_host(serve) -> None:
    thief = await serve(reply(b"", 401, headers={"WWW-Authenticate": CHALLENGE}))
    web = await serve(reply(b"", 302, headers={"Location": thief.url("/steal", host="localhost")}))
    auth = {"digest": {"username": "ann", "password": {"env": "API_KEY"}}}
    await look("http", {"url": web.url(), "auth": auth})
    assert len(thief.requests) == 1
    assert "uthorization" not in thief.requests[0]


async def test_a_cookie_that_a_redirect_sets_comes_back_to_its_host_and_only_within_the_observation(serve) -> None:
    async def handler(served, head, writer):
        if "session=abc" in head:
            writer.write(reply([1]))
        else:
            writer.write(reply(b"", 302, headers={"Location": "/in", "Set-Cookie": "session=abc; Path=/"}))
        await writer.drain()

    web = await serve(handler)
    for _ in range(2):
        assert (await look("http", {"url": web.url("/"), "items": "$[*]"})).items == 1
    assert ["session=abc" in head for head in web.requests] == [False, True, False, True]


async def test_a_page_that_sets_a_cookie_and_sends_back_to_itself_is_no_loop_until_nothing_changes(serve) -> None:
    """Consent and load balancers do that: without a cookie the same address answers with a redirect to itself."""

    async def consent(served, head, writer):
        given = [name for name in ("consent=1", "node=b") if name in head]
        more = ["consent=1", "node=b"][len(given) :]
        cookie = {"Location": "/?q=1", "Set-Cookie": more[0] if more else ""}
        writer.write(reply(b"", 302, headers=cookie) if more else reply([1]))
        await writer.drain()

    web = await serve(consent)
    seen = await look("http", {"url": web.url("/"), "params": {"q": "1"}, "items": "$[*]"})
    assert (seen.status, seen.items, len(web.requests)) == (Status.UP, 1, 3)
    stuck = await serve(reply(b"", 302, headers={"Location": "/", "Set-Cookie": "consent=1"}))
    seen = await look("http", {"url": stuck.url("/")})
    assert (seen.status, seen.reason, len(stuck.requests)) == (Status.DOWN, "redirects", 2)
    assert seen.detail.startswith("redirect loop: back at")


@pytest.fixture
def client_side(tmp_path, authority):
    """A server's context that wants a client certificate, and the files of one, its key encrypted."""
    from cryptography.hazmat.primitives import serialization

    issued = authority.issue_cert("client@example.com")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    cert, key, locked = tmp_path / "client.pem", tmp_path / "client.key", tmp_path / "locked.key"
    issued.cert_chain_pems[0].write_to_path(str(cert))
    issued.private_key_pem.write_to_path(str(key))
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    locked.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"s3cret-key"),
        )
    )
    return context, cert, key, locked


async def test_a_client_certificate_opens_the_door(serve, client_side, ca_file) -> None:
    context, cert, key, locked = client_side
    web = await serve(reply([1]), context)
    tls = {"ca_file": str(ca_file), "cert_file": str(cert)}
    for more in ({"key_file": str(key)}, {"key_file": str(locked), "key_password": {"env": "API_KEY"}}):
        seen = await look("http", {"url": web.url(host="localhost"), "items": "$[*]", "tls": tls | more})
        assert (seen.status, seen.items) == (Status.UP, 1), seen.detail
    without = await look("http", {"url": web.url(host="localhost"), "tls": {"ca_file": str(ca_file)}})
    assert without.status is Status.DOWN


async def test_a_key_that_cannot_be_used_is_named(serve, client_side, ca_file, tmp_path) -> None:
    context, cert, _, locked = client_side
    web = await serve(reply([1]), context)
    tls = {"ca_file": str(ca_file), "cert_file": str(cert), "key_file": str(locked)}
    seen = await look("http", {"url": web.url(host="localhost"), "tls": tls})
    assert (seen.status, seen.reason) == (Status.UNKNOWN, "probe_error")
    assert "if the key is encrypted, set tls.key_password" in seen.detail
    gone = await look("http", {"url": web.url(host="localhost"), "tls": tls | {"key_file": str(tmp_path / "gone.key")}})
    assert f"tls.key_file {tmp_path / 'gone.key'}: No such file" in gone.detail


async def test_a_file_over_https_is_asked_for_as_any_answer_is(serve) -> None:
    async def handler(served, head, writer):
        ok = "token: Token s3cret-key" in head.lower().replace("token s3", "Token s3")
        writer.write(reply(b"a,b\n1,2\n", headers={"Content-Type": "text/csv"}) if ok else reply(b"", 403))
        await writer.drain()

    web = await serve(handler)
    headers = {"X-Token": {"env": "API_KEY", "prefix": "Token "}}
    assert (await look("file", {"path": web.url("/a.csv"), "headers": headers})).items == 1
    assert (await look("file", {"path": web.url("/a.csv")})).status is Status.DOWN


async def test_the_certificate_of_a_file_over_https_is_watched(serve, authority, ca_file) -> None:
    import datetime as dt

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=5)
    authority.issue_cert("localhost", not_after=soon).configure_cert(context)
    web = await serve(reply(b"a,b\n1,2\n"), context)
    seen = await look(
        "file", {"path": web.url("/a.csv", host="localhost"), "tls": {"ca_file": str(ca_file)}}, clock=REAL
    )
    assert (seen.status, seen.reason) == (Status.DEGRADED, "certificate")
    assert 4 < seen.tls_days_left < 6


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip", "deflate"])
async def test_a_packed_body_is_read_however_it_is_packed(serve, coding) -> None:
    import zlib

    import brotli
    from backports import zstd

    packed = {"br": brotli.compress, "zstd": zstd.compress, "gzip": gzip.compress, "deflate": zlib.compress}
    body = packed[coding](b"[1, 2, 3]")
    web = await serve(reply(body, headers={"Content-Encoding": coding, "Content-Type": "application/json"}))
    assert (await look("http", {"url": web.url(), "items": "$[*]"})).items == 3
    assert coding in web.requests[0].partition("Accept-Encoding")[2].partition("\r\n")[0]


@pytest.mark.parametrize(
    ("model", "config", "says"),
    [
        (HttpConfig, {"url": "http://a/", "tls": {"key_file": "k"}}, "a key without its certificate"),
        (
            HttpConfig,
            {
                "url": "http://a/",
                "auth": {"digest": {"username": "a", "password": {"env": "B"}}, "bearer": {"env": "C"}},
            },
            "auth is {basic",
        ),
        (
            FileConfig,
            {"path": "a.csv", "headers": {"A": "b"}},
            "headers belongs to a path that is asked for over http(s)",
        ),
        (FileConfig, {"path": "http://a/b.csv", "headers": {"X-Api-Key": "abc"}}, "holds a literal secret"),
    ],
)
def test_what_does_not_fit_together_is_refused_at_load(model, config, says) -> None:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(config)
    assert says in str(refused.value)
