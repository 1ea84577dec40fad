"""Secrets: resolved late, remembered only to be scrubbed from whatever leaves this process."""

from __future__ import annotations

import base64
import html
import json
import re
from dataclasses import fields, is_dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote

from pydantic import BaseModel

from busta_health_dagster.domain.errors import MissingSecret
from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.settings.secret_scanner import is_secret_parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from busta_health_dagster.settings.config import Config

MASK = "[secret]"
_SHORTEST = 4  # three letters are everywhere: masking them would garble every text and hide nothing


class Secrets:
    """`secrets(ref)` is the value; `secrets.scrub(text)` hides every value resolved so far, in the forms it may
    travel in.

    A relative `{file: PATH}` is relative to `base` (the configuration's directory). Values are read again each time:
    keys rotate.
    """

    def __init__(self, environ: Mapping[str, str], base: Path | None = None) -> None:
        self._environ = environ
        self._base = base or Path()
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def __call__(self, ref: SecretRef) -> str:
        """The value, without its trailing newline.

        Raises:
            MissingSecret: the variable is not set or empty, or the file cannot be read or is empty.
        """
        if ref.env is not None:
            value = self._environ.get(ref.env, "").rstrip("\r\n")
            if not value:
                raise MissingSecret(
                    f"The environment variable {ref.env} is not set. "
                    f"Set it where busta runs, for instance in .env: {ref.env}=..."
                )
        else:
            path = self._base / Path(ref.file or "").expanduser()
            try:
                value = path.read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as why:
                reason = why.strerror if isinstance(why, OSError) else "it is not text"
                raise MissingSecret(
                    f"The secret's file {path} cannot be read: {reason}. "
                    "Create it, readable for the user busta runs as."
                ) from why
            if not value:
                raise MissingSecret(f"The secret's file {path} is empty. Write the secret into it.")
        self._remember(value)
        return value

    def has(self, ref: SecretRef) -> bool:
        """Can it be resolved now?"""
        try:
            self(ref)
        except MissingSecret:
            return False
        return True

    def missing(self, config: Config) -> tuple[str, ...]:
        """References of the configuration that cannot be resolved, as written, in order, each once."""
        return tuple(dict.fromkeys(str(ref) for ref in secret_refs(config) if not self.has(ref)))

    def learn(self, config: Config) -> None:
        """Resolve all that can be, so that `scrub` knows them from the start."""
        for ref in secret_refs(config):
            self.has(ref)

    def scrub(self, text: str) -> str:
        """The text with every known value replaced, also where it is URL-, base64-, JSON- or HTML-encoded."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def _remember(self, value: str) -> None:
        if value in self._known:
            return
        self._known.add(value)
        forms = {form for known in self._known for part in _parts(known) for form in _forms(part)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def secret_refs(value: Any) -> Iterator[SecretRef]:
    """Every reference inside a configuration, a source or a model."""
    if isinstance(value, SecretRef):
        yield value
        return
    for inner in _inside(value):
        if type(inner) not in _LEAVES:  # nine of ten: a call for each was half a second with 5,000 sources
            yield from secret_refs(inner)


_LEAVES = frozenset({str, int, float, bool, type(None), Fraction})


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, list | tuple | set | frozenset):
        return value
    kind: Any = type(value)
    return [getattr(value, name) for name in _names(kind)]


@lru_cache(maxsize=1024)
def _names(kind: type) -> tuple[str, ...]:
    """The fields of a model or a dataclass; anything else has none."""
    if issubclass(kind, BaseModel):
        return tuple(kind.model_fields)
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()


def _parts(value: str) -> set[str]:
    """The value, and what of a URL is secret on its own: drivers print a URL in pieces."""
    parts = {value, *(line for line in value.splitlines() if len(line) >= 12)}
    if url := re.match(r"[a-zA-Z][\w+.-]*://(?:[^/\s:@]*:([^/\s@]*)@)?[^?#\s]*(?:\?([^#\s]*))?", value):
        password, query = url.group(1) or "", url.group(2) or ""
        parts |= {password, unquote(password)} | {held for name, held in parse_qsl(query) if is_secret_parameter(name)}
    return {part for part in parts if len(part) >= _SHORTEST}


def _forms(value: str) -> set[str]:
    """How a value looks on its way: plain, percent-encoded, inside JSON and HTML, and inside base64 at each of three
    offsets.
    """
    raw = value.encode()
    forms = {value, quote(value), quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], html.escape(value)}
    for offset in range(3):
        # The characters at both ends mix with their neighbours' bits; those in between are the same in every text.
        padded = b"\0" * offset + raw
        start, end = (offset * 8 + 5) // 6, len(padded) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            inside = encode(padded).decode()[start:end]
            forms |= {inside} if len(inside) >= 8 else set()
    return {form for form in forms if len(form) >= _SHORTEST}
