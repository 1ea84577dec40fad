"""CSV: one source a row, or a list of addresses. Columns are named as the keys of sources.yaml, or as people name them."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.drafts.draft import Estate, Unusable, at_address, at_port
from busta_health_dagster.drafts.estates.plain_data import seconds

_MEANINGS = {
    "url": ("url", "uri", "address", "link", "website", "feed", "feed_url", "xml_url", "xmlurl", "endpoint"),
    "name": ("name", "title", "label", "source", "text"),
    "description": ("description", "notes", "comment"),
    "folder": ("folder", "group", "category", "categories", "tag"),
    "host": ("host", "hostname", "server"),
    "interval": ("interval", "frequency", "every"),
}
_MEANS = {word: key for key, words in _MEANINGS.items() for word in words}
_AS_THEY_ARE = (
    "type",
    "probe",
    "port",
    "tier",
    "max_data_age",
    "cadence",
    "runbook",
    "timeout",
    "owners",
    "items",
    "path",
)
_ADDRESS = re.compile(r"(?i)^\s*(?:[a-z][a-z0-9+.-]*://\S+|[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:[:/]\S*)?)\s*$")


def read_table(text: str) -> Estate:
    """A row each; a first row of an address is no header.

    Raises:
        BadInput: it is no CSV, or no column says what to ask.
    """
    text = text.lstrip("\ufeff")
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t|", key=first.count) if any(d in first for d in ",;\t|") else ","
    try:
        rows = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(c.strip() for c in row)
        ]
    except csv.Error as error:
        raise BadInput(f"it is not readable as CSV: {error}") from error
    if not rows:
        raise BadInput("it is empty")
    if _ADDRESS.match(rows[0][0]):
        header, body = ["url", "name"][: max(map(len, rows))], rows
    else:
        header, body = [re.sub(r"[^a-z0-9]+", "_", cell.strip().lower()).strip("_") for cell in rows[0]], rows[1:]
    keys = [_MEANS.get(cell, cell) for cell in header]
    if not {"url", "host", "path"} & set(keys):
        raise BadInput(
            f"no column says what to ask: it has {', '.join(header)[:120]}. Name one `url`, or `host` and `port`"
        )
    estate = Estate("csv")
    known = {*_MEANINGS, *_AS_THEY_ARE}
    for shown, key in zip(rows[0], keys, strict=False):
        if key and key not in known:
            estate.leave(shown.strip(), "column", "no key of a source")
    for number, row in enumerate(body, start=len(rows) - len(body) + 1):
        _add(estate, dict(zip(keys, (cell.strip() for cell in row), strict=False)), number)
    return estate


def _add(estate: Estate, cells: dict[str, str], number: int) -> None:
    title = cells.get("name") or cells.get("url") or cells.get("host") or cells.get("path") or f"row {number}"
    probe = cells.get("probe", "")
    try:
        entry = _entry(cells, probe)
    except Unusable as why:
        estate.leave(title, "row", str(why))
        return
    for key in ("type", "max_data_age", "cadence", "runbook", "items"):
        if cells.get(key):
            entry[key] = cells[key]
    if re.fullmatch(r"\d", cells.get("tier", "")):
        entry["tier"] = int(cells["tier"])
    if cells.get("owners"):
        entry["owners"] = [owner for owner in re.split(r"[\s,;]+", cells["owners"]) if owner]
    for key in ("interval", "timeout"):
        given = cells.get(key, "")
        if given and (found := seconds(float(given) if given.isdecimal() else given)):
            entry[key] = found
    if cells.get("description"):
        entry["description"] = cells["description"]
    estate.add(title, entry, cells.get("folder", ""))


def _entry(cells: dict[str, str], probe: str) -> dict[str, Any]:
    if probe == "file" or (cells.get("path") and not cells.get("url")):
        return {"probe": "file", "path": cells.get("path") or cells.get("url", "")}
    if probe == "dns":
        return {"probe": "dns", "host": cells.get("host") or cells.get("url", "")}
    if cells.get("url"):
        entry = at_address(cells["url"], feeds=probe == "feed")
        if probe in {"http", "feed"} and entry["probe"] in {"http", "feed"}:
            entry["probe"] = probe
        return entry
    return at_port(cells.get("host"), cells.get("port", ""))
