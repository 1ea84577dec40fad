"""OAuth 2 client credentials: a token from its endpoint, kept in this process until it ends, and never shown."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode, urlsplit

from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.probes.json_text import parse_json
from busta_health_dagster.probes.port import Failed
from busta_health_dagster.probes.web_findings import rate_limited

if TYPE_CHECKING:
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.probes.fetch import Fetched, Request
    from busta_health_dagster.probes.port import ProbeContext
    from busta_health_dagster.probes.web_config import ClientCredentials, WebConfig

_EARLY_S = 30.0  # a token that ends while the request is on its way is refused
_KEPT: dict[str, tuple[str, float]] = {}


async def authorized(request: Request, config: WebConfig, source: Source, context: ProbeContext) -> Request:
    """The request with the token it needs, if it needs one.

    Raises:
        MissingSecret: a reference leads nowhere.
        Failed: no token was given.
    """
    grant = config.auth.oauth2 if config.auth is not None else None
    if grant is None:
        return request
    token = await _token(grant, request, source, context)
    headers = {**request.headers, "Authorization": f"Bearer {token}"}
    return replace(request, headers=headers, secrets=request.secrets | {"authorization"})


async def _token(grant: ClientCredentials, request: Request, source: Source, context: ProbeContext) -> str:
    client = context.secret(grant.client_id) if isinstance(grant.client_id, SecretRef) else grant.client_id
    secret = context.secret(grant.client_secret)
    fields = {"grant_type": "client_credentials", **({"scope": grant.scope} if grant.scope else {}), **grant.fields}
    key = hashlib.sha256(repr((grant.token_url, client, secret, sorted(fields.items()))).encode()).hexdigest()
    kept = _KEPT.get(key)
    if kept is not None and context.now < kept[1]:
        return kept[0]
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if grant.send == "body":
        fields |= {"client_id": client, "client_secret": secret}
    else:
        pair = f"{quote_plus(client)}:{quote_plus(secret)}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    asked = type(request)(
        url=grant.token_url,
        method="POST",
        headers=headers,
        secrets=frozenset({"authorization"}),
        body=urlencode(fields).encode(),
        redirects=0,
        guarded=not source.allow_private,
        tls=request.tls,
        proxy=request.proxy,
    )
    got, who = await context.http.fetch(asked), f"the token endpoint {urlsplit(grant.token_url).hostname}"
    if got.status == 429:  # says nothing about the client; asked again at once it would go on
        limited = rate_limited(got, source, context.now, {})
        fields_of = {"retry_after_s": limited.retry_after_s, "http_status": got.status}
        raise Failed(limited.reason, f"{who} {limited.detail}", status=limited.status, **fields_of)
    token, lasts = _granted(got, who)
    if lasts is not None:
        _KEPT[key] = (token, context.now + lasts - _EARLY_S)
    return token


def _granted(got: Fetched, who: str) -> tuple[str, float | None]:
    """The token, and for how many seconds it is good; None: no one says, so that it serves once."""
    if got.status >= 500:
        raise Failed("http_status", f"{who} answered {got.status}", http_status=got.status)
    document, problem = parse_json(got.body, got.charset)
    answer: dict[str, Any] = document if isinstance(document, dict) else {}
    if got.status != 200:
        error = answer.get("error")
        why = f": {error[:80]}" if isinstance(error, str) else ""
        raise Failed("authentication", f"{who} answered {got.status}{why}; are the client's id and secret right?")
    token = answer.get("access_token")
    if not isinstance(token, str) or not token.isprintable() or not token:
        found = "no JSON" if problem else "no access_token"
        raise Failed("authentication", f"{who} gave {found}; is token_url the right one?")
    kind = answer.get("token_type", "bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise Failed("authentication", f"{who} gives tokens of type {str(kind)[:40]!r}; only bearer tokens can be sent")
    try:
        lasts = float(answer["expires_in"])
    except (KeyError, TypeError, ValueError):
        return token, None
    return token, lasts
