"""OPML: the subscriptions of a feed reader. Folders may be nested; a feed may lie in several."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.drafts.draft import Estate, Unusable, at_address
from busta_health_dagster.probes.feed_repair import repair

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST = 64


def read_opml(text: str) -> Estate:
    """Every outline with an `xmlUrl`.

    Raises:
        BadInput: it is no OPML.
    """
    if re.search(r"<!ENTITY", text, re.IGNORECASE):
        raise BadInput("it declares entities, which no list of feeds needs and which can fill the memory")
    # The declaration speaks of the bytes that were read; what is parsed here is text.
    body, _ = repair(re.sub(r"^\s*<\?xml[^>]*\?>", "", text.lstrip("\ufeff")).encode())
    try:
        root = ET.fromstring(body)  # noqa: S314  entities were refused above
    except ET.ParseError as error:
        raise BadInput(f"it is not readable as XML: {error}") from error
    if root.tag.rpartition("}")[2].lower() != "opml":
        raise BadInput(f"its root is <{root.tag[:40]}>, and a list of feeds begins with <opml>")
    estate = Estate("opml")
    for outline, folders in _outlines(root, ()):
        _add(estate, outline, "/".join(folders))
    return estate


def _outlines(node: ET.Element, folders: tuple[str, ...]) -> Iterator[tuple[dict[str, str], tuple[str, ...]]]:
    stack = [(node, folders)]
    while stack:  # in the order of the file, however deep it is
        current, within = stack.pop()
        attributes = {key.lower(): value.strip() for key, value in current.attrib.items()}
        inner = within
        if current.tag.rpartition("}")[2].lower() == "outline":
            if attributes.get("xmlurl") or not len(current):
                yield attributes, within
            else:
                inner = (*within, attributes.get("title") or attributes.get("text") or "")[:_DEEPEST]
        stack += [(child, inner) for child in reversed(current)]


def _add(estate: Estate, outline: dict[str, str], folder: str) -> None:
    title = outline.get("title") or outline.get("text") or outline.get("xmlurl") or "an outline"
    address = outline.get("xmlurl", "")
    kind = outline.get("type") or "outline"
    if not address:
        estate.leave(title, kind, "it has no xmlUrl, so there is no feed to read")
        return
    if outline.get("iscomment") == "true":
        estate.leave(title, kind, "it is commented out")
        return
    try:
        entry = at_address(address, feeds=True)
    except Unusable as why:
        estate.leave(title, kind, str(why))
        return
    website = outline.get("htmlurl", "")
    estate.add(
        title, entry | ({"description": title} if title != address else {}), folder, (website,) if website else ()
    )
