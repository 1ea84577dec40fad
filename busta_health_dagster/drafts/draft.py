"""A draft of one source, and what could not become one."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from busta_health_dagster.probes.address import refusal
from busta_health_dagster.settings.foreign_text import masked
from busta_health_dagster.wording.sentences import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOME_NETWORKS = (".local", ".lan", ".internal", ".home", ".localdomain", ".home.arpa", ".svc", ".corp", ".intranet")
_FEED_ENDINGS = (".rss", ".atom", ".rdf", "/rss", "/atom", "/feed", "/feed.xml", "/rss.xml", "/atom.xml", "/feeds")


@dataclass(frozen=True, slots=True)
class Draft:
    """One source to be. `title` is what its estate calls it; `entry` has every key but `name`, with `interval` and `timeout` in
    seconds; `folder` is the group it stood in; `notes` become comments.
    """

    title: str
    entry: Mapping[str, Any]
    folder: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was not carried over: `kind` in the words of the estate."""

    title: str
    kind: str
    why: str


@dataclass(slots=True)
class Estate:
    """What a file of another tool holds. `kind` is the name of its format. What it says in words (titles, notes, reasons) is kept
    on one line and without its secrets: an address without a name is its own title.
    """

    kind: str
    drafts: list[Draft] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def add(self, title: str, entry: Mapping[str, Any], folder: str = "", notes: tuple[str, ...] = ()) -> None:
        said = {"description": masked(entry["description"])} if "description" in entry else {}
        self.drafts.append(Draft(_words(title), {**entry, **said}, folder, tuple(map(_words, notes))))

    def leave(self, title: str, kind: str, why: str) -> None:
        self.left_out.append(LeftOut(_words(title), _words(kind), _words(why)))


def _words(text: str) -> str:
    return one_line(masked(text))


class Unusable(Exception):
    """An address that no probe can ask."""


def at_address(text: str, *, default_scheme: str = "https", feeds: bool = False) -> dict[str, Any]:
    """The probe of an address: `https://...`, `tcp://host:port`, `tls://host:port`, or a host alone.

    Raises:
        Unusable: with the reason.
    """
    text = text.strip()
    if not text:
        raise Unusable("it has no address")
    if "://" not in text:
        text = f"{default_scheme}://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Unusable(f"{masked(text)[:80]!r} is not an address: {error}") from error
    scheme = parts.scheme.lower()
    if not host or any(c.isspace() for c in text):
        raise Unusable(f"{masked(text)[:80]!r} is not an address")
    if scheme in {"http", "https"}:
        url = quote(text, safe=":/?#[]@!$&'()*+,;=%~|").replace("|", "%7C")
        probe = "feed" if feeds or parts.path.lower().rstrip("/").endswith(_FEED_ENDINGS) else "http"
        return {"probe": probe, "url": url, **_private(host)}
    if scheme in {"tcp", "tls"}:
        return at_port(host, port, tls=scheme == "tls")
    raise Unusable(f"there is no probe for {scheme}://")


def at_port(host: object, port: object, *, tls: bool = False) -> dict[str, Any]:
    """The probe of a port.

    Raises:
        Unusable: no host, or no port.
    """
    number = int(str(port)) if str(port).isdecimal() and len(str(port)) <= 5 else 0
    if not isinstance(host, str) or not host or not 1 <= number <= 65535:
        raise Unusable("it needs a host and a port")
    return {"probe": "tcp", "host": host, "port": number, **({"tls": True} if tls else {}), **_private(host)}


def _private(host: str) -> dict[str, Any]:
    """An address of one's own network is refused unless the entry says that it is meant."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        own = host == "localhost" or "." not in host or host.lower().endswith(_HOME_NETWORKS)
    else:
        own = refusal(host) is not None
    return {"allow_private": True} if own else {}


def identity(entry: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """What is observed: two entries of one identity ask the same thing twice. None where that cannot be told."""
    probe = entry.get("probe")
    if probe in {"http", "feed"} and isinstance(entry.get("url"), str):
        body = repr(entry["body"]) if "body" in entry else ""
        return ("web", str(entry["url"]).rstrip("/"), str(entry.get("method", "GET")), body, repr(entry.get("params")))
    if probe == "tcp":
        return ("tcp", str(entry.get("host")), entry.get("port"))
    if probe == "dns":
        return ("dns", str(entry.get("host")), entry.get("record", "A"), repr(entry.get("servers")))
    return None
