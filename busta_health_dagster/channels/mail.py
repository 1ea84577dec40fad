"""Email over SMTP: STARTTLS by default, one message for all recipients, one total deadline."""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from busta_health_dagster.channels import mail_payload
from busta_health_dagster.channels.port import ChannelContext, ChannelType
from busta_health_dagster.domain.delivery import Delivered, Delivery, Outcome, Rejected, RetryLater
from busta_health_dagster.domain.fields import SecretRef, Strict, TextOrSecret

if TYPE_CHECKING:
    from email.message import EmailMessage

    from aiosmtplib import SMTPException

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
_SENDER = re.compile(r"(?:[^<>\r\n@]*<)?([^@\s<>,;]+@[^@\s<>,;]+)>?")


class EmailConfig(Strict):
    """`from` may carry a name: `Source health <health@example.com>`. `tls: none` is for a relay on this machine."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    tls: Literal["starttls", "tls", "none"] = "starttls"
    username: TextOrSecret | None = None
    password: SecretRef | None = None
    sender: str = Field(alias="from")
    to: Annotated[tuple[str, ...], Field(min_length=1)]
    ca_file: str | None = None

    @field_validator("sender")
    @classmethod
    def _from(cls, sender: str) -> str:
        found = _SENDER.fullmatch(sender.strip())
        if found is None:
            raise ValueError(
                f"{sender!r} is not a mail address; write health@example.com or Source health <health@example.com>"
            )
        return sender.strip().replace(found[1], _ascii(found[1]))

    @field_validator("to")
    @classmethod
    def _to(cls, to: tuple[str, ...]) -> tuple[str, ...]:
        for address in to:
            if not _ADDRESS.fullmatch(address):
                raise ValueError(f"{address!r} is not a mail address")
        return tuple(_ascii(address) for address in to)

    @model_validator(mode="after")
    def _credentials(self) -> EmailConfig:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.password is not None and self.tls == "none":
            raise ValueError("a password would travel unencrypted; use tls: starttls or tls: tls")
        return self


def payload(delivery: Delivery, config: EmailConfig) -> EmailMessage:
    return mail_payload.payload(delivery, config.sender, config.to)


def send(delivery: Delivery, config: EmailConfig, context: ChannelContext) -> Outcome:
    from aiosmtplib import SMTPException, SMTPRecipientsRefused

    message = payload(delivery, config)
    username = context.secret(config.username) if isinstance(config.username, SecretRef) else config.username
    password = context.secret(config.password) if config.password else None
    to = tuple(a for a in config.to if a not in delivery.reached) or config.to
    receipt = {"message_id": str(message["Message-ID"])}
    try:
        # Its own loop: the worker calls from a thread, and only a loop can bound the whole conversation.
        refused = asyncio.run(_within(message, to, config, username, password, context.timeout_s))
    except TimeoutError:
        return RetryLater(f"{config.host} did not finish within {context.timeout_s:g} s")
    except ssl.SSLError as why:
        return RetryLater(f"TLS with {config.host} failed: {getattr(why, 'verify_message', '') or why.reason}")
    except SMTPRecipientsRefused as why:
        refused = {r.recipient: r.code for r in why.recipients}
        if not delivery.reached:
            return _all_refused(refused, config)
    except SMTPException as why:
        return _evaluated(why, config)
    except OSError as why:
        return RetryLater(f"{config.host} cannot be reached: {why.strerror or type(why).__name__}")
    reached = (*delivery.reached, *(a for a in to if a not in refused))
    later = [f"{a} ({code})" for a, code in refused.items() if code < 500]
    if later:
        return RetryLater(f"{config.host} did not take it yet for {', '.join(later)}", reached=reached)
    never = tuple(f"{a} ({code})" for a, code in refused.items())
    return Delivered(receipt, f"refused for {', '.join(never)}" if never else "accepted", never)


def _ascii(address: str) -> str:
    """The address as every server takes it: an international domain in its ASCII form."""
    import idna

    local, _, domain = address.rpartition("@")
    if not local.isascii():
        raise ValueError(
            f"{address!r} has other letters than ASCII before the @, which few servers take (SMTPUTF8) and we do not "
            "send; write an address of the same mailbox in ASCII"
        )
    if domain.isascii():
        return address
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"
    except idna.IDNAError as why:
        raise ValueError(f"{domain!r} is not a domain: {why}") from why


async def _within(
    message: EmailMessage,
    to: tuple[str, ...],
    config: EmailConfig,
    username: str | None,
    password: str | None,
    timeout_s: float,
) -> dict[str, int]:
    """Recipient -> the code it was refused with."""
    import aiosmtplib

    async with asyncio.timeout(timeout_s):
        refused, _ = await aiosmtplib.send(
            message,
            recipients=list(to),
            hostname=config.host,
            port=config.port or _PORTS[config.tls],
            username=username,
            password=password,
            timeout=timeout_s,
            use_tls=config.tls == "tls",
            start_tls=config.tls == "starttls",
            tls_context=ssl.create_default_context(cafile=config.ca_file) if config.tls != "none" else None,
        )
    return {address: answer.code for address, answer in refused.items()}


def _all_refused(refused: dict[str, int], config: EmailConfig) -> Outcome:
    said = f"{config.host} refused every recipient ({', '.join(map(str, refused.values()))})"
    if any(code < 500 for code in refused.values()):
        return RetryLater(said)
    return Rejected(said, "Correct the addresses in `to`")


def _evaluated(why: SMTPException, config: EmailConfig) -> Outcome:
    import aiosmtplib

    if isinstance(why, aiosmtplib.SMTPAuthenticationError):
        said = f"{config.host} refused the login ({why.code})"
        return Rejected(said, "Check username and password") if why.code >= 500 else RetryLater(said)
    if isinstance(why, aiosmtplib.SMTPResponseException):
        said = f"{config.host} answered {why.code}"
        return Rejected(said, "Check the mail server's log") if why.code >= 500 else RetryLater(said)
    if isinstance(why, aiosmtplib.SMTPTimeoutError):
        return RetryLater(f"{config.host} did not answer in time")
    if isinstance(why, aiosmtplib.SMTPNotSupported | aiosmtplib.SMTPException) and "STARTTLS" in str(why).upper():
        return Rejected(f"{config.host} offers no STARTTLS", "Use tls: tls with its port, or another server")
    root = why.__cause__ or why.__context__
    if isinstance(root, ssl.SSLError):
        return RetryLater(f"TLS with {config.host} failed: {getattr(root, 'verify_message', '') or root.reason}")
    return RetryLater(f"{config.host} cannot be reached: {type(root or why).__name__}")


CHANNEL = ChannelType("email", EmailConfig, send)
