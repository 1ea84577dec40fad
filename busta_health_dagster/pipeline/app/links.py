"""Where people reach the web page from a message: `web.public_url`, else the address at which the page runs now."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

_KEY = "web_url"
_EVERY_ADDRESS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  compared, not bound


def base_url(app: App, uow: UnitOfWork) -> str:
    """What the links of messages begin with; "" where there is no page to link to."""
    return app.config.settings.web.public_url or str(uow.meta.get(_KEY, ""))


def dagster_base(app: App, uow: UnitOfWork) -> str:
    """What links into Dagster's UI begin with: `dagster.url`, else our own address, which serves it."""
    return app.config.settings.dagster.url or base_url(app, uow)


def note_web_address(app: App, *, host: str, port: int, tls: bool) -> str:
    """The page is served here from now on, -> its URL.

    Raises:
        StoreError: the store cannot be written to.
    """
    name = socket.gethostname() if host in _EVERY_ADDRESS else f"[{host}]" if ":" in host else host
    url = f"{'https' if tls else 'http'}://{name}:{port}"
    with app.store.write() as uow:
        uow.meta.put(_KEY, url)
    return url


def works_here_only(url: str) -> bool:
    """Is this a link that only the monitor's own machine can follow?"""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
