"""OPML: the subscriptions of a feed reader. Folders may be nested; a feed may lie in several.

Lists are passed from hand to hand, and a fifth of the public ones is no XML: quotes and angle brackets inside of titles. Those are
read leniently, and the report says so.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.drafts.draft import Estate, Unusable, at_address
from busta_health_dagster.probes.feed_repair import repair

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST = 64
_OUTLINE = "outline"
Outline = dict[str, str]


def read_opml(text: str) -> Estate:
    """Every outline with an `xmlUrl`.

    Raises:
        BadInput: it is no OPML, or ends in the middle.
    """
    if re.search(r"<!ENTITY", text, re.IGNORECASE):
        raise BadInput("it declares entities, which no list of feeds needs and which can fill the memory")
    estate = Estate("opml")
    # The declaration speaks of the bytes that were read; what is parsed here is text.
    body, _ = repair(re.sub(r"^\s*<\?xml[^>]*\?>", "", text.lstrip("\ufeff")).encode())
    try:
        root = ET.fromstring(body)  # noqa: S314  entities were refused above
    except ET.ParseError as error:
        if not re.search(r"</opml\s*>\s*(?:<!--.*?-->\s*)*$", text, re.IGNORECASE | re.DOTALL):
            raise BadInput(f"it is not readable as XML, and has no </opml> at its end: {error}") from error
        estate.leave(
            "the file",
            "title",
            f"it is not readable as XML ({error}), and was read leniently: see whether the titles are right",
        )
        found = list(_leniently(text))
    else:
        if root.tag.rpartition("}")[2].lower() != "opml":
            raise BadInput(f"its root is <{root.tag[:40]}>, and a list of feeds begins with <opml>")
        found = list(_outlines(root))
    for outline, folders in found:
        _add(estate, outline, "/".join(folders))
    return estate


def _outlines(root: ET.Element) -> Iterator[tuple[Outline, tuple[str, ...]]]:
    stack: list[tuple[ET.Element, tuple[str, ...]]] = [(root, ())]
    while stack:  # in the order of the file, however deep it is
        current, within = stack.pop()
        inner = within
        if current.tag.rpartition("}")[2].lower() == _OUTLINE:
            outline = {key.lower(): value.strip() for key, value in current.attrib.items()}
            if outline.get("xmlurl") or not len(current):
                yield outline, within
            else:
                inner = _inside(within, outline)
        stack += [(child, inner) for child in reversed(current)]


def _inside(folders: tuple[str, ...], outline: Outline) -> tuple[str, ...]:
    return (*folders, outline.get("title") or outline.get("text") or "")[:_DEEPEST]


# A value ends at the quote behind which the next attribute or the end of the tag stands; other quotes belong to it.
_TAG = re.compile(r"<(/?)outline\b(.*?)(?=</?outline\b|</body\b|</opml\b)", re.IGNORECASE | re.DOTALL)
_ATTRIBUTE = re.compile(r"""([\w:]+)\s*=\s*(["'])(.*?)\2(?=\s+[\w:]+\s*=\s*["']|\s*/?>\s*$)""", re.DOTALL)


def _leniently(text: str) -> Iterator[tuple[Outline, tuple[str, ...]]]:
    within: list[tuple[str, ...]] = [()]
    for tag in _TAG.finditer(text):
        if tag[1]:
            within = within[:-1] or [()]
            continue
        outline = {name.lower(): html.unescape(value).strip() for name, _, value in _ATTRIBUTE.findall(tag[2].strip())}
        empty = tag[2].rstrip().endswith("/>")
        if empty or outline.get("xmlurl"):
            yield outline, within[-1]
        if not empty:
            within.append(within[-1] if outline.get("xmlurl") else _inside(within[-1], outline))


def _add(estate: Estate, outline: Outline, folder: str) -> None:
    title = outline.get("title") or outline.get("text") or outline.get("xmlurl") or "an outline"
    address = outline.get("xmlurl", "")
    kind = outline.get("type") or _OUTLINE
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
