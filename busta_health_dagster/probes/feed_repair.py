"""What is often wrong with feeds and never matters to those who read them; each repair is named."""

from __future__ import annotations

import html.entities
import re

_WIDE = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")  # UTF-16: bytes are no characters there
_CONTROLS = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01])|x0*(?:[0-8bcef]|1[\da-f]));", re.IGNORECASE
)
# A section without an end goes on to the end of the bytes: were it no section, each of many would be looked through.
_REFERENCES = re.compile(
    rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|&(?!(?:amp|lt|gt|quot|apos|#\d+|#[xX][\da-fA-F]+);)(?:([A-Za-z][A-Za-z\d]*);)?",
    re.DOTALL,
)


def repair(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """XML that parses, and what was put right."""
    if body.startswith(_WIDE):
        return body, ()
    done: list[str] = []
    bom, rest = (body[:3], body[3:]) if body.startswith(b"\xef\xbb\xbf") else (b"", body)
    if rest[:1].isspace():
        done.append("blank lines before the first tag")
        rest = rest.lstrip()
    rest, controls = _CONTROLS.subn(b"", rest)
    if controls:
        done.append(f"{controls} control characters")
    entities = bare = 0

    def reference(match: re.Match[bytes]) -> bytes:
        nonlocal entities, bare
        if match[0].startswith(b"<!"):
            return match[0]
        character = html.entities.html5.get(f"{match[1].decode()};") if match[1] else None
        if character is None:
            bare += 1
            return b"&amp;" + match[0][1:]
        entities += 1
        return "".join(f"&#{ord(part)};" for part in character).encode()

    rest = _REFERENCES.sub(reference, rest)
    if entities:
        done.append(f"{entities} undeclared entities")
    if bare:
        done.append(f"{bare} bare ampersands")
    return bom + rest, tuple(done)
