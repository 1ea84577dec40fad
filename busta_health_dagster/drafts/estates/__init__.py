"""The formats of other tools: one module each, text in, an `Estate` out."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.drafts.estates.gatus import read_gatus
from busta_health_dagster.drafts.estates.openapi import read_openapi
from busta_health_dagster.drafts.estates.opml import read_opml
from busta_health_dagster.drafts.estates.plain_data import mapping, mappings, plain_data
from busta_health_dagster.drafts.estates.prometheus import read_prometheus
from busta_health_dagster.drafts.estates.table import read_table
from busta_health_dagster.drafts.estates.uptime_kuma import read_uptime_kuma

if TYPE_CHECKING:
    from busta_health_dagster.drafts.draft import Estate


class Format(StrEnum):
    """Whose file it is."""

    OPML = "opml"
    CSV = "csv"
    GATUS = "gatus"
    KUMA = "kuma"
    PROMETHEUS = "prometheus"
    OPENAPI = "openapi"


def read_estate(text: str, kind: Format, base_url: str = "") -> Estate:
    """What the file holds.

    Raises:
        BadInput: it is not of that format.
    """
    if kind is Format.OPENAPI:
        return read_openapi(text, base_url)
    readers = {
        Format.OPML: read_opml,
        Format.CSV: read_table,
        Format.GATUS: read_gatus,
        Format.KUMA: read_uptime_kuma,
        Format.PROMETHEUS: read_prometheus,
    }
    return readers[kind](text)


def detect(text: str) -> Format:
    """The format of a file, by what it holds.

    Raises:
        BadInput: it is none of them, as far as can be told.
    """
    start = text.lstrip("\ufeff \t\r\n")[:2000]
    if not start:
        raise BadInput("it is empty")
    if start.startswith("<"):
        if "<opml" in start.lower():
            return Format.OPML
        raise BadInput(f"it is XML or HTML and no OPML: it starts with {start[:40]!r}")
    try:
        found = _of_data(plain_data("the file", text))
    except BadInput:
        if start[0] in "{[":
            raise
        found = None
    if found is not None:
        return found
    first, *others = start.splitlines()
    if any("://" in line for line in (first, *others[:1])) or any(separator in first for separator in ",;\t|"):
        return Format.CSV
    raise BadInput(f"its format cannot be told. Say it: --from {'|'.join(Format)}")


def _of_data(data: Any) -> Format | None:
    if isinstance(data, list):
        if any("targets" in one for one in mappings(data)):
            return Format.PROMETHEUS
        return (
            Format.KUMA
            if any({"type", "accepted_statuscodes", "pushToken"} & one.keys() for one in mappings(data))
            else None
        )
    held = mapping(data)
    if {"openapi", "swagger"} & held.keys():
        return Format.OPENAPI
    if "monitorList" in held:
        return Format.KUMA
    if "scrape_configs" in held:
        return Format.PROMETHEUS
    if {"endpoints", "external-endpoints"} & held.keys() or any(
        "conditions" in s for s in mappings(held.get("services"))
    ):
        return Format.GATUS
    return None
