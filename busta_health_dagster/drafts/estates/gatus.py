"""The configuration of Gatus: `endpoints`, their conditions, and `external-endpoints`, which push."""

from __future__ import annotations

import re
from typing import Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.drafts.draft import Estate, Unusable, at_address
from busta_health_dagster.drafts.estates.gatus_conditions import carry_over
from busta_health_dagster.drafts.estates.plain_data import mapping, mappings, plain_data, seconds, texts


def read_gatus(text: str) -> Estate:
    """Every endpoint.

    Raises:
        BadInput: it has none.
    """
    data = mapping(plain_data("the configuration", text))
    endpoints = mappings(data.get("endpoints")) + mappings(data.get("services"))
    external = mappings(data.get("external-endpoints"))
    if not endpoints and not external:
        raise BadInput("it has no `endpoints`, which is where Gatus lists what it watches")
    estate = Estate("gatus")
    for one in endpoints:
        title, folder = str(one.get("name") or one.get("url") or "endpoint"), str(one.get("group") or "")
        try:
            entry, notes = _endpoint(one)
        except Unusable as why:
            estate.leave(title, _kind(one), str(why))
            continue
        estate.add(f"{folder} {title}" if folder else title, entry, folder, tuple(notes))
    for one in external:
        pushed = {"probe": "heartbeat", "interval": seconds(mapping(one.get("heartbeat")).get("interval"))}
        note = "Gatus gets results by push here: let the job run `busta sources heartbeat` with this name."
        estate.add(str(one.get("name") or "external"), pushed, str(one.get("group") or ""), (note,))
    for suite in mappings(data.get("suites")):
        estate.leave(str(suite.get("name") or "suite"), "suite", "steps that depend on each other are no source")
    return estate


def _kind(one: dict[str, Any]) -> str:
    scheme, colon, _ = str(one.get("url") or "").partition("://")
    return "dns" if one.get("dns") else scheme if colon else "endpoint"


def _endpoint(one: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    if one.get("enabled") is False:
        raise Unusable("it is disabled")
    url, client = str(one.get("url") or ""), mapping(one.get("client"))
    if dns := mapping(one.get("dns")):
        entry = _dns(url, dns)
    elif url.startswith("starttls://"):
        raise Unusable("there is no probe for starttls://")
    else:
        entry = at_address(url, default_scheme="http")
        if entry["probe"] == "feed":
            entry["probe"] = "http"
    entry |= {"interval": seconds(one.get("interval")) or 60, "timeout": seconds(client.get("timeout"))}
    notes: list[str] = []
    if entry["probe"] == "http":
        _request(entry, one, client, notes)
    carry_over(entry, texts(one.get("conditions")), notes)
    return entry, notes


def _dns(server: str, dns: dict[str, Any]) -> dict[str, Any]:
    record = str(dns.get("query-type") or "A").upper()
    if record not in {"A", "AAAA", "CNAME", "MX", "NS", "SRV", "TXT"}:
        raise Unusable(f"the probe dns asks for no {record} records")
    host, _, port = server.partition(":")
    entry: dict[str, Any] = {"probe": "dns", "host": str(dns.get("query-name") or "").rstrip("."), "record": record}
    if re.fullmatch(r"[\d.]+", host):
        entry |= {"servers": [host], **({"port": int(port)} if port.isdecimal() and port != "53" else {})}
    return entry


def _request(entry: dict[str, Any], one: dict[str, Any], client: dict[str, Any], notes: list[str]) -> None:
    method = str(one.get("method") or "GET").upper()
    if one.get("graphql"):
        method = "POST"
        entry["body"] = {"query": str(one.get("body") or "")}
    elif one.get("body"):
        entry["body"] = str(one["body"])
    if method in {"PATCH", "DELETE"}:
        raise Unusable(f"a monitor does not send {method}")
    if method != "GET":
        entry["method"] = method
    if headers := mapping(one.get("headers")):
        entry["headers"] = {str(k): str(v) for k, v in headers.items()}
    if client.get("insecure") is True:
        entry["tls"] = {"verify": False}
    if client.get("ignore-redirect") is True:
        entry["redirects"] = 0
    if client.get("oauth2"):
        notes.append(
            "Gatus asks with OAuth 2 here: add auth: {oauth2: {token_url, client_id, client_secret: {env: NAME}}}."
        )
