"""The part of a configuration that says how to ask a web server; http and feed share it. Secrets are resolved when the
request is made.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from busta_health_dagster.domain.fields import SecretRef, Strict, TextOrSecret
from busta_health_dagster.probes.ages import Zone
from busta_health_dagster.probes.dates import OnlyDates, WithDates

if TYPE_CHECKING:
    from collections.abc import Mapping


_SECRET_NAME = re.compile(
    r"authori[sz]ation|api[-_]?key|token|secret|passw|cookie|^key$|[-_]key$|^sig(nature)?$", re.IGNORECASE
)


def _web_url(value: TextOrSecret) -> TextOrSecret:
    if isinstance(value, SecretRef):
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is not an http(s) URL; write https://host/path")
    if parts.password or parts.username:
        raise ValueError(
            "a literal user or password in the URL; use auth: {basic: {username: ..., password: {env: NAME}}}"
        )
    return value


def _body_references(value: Any) -> Any:
    """`{env: NAME}` and `{file: PATH}` inside of a body, as references."""
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(held := next(iter(value.values())), str) and set(value) <= {"env", "file"}:
            return SecretRef(**{next(iter(value)): held})
        return {name: _body_references(inner) for name, inner in value.items()}
    return [_body_references(inner) for inner in value] if isinstance(value, list) else value


WebUrl = Annotated[TextOrSecret, AfterValidator(_web_url), OnlyDates]


def is_secret_header(name: str) -> bool:
    """Does a header or parameter of this name hold a secret?"""
    return bool(_SECRET_NAME.search(name))


def refuse_literal_secrets(named: Mapping[str, Any], what: str) -> None:
    """A key or token must not stand in the configuration.

    Raises:
        ValueError: naming the entry and how to write it.
    """
    for name, value in named.items():
        literal = isinstance(value, str) or (isinstance(value, list) and any(isinstance(one, str) for one in value))
        if literal and is_secret_header(name):
            raise ValueError(f"{what} {name} holds a literal secret; write {name}: {{env: NAME}} or {{file: PATH}}")


class PrefixedSecret(SecretRef):
    """An API key behind a word of its own: `{env: NAME, prefix: "Token "}`."""

    prefix: str

    def __str__(self) -> str:
        return f"{super().__str__()[:-1]}, prefix: {self.prefix!r}}}"


Parameter = TextOrSecret | int | float | bool


Params = dict[str, Annotated[Parameter | list[Parameter], OnlyDates]]


class Basic(Strict):
    username: TextOrSecret
    password: SecretRef


def _token_url(url: str) -> str:
    _web_url(url)
    return url


class ClientCredentials(Strict):
    """OAuth 2: `{token_url, client_id, client_secret: {env: NAME}}`. `send`: the client is named in the `header` (Basic) or
    in the `body`; `fields` go with it, for instance `{audience: ...}`.
    """

    token_url: Annotated[str, AfterValidator(_token_url)]
    client_id: TextOrSecret
    client_secret: SecretRef
    scope: str | None = None
    send: Literal["header", "body"] = "header"
    fields: dict[str, str] = Field(default_factory=dict)


class Auth(Strict):
    """`{basic: {username, password}}`, `{digest: {username, password}}`, `{bearer: {env: NAME}}` or `{oauth2: {token_url,
    client_id, client_secret}}`.
    """

    basic: Basic | None = None
    digest: Basic | None = None
    bearer: SecretRef | None = None
    oauth2: ClientCredentials | None = None

    @model_validator(mode="after")
    def _one(self) -> Auth:
        if sum(way is not None for way in (self.basic, self.digest, self.bearer, self.oauth2)) != 1:
            raise ValueError(
                "auth is {basic: {username, password}}, {digest: {username, password}}, {bearer: {env: NAME}} or "
                "{oauth2: {token_url, client_id, client_secret}}"
            )
        return self


class Tls(Strict):
    """`ca_file`: a PEM file of the authority, for certificates that the system does not know. `verify: false` believes
    anybody. `cert_file` and `key_file` (or both in `cert_file`) are a client's, `key_password` opens an encrypted key.
    """

    ca_file: str | None = None
    verify: bool = True
    cert_file: str | None = None
    key_file: str | None = None
    key_password: SecretRef | None = None

    @model_validator(mode="after")
    def _key_of_a_certificate(self) -> Tls:
        if self.cert_file is None and (self.key_file or self.key_password):
            raise ValueError("a key without its certificate; cert_file: client.pem")
        return self


def _proxy_url(value: TextOrSecret | None) -> TextOrSecret | None:
    if value is None or isinstance(value, SecretRef):
        return value
    if "@" in value:
        raise ValueError("a literal user or password in the proxy's URL; write proxy: {env: NAME}")
    parts = urlsplit(value)
    try:
        is_address = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        is_address = False
    if not is_address or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"{value!r} is not a proxy; write http://host:3128, or {{env: HTTPS_PROXY}}")
    return value


class WebKeys(Strict):
    """What every way of asking over HTTP has. `cert_days`: degraded when the certificate ends sooner. `proxy` is the
    URL of an HTTP proxy.
    """

    headers: dict[str, TextOrSecret | PrefixedSecret] = Field(default_factory=dict)
    auth: Auth | None = None
    tls: Tls | None = None
    cert_days: float = Field(default=14, ge=0)
    redirects: int = Field(default=5, ge=0, le=20)
    proxy: Annotated[TextOrSecret | None, AfterValidator(_proxy_url)] = None

    @model_validator(mode="after")
    def _no_literal_secret_header(self) -> WebKeys:
        refuse_literal_secrets(self.headers, "header")
        return self


class WebConfig(WebKeys):
    """How to ask. `max_bytes` counts decoded bytes."""

    url: WebUrl
    method: Literal["GET", "HEAD", "POST", "PUT", "OPTIONS"] = "GET"
    params: Params = Field(default_factory=dict)
    body: Annotated[TextOrSecret | dict[str, Any] | list[Any] | None, AfterValidator(_body_references), WithDates] = (
        None
    )
    zone: Zone = "UTC"
    max_bytes: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _no_literal_secret(self) -> WebConfig:
        refuse_literal_secrets(self.params, "parameter")
        return self


def host_of(config: Any) -> str | None:
    """What the limit per host counts; a URL that is a secret counts as its own host."""
    url = config.url
    return str(url) if isinstance(url, SecretRef) else urlsplit(url).hostname
