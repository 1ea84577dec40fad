"""Names and notes that people give: readable on every terminal and page, and storable in both databases."""

from __future__ import annotations

import unicodedata

from busta_health_dagster.domain.errors import BadInput

LONGEST_NAME = 100
_SHOWN = 40
_CONTROL = {"Cc", "Cs"}


def given_name(text: str, what: str) -> str:
    """One line that can be seen: of a token, a window, a person.

    A line break in a name would write a second line into a list, and into the audit log.

    Raises:
        BadInput: blank, longer than 100 characters, with spaces around it, or with characters that cannot be seen.
    """
    if not text.strip():
        raise BadInput(f"{what} is blank; give a name that others will recognise.")
    if len(text) > LONGEST_NAME:
        raise BadInput(f"{what} has {len(text)} characters; {LONGEST_NAME} are the limit.")
    if not text.isprintable():
        raise BadInput(
            f"{what} {text[:_SHOWN]!r} has a line break or another character that cannot be seen. Write one line."
        )
    if text != text.strip():
        raise BadInput(f"{what} {text[:_SHOWN]!r} begins or ends with a space. Leave it out.")
    return text


def given_note(text: str, what: str) -> str:
    """A reason, a note, a cause: lines of text.

    Raises:
        BadInput: a control character, which one of the databases or a terminal takes for a command.
    """
    if plain(text) != text:
        raise BadInput(f"{what} {text[:_SHOWN]!r} has a control character. Write plain text.")
    return text


def plain(text: str) -> str:
    """What a program wrote, with a space for each control character: a heartbeat counts, whatever its message holds."""
    return "".join(" " if unicodedata.category(c) in _CONTROL and c not in "\n\r\t" else c for c in text)
