"""Finds secrets that someone wrote out, and `${...}` that no one will replace. A configuration file is read, copied
and committed.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from busta_health_dagster.settings.document import Document, Place
    from busta_health_dagster.settings.problems import Findings

SMELLS = (
    "authorization",
    "api_key",
    "apikey",
    "app_key",
    "access_key",
    "secret_key",
    "signing_key",
    "routing_key",
    "private_key",
    "subscription_key",
    "account_key",
    "token",
    "cookie",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "credential",
    "credentials",
    "bearer",
)
_IN_QUERY = ("key", "sig", "signature", "auth", "appid", "app_id", "pwd", "pass")
SHAPES = re.compile(
    r"xox[abeprs]-[\w-]{8,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|[sr]k_(?:live|test)_\w{10,}"
    r"|sk-[\w-]{20,}|whsec_[\w+/=]{10,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|hooks\.slack\.com/services/\w+/\w+/\w+|discord(?:app)?\.com/api/webhooks/\d+/[\w-]+"
    r"|\b\d{8,10}:[A-Za-z0-9_-]{35}\b|\btk_[a-z0-9]{29}\b"
)
URL_PASSWORD = re.compile(r"(?<=[\w+.-])://[^/\s:@]*:([^/\s@]+)@")
URL_QUERY = re.compile(r"[?&]([^?=&\s#]+)=([^&\s#]+)")
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_]\w*)[^}]*\}")
_ENV_NAME = re.compile(r"[A-Za-z_]\w*")
_TEXTS = {
    "query",
    "description",
    "reason",
    "regex",
    "pattern",
    "rrule",
    "name",
    "path",
    "glob",
}  # prose, SQL and paths are not keys


def scan(doc: Document, found: Findings) -> None:
    """Report every literal secret and every `${...}` of a file."""
    for path, value in list(_scalars(doc.data, (), set())):
        key = str(next(part for part in reversed(path) if isinstance(part, str))) if path else ""
        if isinstance(value, str) and (hole := _PLACEHOLDER.search(value)):
            found.add(
                doc,
                path,
                f"{hole.group(0)} would not be replaced: a value is taken as it is written.",
                f"{key}: {{env: {hole.group(1)}}}",
            )
            _stand_in(doc, path, hole.group(1), found)
        elif key == "env" and isinstance(value, str) and not _ENV_NAME.fullmatch(value):
            found.add(
                doc,
                path,
                f"{value[:4]!r}... is not the name of an environment variable.",
                f"{{env: {_variable(doc, path[:-1])}}}",
            )
            found.conceal(value)
        elif key != "file" and (secret := secret_in(key, value, path)):
            found.conceal(secret)
            _report(doc, path, key, secret, found)
            _stand_in(doc, path, _variable(doc, path), found)


def _scalars(value: Any, path: Place, seen: set[int]) -> Iterator[tuple[Place, Any]]:
    """Every leaf with its path; a part that several aliases share is checked once."""
    if isinstance(value, dict | list):
        if id(value) in seen:
            return
        seen.add(id(value))
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _scalars(inner, (*path, key), seen)
    elif value is not None and not isinstance(value, bool):
        yield path, value


def secret_in(key: str, value: Any, path: Place) -> str | None:
    """The part of the value that is secret, or None."""
    text = str(value)
    if not text:
        return None
    if shape := SHAPES.search(text):
        return shape.group(0)
    if (inside := URL_PASSWORD.search(text)) and unquote(inside.group(1)):
        return inside.group(1)
    for name, held in URL_QUERY.findall(text) if "://" in text else ():
        if is_secret_parameter(name):
            return str(held)
    if "expect" in path:  # what a header should look like is no secret
        return None
    if smells(key) or (
        {"headers", "params"} & set(path) and (is_secret_parameter(key) or _normal(key).endswith("_key"))
    ):
        return text
    if key in _TEXTS or not isinstance(value, str):
        return None
    bare = re.sub(r"(?i)^(bearer|basic|token)\s+", "", value)
    return bare if _is_random(bare) else None


@lru_cache(maxsize=4096)
def smells(key: str) -> bool:
    """Does a value under this key hold a secret? `x-api-key`, `apiKey`, `client_secret`, but not `token_url`."""
    plain = _normal(key)
    return any(plain == smell or plain.endswith("_" + smell) for smell in SMELLS)


def is_secret_parameter(name: str) -> bool:
    """Does a URL's query parameter of this name hold a secret?"""
    return smells(name) or _normal(name) in _IN_QUERY


def _normal(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower().replace("-", "_").replace(".", "_")


def _is_random(text: str) -> bool:
    """As mixed as only a machine writes: 24 hexadecimal digits, or 24 of base64 with a stretch of 16 that no word
    and no date explains.
    """
    if re.fullmatch(r"[0-9a-f]{24,}|[0-9A-F]{24,}", text):
        return any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
    if not re.fullmatch(r"[A-Za-z0-9+/_-]{24,}={0,2}", text):
        return False
    longest = max(re.split(r"[/_-]", text), key=len)
    if len(longest) < 16 or not all(len(re.findall(kind, longest)) >= 2 for kind in ("[a-z]", "[A-Z]", "[0-9]")):
        return False
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values()) >= 4.0


def _variable(doc: Document, path: Place) -> str:
    """After the entry's name and the key."""
    entries: Any = doc.data.get(str(path[0])) if path else None
    index = path[1] if len(path) > 1 else None
    entry = entries[index] if isinstance(entries, list) and isinstance(index, int) else None
    name = entry.get("name") if isinstance(entry, dict) and len(path) > 2 else path[0] if path else ""
    key = next((str(part) for part in reversed(path) if isinstance(part, str)), "secret")
    return env_name(str(name), key)


def env_name(name: str, key: str) -> str:
    """`odds_api` + `x-api-key` -> ODDS_API_KEY: said once where they overlap."""
    head = [word for word in re.split(r"[^a-z0-9]+", _normal(name)) if word]
    tail = [word for word in re.split(r"[^a-z0-9]+", _normal(key)) if word and word != "x"]
    overlap = next((n for n in range(min(len(head), len(tail)), 0, -1) if head[-n:] == tail[:n]), 0)
    return "_".join(head + tail[overlap:]).upper() or "SECRET"


def _stand_in(doc: Document, path: Place, variable: str, found: Findings) -> None:
    """Read on as if the reference were there, so that one mistake is reported once and the value goes nowhere."""
    holder: Any = doc.data
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = {"env": variable}
    found.settle(doc.where(path))


def _report(doc: Document, path: Place, key: str, secret: str, found: Findings) -> None:
    variable = _variable(doc, path)
    start = f'"{secret[:4]}\u2026" ' if len(secret) >= 16 else ""
    instead = f"{key}: {{env: {variable}}}"
    parent = path[-2] if len(path) > 1 else ""
    if parent in {"headers", "params"}:
        instead = f"{parent}: {{{instead}}}"
    found.add(
        doc,
        path,
        f"A secret is written out here: {start}({len(secret)} characters). "
        "Anyone who can read this file or its history has it.",
        f"{instead}   or   {{file: /run/secrets/{variable.lower()}}}\n"
        "    Then replace it at the provider: this one is no longer secret.",
    )
