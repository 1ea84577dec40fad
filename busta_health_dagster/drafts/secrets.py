"""No secret of an estate is written anywhere: each becomes a reference, and the report says which variables to set."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from busta_health_dagster.probes.web_config import is_secret_header
from busta_health_dagster.settings.secret_scanner import env_name, is_secret_parameter, secret_in

_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)\}?")
_VARIABLE_IN = re.compile(r"\$\{?([A-Za-z_]\w*)(?::[-=][^}]*)?\}?")


def without_secrets(name: str, entry: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The entry with references, and the names of the environment variables that it now asks for."""
    keeper = _Keeper(name)
    out = dict(entry)
    if isinstance(out.get("url"), str):
        keeper.url(out)
    if isinstance(out.get("headers"), dict):
        keeper.headers(out)
    for key in out.keys() - {"url", "headers", "name"}:
        out[key] = keeper.walk(key, out[key], (key,))
    return out, keeper.wanted


class _Keeper:
    def __init__(self, name: str) -> None:
        self._name = name
        self.wanted: list[str] = []

    def ref(self, key: str, variable: str = "", **more: str) -> dict[str, str]:
        variable = variable or env_name(self._name, key)
        if variable not in self.wanted:
            self.wanted.append(variable)
        return {"env": variable, **more}

    def url(self, out: dict[str, Any]) -> None:
        """A password goes to `auth`, a key in the query to `params`; what is secret inside the path hides all of it."""
        url = out["url"]
        if variable := _VARIABLE.fullmatch(url):
            out["url"] = self.ref("url", variable[1])
            return
        if "$" in url and _VARIABLE_IN.search(url):
            out["url"] = self.ref("url")
            return
        parts = urlsplit(url)
        user, at, host = parts.netloc.rpartition("@")
        if at and ":" in user and out.get("probe") in {"http", "feed"}:
            out.setdefault(
                "auth", {"basic": {"username": unquote(user.partition(":")[0]), "password": self.ref("password")}}
            )
            parts = parts._replace(netloc=host)
        kept, params = [], {}
        for pair in parts.query.split("&") if parts.query else []:
            key, _, value = pair.partition("=")
            if value and is_secret_parameter(unquote(key)):
                params[unquote(key)] = self.ref(unquote(key))
            else:
                kept.append(pair)
        if params:
            out["params"] = {**params, **(out.get("params") or {})}
            parts = parts._replace(query="&".join(kept))
        plain = urlunsplit(parts)
        out["url"] = self.ref("url") if secret_in("url", plain, ("url",)) else plain

    def headers(self, out: dict[str, Any]) -> None:
        headers: dict[str, Any] = {}
        for key, value in out["headers"].items():
            if value is None or isinstance(value, dict):
                headers[key] = self.walk(key, value, ("headers", key))
                continue
            text = str(value)
            word, _, rest = text.partition(" ")
            variable = _VARIABLE.fullmatch(rest or text)
            known = variable[1] if variable else ""
            if key.lower() == "authorization" and word.lower() == "bearer" and rest and "auth" not in out:
                out["auth"] = {"bearer": self.ref("token", known)}
            elif (rest and variable) or (is_secret_header(key) and rest and word.isalpha()):
                headers[key] = self.ref(key, known, prefix=f"{word} ")
            elif variable or "$" in text or is_secret_header(key) or secret_in(key, text, ("headers", key)):
                headers[key] = self.ref(key, known)
            else:
                headers[key] = text
        out["headers"] = headers
        if not headers:
            del out["headers"]

    def walk(self, key: str, value: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, dict):
            if value.keys() & {"env", "file"}:
                return self.ref(key, value["env"]) if "env" in value else value
            return {k: self.walk(str(k), inner, (*path, str(k))) for k, inner in value.items()}
        if isinstance(value, list):
            return [self.walk(key, inner, (*path, n)) for n, inner in enumerate(value)]
        if isinstance(value, str) and (variable := _VARIABLE.fullmatch(value)) and value.startswith("$"):
            return self.ref(key, variable[1])
        if value is None and path[0] in {"auth", "params", "headers"}:
            return self.ref(key)  # an estate that keeps the secret to itself says that there is one
        return self.ref(key) if isinstance(value, str) and secret_in(key, value, path) else value
