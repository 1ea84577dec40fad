"""One way to fetch: large headers, charsets, other formats than JSON, secrets in bodies, chains of certificates."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from probe_servers import SECRETS, look, reply
from pydantic import ValidationError

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes.http_config import HttpConfig
from busta_health_dagster.settings.secret import secret_refs
from busta_health_dagster.testing import EPOCH

CSV = b"id, price, at\n1, 1.9, 2026-11-23T06:00:00Z\n2, 2.1, 2026-11-22T06:00:00Z\n"
LINES = b'{"id": 1, "at": "2026-11-23T06:00:00Z"}\n{"id": 2, "at": null}\n'


@pytest.mark.parametrize("headers", [{"Content-Security-Policy": "x" * 20_000}, {f"X-{n}": "y" for n in range(300)}])
async def test_an_answer_with_large_or_many_headers_is_http(serve, headers):
    web = await serve(reply([1, 2], headers=headers))
    assert (await look("http", {"url": web.url(), "items": "$[*]"})).items == 2


@pytest.mark.parametrize("behind", [b" " * 10, b"\r\n", b"\n\n\n"])
@pytest.mark.parametrize("early", [b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"])
async def test_blanks_behind_the_end_of_an_answer_do_not_cost_the_answer(serve, behind, early):
    web = await serve(early + reply([1, 2], headers={"Connection": "keep-alive"}) + behind)
    seen = await look("http", {"url": web.url(), "items": "$[*]"})
    assert (seen.status, seen.items) == (Status.UP, 2), seen.detail


@pytest.mark.parametrize(
    ("body", "label"),
    [
        ('[{"n": "Jos\xe9"}]'.encode("latin-1"), "application/json; charset=iso-8859-1"),
        ('[{"n": "Jos\xe9"}]'.encode(), "application/json; charset=iso-8859-1"),  # UTF-8 is UTF-8, whatever is claimed
        ('[{"n": "Jos\xe9"}]'.encode("utf-16"), "application/json"),
        ('[{"n": "Jos\xe9"}]'.encode("utf-8-sig"), "application/json"),
    ],
)
async def test_json_is_read_in_its_charset(serve, body, label):
    web = await serve(reply(body, headers={"Content-Type": label}))
    wanted = {"json": [{"path": "$[*].n", "equals": "Jos\xe9"}]}
    assert (await look("http", {"url": web.url(), "items": "$[*]", "expect": wanted})).status is Status.UP


@pytest.mark.parametrize("charset", ["utf8mb4", "nope", "hex", "idna", "undefined"])
async def test_a_charset_that_nobody_knows_is_utf_8_wherever_a_body_becomes_text(serve, charset):
    page = reply("<p>Jos\xe9: 7 left</p>".encode(), headers={"Content-Type": f"text/html; charset={charset}"})
    document = reply('["\xe9"]'.encode(), headers={"Content-Type": f"application/json; charset={charset}"})
    broken = reply(b'["\xe9"]', headers={"Content-Type": f"application/json; charset={charset}"})
    web = await serve({"/page": page, "/json": document, "/broken": broken})
    text = {"expect": {"regex": "^<p>Jos\xe9"}, "metrics": {"left": {"regex": "Jos\xe9: ([0-9]+)"}}}
    seen = await look("http", {"url": web.url("/page"), **text})
    assert (seen.status, seen.metrics) == (Status.UP, {"left": 7})
    wanted = {"json": [{"path": "$[0]", "equals": "\xe9"}]}
    assert (await look("http", {"url": web.url("/json"), "expect": wanted})).status is Status.UP
    assert (await look("http", {"url": web.url("/broken"), "items": "$[*]"})).reason == "payload"


@pytest.mark.parametrize(
    ("query", "params", "asked"),
    [
        ("?sig=a%2Bb%2Fc%3D&se=2026-12-01T00%3A00%3A00Z", {}, "?sig=a%2Bb%2Fc%3D&se=2026-12-01T00%3A00%3A00Z"),
        ("?sig=a%2Bb%2Fc%3D", {"league": "n f/l"}, "?sig=a%2Bb%2Fc%3D&league=n+f/l"),
        ("?f[0]=a:b@c", {}, "?f[0]=a:b@c"),
        ("?q=a b&r=\xe9", {}, "?q=a+b&r=%C3%A9"),
        ("?q=100%", {}, "?q=100%25"),
        ("", {"league": "nfl"}, "?league=nfl"),
        ("#part?x=%2F", {}, ""),
    ],
)
async def test_a_query_that_is_written_well_is_asked_for_as_it_is_also_after_a_redirect(serve, query, params, asked):
    """A pre-signed URL is refused when one of its escapes is written in another way."""
    web = await serve({f"/a{asked}": reply([1]), "/to": reply(b"", 302, headers={"Location": f"/a{asked}"})})
    config = {"url": web.url(f"/a{query}"), "params": params}
    assert (await look("http", config)).status is Status.UP, web.requests
    assert (await look("http", {"url": web.url("/to")})).status is Status.UP, web.requests


@pytest.mark.parametrize("status", [204, 205])
async def test_no_content_under_the_label_of_json_is_up_unless_something_of_it_is_wanted(serve, status):
    web = await serve(reply(b"", status, headers={"Content-Type": "application/json"}))
    good = {"url": web.url(), "expect": {"status": [200, status]}}
    assert (await look("http", good)).status is Status.UP
    assert (await look("http", {"url": web.url()})).status is Status.UP
    assert (await look("http", {**good, "items": "$[*]"})).reason == "payload"


async def test_a_number_beyond_all_bounds_passes_no_assertion_and_is_in_no_sample(serve):
    web = await serve(reply(b'[{"price": 1e999}]', headers={"Content-Type": "application/json"}))
    wanted = {"expect": {"json": [{"path": "$[0].price", "op": ">", "value": 1}]}}
    seen = await look("http", {"url": web.url(), "items": "$[*]", **wanted})
    assert (seen.status, seen.reason) == (Status.DOWN, "assertion")
    assert (await look("http", {"url": web.url(), "items": "$[*]"})).sample.rows == ({"price": None},)


def parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2], "at": ["2026-11-23T06:00:00Z", None]}), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("body", "form", "label"),
    [
        (CSV, "csv", "text/plain"),
        (CSV, None, "text/csv"),
        (gzip.compress(CSV, mtime=0), "csv", "application/gzip"),
        (CSV.replace(b",", b";"), "csv;", "text/plain"),
        (LINES, "jsonl", "text/plain"),
        (LINES, None, "application/x-ndjson"),
        (parquet(), "parquet", "application/octet-stream"),
    ],
)
async def test_csv_json_lines_and_parquet_are_read_like_json(serve, body, form, label):
    web = await serve(reply(body, headers={"Content-Type": label}))
    config = {"url": web.url(), "items": "$[*]", "data_age": {"column": "at"}}
    if form is not None:
        config |= {"format": form.rstrip(";"), **({"delimiter": ";"} if form.endswith(";") else {})}
    config["expect"] = {"json": [{"path": "$[*].id", "min_items": 2}]}
    seen = await look("http", config)
    assert (seen.status, seen.items, seen.data_age_s) == (Status.UP, 2, 7200.0)
    assert str(seen.sample.rows[0]["id"]) == "1"


async def test_json_lines_that_nobody_asks_to_read_are_no_broken_json(serve):
    web = await serve(reply(LINES, headers={"Content-Type": "application/x-ndjson"}))
    assert (await look("http", {"url": web.url()})).status is Status.UP


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html><body>Sign in</body></html>", "an HTML page where csv was expected"),
        (b'a,b\n"1,2\n3,4\n', "a quote that is opened in line 2 is not closed"),
        (b"", "not even a header"),
    ],
)
async def test_what_is_no_table_is_down_payload(serve, body, words):
    seen = await look("http", {"url": (await serve(reply(body))).url(), "format": "csv"})
    assert (seen.status, seen.reason) == (Status.DOWN, "payload")
    assert words in seen.detail


async def test_a_column_of_a_json_document_still_needs_its_items():
    with pytest.raises(ValidationError) as refused:
        HttpConfig(url="https://example.com", data_age={"column": "at"})
    assert "data_age.column needs items" in str(refused.value)
    assert HttpConfig(url="https://example.com", format="csv", data_age={"column": "at"}).tells_age


async def test_secrets_within_a_body_are_sent_as_what_they_are(serve):
    got = []

    async def answer(_served, head, writer):
        got.append(head)
        writer.write(reply([1]))
        await writer.drain()

    body = {"user": "a", "login": [{"password": {"env": "API_KEY"}}]}
    sent = json.dumps({"user": "a", "login": [{"password": SECRETS["API_KEY"]}]})
    web = await serve(answer)
    config = {"url": web.url(), "method": "POST", "body": body}
    assert (await look("http", config)).status is Status.UP
    assert f"Content-Length: {len(sent)}" in got[0]
    assert [ref.env for ref in secret_refs(HttpConfig(**config))] == ["API_KEY"]
    missing = await look("http", {**config, "body": {"a": {"env": "NOWHERE"}}})
    assert (missing.status, missing.reason) == (Status.UNKNOWN, "missing_secret")


@pytest.mark.parametrize(("status", "attempts"), [(401, 1), (403, 1), (404, 1), (500, 3), (503, 3)])
async def test_only_what_may_be_over_in_seconds_is_asked_again(serve, status, attempts):
    web = await serve(reply(b"", status))
    assert (await look("http", {"url": web.url()}, confirm=2)).attempts == attempts
    assert len(web.requests) == attempts
    file = await look("file", {"path": web.url("/a.csv")}, confirm=2)
    assert file.attempts == attempts


async def test_a_failed_assertion_is_not_asked_again_and_a_reset_is(serve, closed_port):
    web = await serve(reply([1]))
    assert (await look("http", {"url": web.url(), "expect": {"min_items": 9}}, confirm=2)).attempts == 1
    assert (await look("http", {"url": (await serve(b"")).url()}, confirm=2)).attempts == 3
    assert (await look("http", {"url": f"http://127.0.0.1:{closed_port}/"}, confirm=2)).attempts == 3


def certificate(name, issuer, key, signer, days, *, ca):
    now = dt.datetime.now(dt.UTC)
    build = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        build = build.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    return build.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.machine_clock
@pytest.mark.parametrize("probe", ["http", "tcp"])
async def test_an_intermediate_certificate_near_its_end_counts_like_the_leaf(serve, tmp_path, probe):
    root, middle, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    (tmp_path / "root.pem").write_bytes(certificate("root", "root", root, root, 3650, ca=True))
    chain = certificate("localhost", "middle", leaf, middle, 400, ca=False)
    chain += certificate("middle", "root", middle, root, 5, ca=True)
    (tmp_path / "chain.pem").write_bytes(chain)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "leaf.key").write_bytes(leaf.private_bytes(*form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem", tmp_path / "leaf.key")
    web = await serve(reply([1]), context)
    place = {"url": web.url(host="localhost")} if probe == "http" else {"host": "localhost", "port": web.port}
    tls = {"ca_file": str(tmp_path / "root.pem")}
    seen = await look(probe, {**place, "tls": tls})
    ends = dt.datetime.now(dt.UTC).timestamp() + 5 * 86_400
    assert seen.tls_days_left == pytest.approx((ends - EPOCH) / 86_400, abs=0.1)
