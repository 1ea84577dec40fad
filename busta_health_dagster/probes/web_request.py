"""From a configuration to the request that is sent: secrets and dates in their places."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes.dates import fill, fill_all
from busta_health_dagster.probes.port import Failed
from busta_health_dagster.probes.web_config import PrefixedSecret

if TYPE_CHECKING:
    import ssl

    from busta_health_dagster.domain.fields import TextOrSecret
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.probes.fetch import Request
    from busta_health_dagster.probes.port import ProbeContext
    from busta_health_dagster.probes.proxy import Proxy
    from busta_health_dagster.probes.web_config import Tls, WebConfig


def build_request(config: WebConfig, source: Source, context: ProbeContext) -> Request:
    """The request with its secrets in place.

    Raises:
        MissingSecret: a reference leads nowhere.
        Failed: unknown, a body that cannot be sent.
    """
    from busta_health_dagster.probes.fetch import Request

    def text(value: Any) -> str:
        if isinstance(value, SecretRef):
            return (value.prefix if isinstance(value, PrefixedSecret) else "") + context.secret(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        return fill(value, context.now, config.zone) if isinstance(value, str) else str(value)

    headers = {name: value if isinstance(value, str) else text(value) for name, value in config.headers.items()}
    secrets = {name.lower() for name, value in config.headers.items() if isinstance(value, SecretRef)}
    if config.auth is not None:
        if config.auth.bearer is not None:
            headers["Authorization"] = f"Bearer {context.secret(config.auth.bearer)}"
        elif config.auth.basic is not None:
            pair = f"{text(config.auth.basic.username)}:{context.secret(config.auth.basic.password)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        secrets.add("authorization")
    digest = config.auth.digest if config.auth is not None else None
    return Request(
        url=text(config.url),
        method=config.method,
        headers=headers,
        secrets=frozenset(secrets),
        params=tuple(
            (name, text(one))
            for name, value in config.params.items()
            for one in (value if isinstance(value, list) else [value])
        ),
        body=_body(config, context, headers),
        max_bytes=config.max_bytes or context.limits.max_bytes,
        redirects=config.redirects,
        guarded=not source.allow_private,
        tls=_tls(config.tls, context, client=True),
        tls_elsewhere=_tls(config.tls, context, client=False),
        digest=None if digest is None else (text(digest.username), context.secret(digest.password)),
        proxy=_proxy(config.proxy, context),
    )


def _proxy(given: TextOrSecret | None, context: ProbeContext) -> Proxy | None:
    from busta_health_dagster.probes.proxy import parse_proxy, unknown

    if given is None:
        return None
    try:
        return parse_proxy(context.secret(given) if isinstance(given, SecretRef) else given)
    except ValueError as error:
        raise unknown(f"proxy {given}: {error}") from error


def _tls(tls: Tls | None, context: ProbeContext, *, client: bool) -> ssl.SSLContext | None:
    """With the client's certificate for the source itself, without it for the places that it redirects to."""
    from busta_health_dagster.probes.dial import tls_context

    if tls is None:
        return None
    if not client or tls.cert_file is None:
        return tls_context(tls.ca_file, tls.verify)
    password = context.secret(tls.key_password) if tls.key_password is not None else ""
    return tls_context(tls.ca_file, tls.verify, tls.cert_file, tls.key_file, password)


def _body(config: WebConfig, context: ProbeContext, headers: dict[str, str]) -> bytes | None:
    if config.body is None:
        return None
    if isinstance(config.body, SecretRef):
        return context.secret(config.body).encode()
    body = fill_all(config.body, context.now, config.zone)
    if isinstance(body, str):
        return body.encode()
    headers.setdefault("Content-Type", "application/json")
    try:
        return json.dumps(_resolved(body, context)).encode()
    except TypeError as error:
        raise Failed("probe_error", f"body cannot be written as JSON: {error}", status=Status.UNKNOWN) from error


def _resolved(value: Any, context: ProbeContext) -> Any:
    if isinstance(value, SecretRef):
        return context.secret(value)
    if isinstance(value, dict):
        return {name: _resolved(inner, context) for name, inner in value.items()}
    return [_resolved(inner, context) for inner in value] if isinstance(value, list) else value
