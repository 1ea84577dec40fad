"""A backup of Uptime Kuma: `{"monitorList": [...]}`, or the list alone as its API answers it."""

from __future__ import annotations

import json
import re
from typing import Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.drafts.draft import Estate, Unusable, at_address, at_port
from busta_health_dagster.drafts.estates.plain_data import mapping, mappings, plain_data, seconds, texts

_PUSH = "Uptime Kuma gets this one by push: let the job run `busta sources heartbeat` with this name."
_A_PORT = "; that a port of it is open says probe: tcp"
_BY_PUSH = "; let a job look, and push with `busta sources heartbeat` (probe: heartbeat)"
_INSTEAD = {
    **dict.fromkeys(
        ("ping", "tailscale-ping", "mqtt", "redis", "mongodb", "rabbitmq", "smtp", "websocket-upgrade", "grpc-keyword"),
        _A_PORT,
    ),
    **dict.fromkeys(("docker", "system-service", "kafka-producer", "snmp", "real-browser"), _BY_PUSH),
}
"""What comes closest to a type of theirs that we have no probe for."""
_RECORDS = {"A", "AAAA", "CNAME", "MX", "NS", "SRV", "TXT"}


def read_uptime_kuma(text: str) -> Estate:
    """Every monitor.

    Raises:
        BadInput: there is no list of monitors.
    """
    data = plain_data("the backup", text)
    held = data.get("monitorList") if isinstance(data, dict) else data
    monitors = mappings(list(held.values()) if isinstance(held, dict) else held)
    if not monitors:
        raise BadInput("it has no `monitorList`, which is where a backup of Uptime Kuma lists what it watches")
    folders = {str(m.get("id")): str(m.get("name") or "") for m in monitors if m.get("type") == "group"}
    estate = Estate("uptime-kuma")
    for one in monitors:
        kind = str(one.get("type") or "monitor")
        title = str(one.get("name") or one.get("url") or one.get("hostname") or kind)
        if kind == "group":
            continue  # a folder: its name is kept as a tag of what lies in it
        notes: list[str] = []
        try:
            entry = _monitor(kind, one, notes)
        except Unusable as why:
            estate.leave(title, kind, str(why))
            continue
        if one.get("description"):
            entry["description"] = str(one["description"])
        estate.add(title, entry, folders.get(str(one.get("parent") or "")) or _first_tag(one), tuple(notes))
    return estate


def _first_tag(one: dict[str, Any]) -> str:
    return next((str(tag.get("name") or "") for tag in mappings(one.get("tags"))), "")


def _flag(one: dict[str, Any], key: str, *, otherwise: bool = False) -> bool:
    """Older backups write 1 and 0."""
    value = one.get(key)
    return bool(value) if isinstance(value, bool | int) else otherwise


def _monitor(kind: str, one: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    if not _flag(one, "active", otherwise=True):
        raise Unusable("it is paused")
    if _flag(one, "upsideDown"):
        raise Unusable("it is upside down: that it answers would be the failure")
    timing = {"interval": seconds(one.get("interval")), "timeout": seconds(one.get("timeout"))}
    if kind in {"http", "keyword", "json-query"}:
        return _web(kind, one, notes) | timing
    if kind == "port":
        return at_port(one.get("hostname"), one.get("port")) | timing
    if kind == "dns":
        return _dns(one) | timing
    if kind == "push":
        notes.append(_PUSH)
        return {"probe": "heartbeat", "interval": timing["interval"]}
    if kind in {"postgres", "mysql", "sqlserver"}:
        raise Unusable(
            "its connection may hold a secret; write probe: sql with url: {env: NAME} and its query, for instance "
            f"{str(one.get('databaseQuery') or 'select 1')[:60]!r}"
        )
    raise Unusable(f"there is no probe for monitors of type {kind}{_INSTEAD.get(kind, '')}")


def _web(kind: str, one: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    entry = at_address(str(one.get("url") or ""))
    if entry["probe"] not in {"http", "feed"}:
        raise Unusable("it has no web address")
    entry["probe"] = "http"
    method = str(one.get("method") or "GET").upper()
    if method in {"PATCH", "DELETE"}:
        raise Unusable(f"a monitor does not send {method}")
    if method != "GET":
        entry["method"] = method
        if one.get("body"):
            entry["body"] = str(one["body"])
    if headers := _headers(one.get("headers"), notes):
        entry["headers"] = headers
    _auth(entry, one, notes)
    if _flag(one, "ignoreTls"):
        entry["tls"] = {"verify": False}
    redirects = one.get("maxredirects")
    if isinstance(redirects, int) and redirects != 10:
        entry["redirects"] = max(0, min(20, redirects))
    _expect(entry, kind, one, notes)
    return entry


def _headers(written: Any, notes: list[str]) -> dict[str, str]:
    if isinstance(written, str) and written.strip():
        try:
            written = json.loads(written)
        except ValueError:
            notes.append("Its headers are no JSON and were not carried over.")
            return {}
    return {str(key): str(value) for key, value in mapping(written).items()}


def _auth(entry: dict[str, Any], one: dict[str, Any], notes: list[str]) -> None:
    way = one.get("authMethod") or ("basic" if one.get("basic_auth_user") else None)
    if way == "basic" and one.get("basic_auth_user"):
        entry["auth"] = {"basic": {"username": str(one["basic_auth_user"]), "password": None}}
    elif way:
        notes.append(f"It logs in by {way}, which was not carried over: see `auth` and `tls` in docs/probes.md.")


def _expect(entry: dict[str, Any], kind: str, one: dict[str, Any], notes: list[str]) -> None:
    expect: dict[str, Any] = {}
    if (statuses := _statuses(texts(one.get("accepted_statuscodes")))) not in ([], ["2xx"]):
        expect["status"] = statuses
    if kind == "keyword" and one.get("keyword"):
        pattern = re.escape(str(one["keyword"]))
        expect["regex"] = [{"pattern": pattern, "absent": True} if _flag(one, "invertKeyword") else pattern]
    if kind == "json-query":
        notes.append(
            f"Its query {str(one.get('jsonPath'))[:80]!r} = {str(one.get('expectedValue'))[:40]!r} is JSONata: "
            "write it as expect: {json: [{path: $.status, equals: ok}]}."
        )
    if expect:
        entry["expect"] = expect


def _statuses(ranges: list[str]) -> list[int | str]:
    out: list[int | str] = []
    for one in ranges:
        codes = re.fullmatch(r"(\d{3})(?:-(\d{3}))?", one.strip())
        if codes is None:
            continue
        first, last = int(codes[1]), int(codes[2] or codes[1])
        if first % 100 == 0 and last % 100 == 99:
            out += [f"{head}xx" for head in range(max(2, first // 100), min(5, last // 100) + 1)]
        elif first <= last < first + 50:
            out += range(first, last + 1)
    return list(dict.fromkeys(out))


def _dns(one: dict[str, Any]) -> dict[str, Any]:
    record = str(one.get("dns_resolve_type") or "A").upper()
    if record not in _RECORDS:
        raise Unusable(f"the probe dns asks for no {record} records")
    entry: dict[str, Any] = {"probe": "dns", "host": str(one.get("hostname") or ""), "record": record}
    if not entry["host"]:
        raise Unusable("it has no host name")
    servers = [s.strip() for s in str(one.get("dns_resolve_server") or "").split(",")]
    if servers := [s for s in servers if re.fullmatch(r"[\d.]+|[0-9a-fA-F:]+", s)]:
        entry["servers"] = servers
    return entry
