"""What the channels of web services share: one attempt at a JSON API, and the sentence for its answer.

The address is evaluated as a webhook's is; the service's own words for a refusal are kept, cleaned and cut.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator

from busta_health_dagster.channels import transport
from busta_health_dagster.domain.delivery import Outcome, Rejected, RetryLater
from busta_health_dagster.domain.fields import SecretRef, Strict
from busta_health_dagster.wording.sentences import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.channels.port import ChannelContext

MOST_READ = 16 * 1024
"""Of an answer: an id, or why not, stands within."""
_SAID = 120


class WebServiceConfig(Strict):
    """`allow_private` is for a service of one's own, and for proxies; `ca_file` trusts a private authority."""

    allow_private: bool = False
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """How it went, and the answer where it is a JSON object."""

    outcome: Outcome
    status: int = 0
    said: Mapping[str, Any] = field(default_factory=dict)


def web_address(url: str) -> str:
    """A base address without its last slash; for validators.

    Raises:
        ValueError: it is none.
    """
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise ValueError(f"{url!r} is not a web address; write https://host")
    return url.rstrip("/")


WebAddress = Annotated[str, AfterValidator(web_address)]


def reference(value: object, variable: str) -> object:
    """For validators: an address that is a secret is not written out.

    Raises:
        ValueError: it is.
    """
    if isinstance(value, str):
        raise ValueError(f"this address is a secret: who has it can write here. Put it into {{env: {variable}}}")  # noqa: TRY004  pydantic wants ValueError
    return value


def call(
    url: str,
    body: Mapping[str, Any] | bytes,
    config: WebServiceConfig,
    context: ChannelContext,
    *,
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
    remedy: str = "",
) -> Reply:
    """One attempt; a mapping is sent as JSON. `remedy` is for a refusal."""
    sent = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    kind = {"content-type": "application/json; charset=utf-8", "user-agent": "busta_health_dagster"}
    plain = kind | dict(headers or {})
    for name, value in plain.items():
        if not value.isascii() or not value.isprintable():
            return Reply(Rejected(f"the value of header {name} holds a character that headers cannot carry", remedy))
    answer = transport.post(
        url,
        sent,
        plain,
        timeout_s=context.timeout_s,
        refuse=None if config.allow_private else context.refuse_address,
        ca_file=config.ca_file,
        method=method,
        read=MOST_READ,
    )
    host = urlsplit(url).hostname or "the service"
    outcome = transport.evaluated(answer, host, now=context.now, remedy=remedy)
    if not isinstance(answer, transport.Answer):
        return Reply(outcome)
    said = _json_object(answer.body)
    return Reply(_in_their_words(outcome, host, answer.status, said), answer.status, said)


def resolved(value: str | SecretRef, context: ChannelContext) -> str:
    return value if isinstance(value, str) else context.secret(value)


def basic_auth(user: str, password: str) -> str:
    """The value of the header `authorization`."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _json_object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _in_their_words(outcome: Outcome, host: str, status: int, said: Mapping[str, Any]) -> Outcome:
    """`error`, `message` and `description` are what these services call it."""
    if not isinstance(outcome, Rejected | RetryLater):
        return outcome
    inner = said.get("error")
    holder = inner if isinstance(inner, dict) else said
    words = next((w for key in ("description", "message", "error") if isinstance(w := holder.get(key), str) and w), "")
    return replace(outcome, reason=f"{host} answered {status}: {clean(words, _SAID)}") if words else outcome
