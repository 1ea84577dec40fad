"""Starts the one ASGI application on uvicorn, with Dagster's UI below it or without."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import socket
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.access import Principal, Role
from busta_health_dagster.domain.errors import Refused
from busta_health_dagster.garbage import collect_rarely
from busta_health_dagster.pipeline.app import access, links
from busta_health_dagster.web.auth_middleware import AuthMiddleware
from busta_health_dagster.web.authenticator import Authenticator
from busta_health_dagster.web.pages import status_page
from busta_health_dagster.web.slow_requests import Hurried

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from dagster._core.workspace.context import WorkspaceProcessContext
    from starlette.applications import Starlette
    from starlette.routing import BaseRoute

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.web.auth_middleware import Asgi

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def serve(*, workspace: str | None, host: str, listener: socket.socket) -> None:
    """Serve on a socket that listens already, until asked to stop; `host` is the name it was opened for. Without a
    workspace there is no Dagster UI, and nothing of Dagster is loaded.

    Raises:
        Refused: an address other than loopback while no token exists.
    """
    app = bootstrap.open_app(create_store=True)
    refuse_open_door(app, host)
    port = listener.getsockname()[1]
    links.note_web_address(app, host=host, port=port, tls=app.config.settings.web.tls is not None)
    with ExitStack() as stack:
        process = stack.enter_context(_workspace(workspace)) if workspace is not None else None
        _run(build(app, process, host=host, port=port), app, listener)


@contextmanager
def _workspace(path: str) -> Iterator[WorkspaceProcessContext]:
    from dagster import DagsterInstance
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget

    with (
        DagsterInstance.get() as instance,
        WorkspaceProcessContext(instance, WorkspaceFileTarget([path])) as process,
    ):
        instance.optimize_for_webserver(statement_timeout=15000, pool_recycle=3600, max_overflow=20)
        yield process


def _run(whole: Asgi, app: App, listener: socket.socket) -> None:
    import uvicorn

    # Dagster's 230,000 objects stay for ever: a full collection over them in the middle of /metrics costs 100 ms.
    gc.collect()
    gc.freeze()
    collect_rarely()
    tls = app.config.settings.web.tls
    config = uvicorn.Config(
        whole,
        log_level="warning",
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
        timeout_graceful_shutdown=3,
        server_header=False,
        # uvicorn believes X-Forwarded-For from loopback; whose word counts is for the door to say, by the real peer.
        proxy_headers=False,
        http=Hurried,
    )
    uvicorn.Server(config).run(sockets=[listener])


def refuse_open_door(app: App, host: str) -> None:
    """As long as no token has ever existed, the server binds loopback only."""
    if is_loopback(host) or guarded(app):
        return
    raise Refused(
        f"There is no token yet, and {host} is not loopback: everyone who reaches it would be admin. "
        "Make one first: busta tokens create --role admin --name NAME. Or serve on 127.0.0.1."
    )


def is_loopback(host: str) -> bool:
    if host in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guarded:
    """The same, asked of the store only until it says yes: it never becomes no again."""

    def __init__(self, app: App) -> None:
        self._app, self.known = app, False

    def __call__(self) -> bool:
        self.known = self.known or guarded(self._app)
        return self.known


def guarded(app: App) -> bool:
    """Does everyone have to say who they are? Once a token has existed this stays so, whatever is revoked."""
    return app.config.settings.web.trusted_proxy is not None or access.ever_guarded(app)


def build(app: App, process: WorkspaceProcessContext | None, *, host: str, port: int) -> Asgi:
    """The whole application: our routes first, Dagster's for the rest, the door in front of all of it."""
    from starlette.applications import Starlette

    inner = Starlette(routes=_pages_alone(app)) if process is None else _with_dagster(app, process)
    return AuthMiddleware(inner, doorkeeper(app, host=host, port=port))


def _pages_alone(app: App) -> list[BaseRoute]:
    from starlette.responses import RedirectResponse
    from starlette.routing import Route

    from busta_health_dagster.web.routes import routes

    page = Route("/", lambda _: RedirectResponse("/source-health"))
    return [*routes(app, dagster=app.config.settings.dagster.url), page]


def _with_dagster(app: App, process: WorkspaceProcessContext) -> Starlette:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from busta_health_dagster.web.asset_materializations import last_materialized
    from busta_health_dagster.web.dagster_ui import GuardedWebserver
    from busta_health_dagster.web.routes import routes
    from busta_health_dagster.web.workspace_lineage import keep_noting

    dagster = GuardedWebserver(app, process).create_asgi_app()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        noting = asyncio.create_task(keep_noting(app, process))
        yield
        noting.cancel()

    ours = routes(app, last_materialized(process.instance), dagster="")
    return Starlette(routes=[*ours, Mount("/", dagster)], lifespan=lifespan)


def doorkeeper(app: App, *, host: str, port: int) -> Authenticator:
    """Who may come in, as settings.yaml and the store say."""
    web = app.config.settings.web
    del port  # a name is ours on any port: a proxy in front has its own
    hosts = {host.lower(), *(h.lower() for h in web.allowed_hosts)}
    if is_loopback(host):
        hosts |= LOOPBACK
    if host in {"0.0.0.0", "::"}:  # noqa: S104  compared, not bound
        hosts |= LOOPBACK | {socket.gethostname().lower()}
    if web.public_url:
        hosts.add((urlsplit(web.public_url).hostname or "").lower())
    proxy = web.trusted_proxy
    return Authenticator(
        hosts=frozenset(hosts),
        guarded=(asked := Guarded(app)),
        closed=lambda: asked.known,
        by_token=lambda secret: access.principal_of_token(app, secret),
        by_cookie=lambda cookie: access.principal_of_session(app, cookie),
        opens=lambda path: status_page.answers(app, path),
        audit=lambda actor, subject, detail: access.write_down_refusal(app, actor, subject, detail),
        proxies=[ipaddress.ip_network(a) for a in proxy.addresses] if proxy else (),
        proxy_header=proxy.header.lower() if proxy else "",
        by_proxy=(lambda name: Principal(name, _proxied_role(app, name), "proxy")) if proxy else None,
    )


def _proxied_role(app: App, name: str) -> Role:
    proxy = app.config.settings.web.trusted_proxy
    assert proxy is not None
    if name in proxy.admins:
        return Role.ADMIN
    return Role.OPERATOR if name in proxy.operators else Role(proxy.role)
