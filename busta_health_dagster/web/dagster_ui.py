"""Dagster's own web application behind our door: what a caller may do there follows from their role.

Leans on private names of dagster-webserver 1.13.27 (`_make_request_context`, `gen_graphql_response`,
`execute_graphql_subscription`, `_process_context`);
tests/dagster/test_web_contract.py walks every one of them and says what broke when the pin moves.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from anyio.to_thread import run_sync
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster_webserver.webserver import DagsterWebserver
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse

from busta_health_dagster.domain.access import AuditEntry, Principal, Right
from busta_health_dagster.domain.errors import StoreError, StoreUnavailable
from busta_health_dagster.extras import installed
from busta_health_dagster.web import graphql_guard
from busta_health_dagster.web.auth_middleware import failure
from busta_health_dagster.web.dagster_permissions import RequestContext
from busta_health_dagster.web.pages.rendering import asset

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Sequence

    from graphql import GraphQLError, GraphQLFormattedError
    from starlette.applications import Starlette
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

    from busta_health_dagster.pipeline.app.app import App


def _storage_away() -> tuple[type[Exception], ...]:
    if not installed("postgres"):
        return (SQLAlchemyError,)
    from dagster_postgres.utils import DagsterPostgresException

    return SQLAlchemyError, DagsterPostgresException


STORAGE_AWAY = _storage_away()
"""What Dagster raises when its storage cannot answer."""
LIVE_DATA_EVERY_MS = 2000
QUERIES_AT_ONCE = 16
"""In threads of their own: a caller that asks Dagster for much does not hold up the pages."""
SUBSCRIPTIONS = 32
"""Of one websocket."""
_NAMES = frozenset(
    {"id", "runId", "runIds", "jobName", "pipelineName", "sensorName", "scheduleName", "path", "partitionName"}
)
"""What of a mutation's variables says which thing it changes; a run's configuration stays out of the audit log."""
_LINK_STYLE = f'<link rel="stylesheet" href="{asset("dagster-link.css")}">'.encode()
_LINK = b'<a id="busta-health" href="/source-health">Source health</a>'


class GuardedWebserver(DagsterWebserver[WorkspaceProcessContext, WorkspaceRequestContext]):
    """A viewer gets Dagster's read-only permissions, and no mutation at all: some of Dagster's ask for no permission.
    What runs is within the bounds of its caller's role, and every change is written down before it is made.
    """

    def __init__(self, app: App, process: WorkspaceProcessContext) -> None:
        super().__init__(process, live_data_poll_rate=LIVE_DATA_EVERY_MS)
        self._app = app
        self._threads: anyio.CapacityLimiter | None = None

    async def download_debug_file_endpoint(self, request: Request) -> Response:
        """Dagster's own answer, which is a traceback where there is no such run."""
        run_id = request.path_params["run_id"]
        if self._process_context.instance.get_run_by_id(run_id) is None:
            says = f"There is no run {run_id[:60]!r}. Its id stands in the address of its page, /runs/ID."
            return JSONResponse({"detail": says}, 404)
        answer: Response = await super().download_debug_file_endpoint(request)
        return answer

    def index_html_endpoint(self, request: Request) -> Response:
        """Dagster's page as it is, and beside it a link to ours: an element of its own, outside of what Dagster renders."""
        answer: Response = super().index_html_endpoint(request)
        page = bytes(answer.body).replace(b"</head>", _LINK_STYLE + b"</head>", 1)
        answer.body = page.replace(b"</body>", _LINK + b"</body>", 1)
        answer.headers["content-length"] = str(len(answer.body))
        return answer

    def _make_request_context(self, conn: HTTPConnection) -> WorkspaceRequestContext:
        principal = _principal(conn)
        process = self._process_context
        return RequestContext(
            instance=process.instance,
            current_workspace=process.get_current_workspace(),
            process_context=process,
            version=process.version,
            source=conn,
            read_only=not principal.may(Right.ACT),
            manages=principal.may(Right.MANAGE),
        )

    async def graphql_http_endpoint(self, request: Request) -> Any:
        """One JSON object by POST only: a form post needs no preflight, and stock code reads the query from the address
        then; a list of queries would be a batch, which Dagster's pages never send.
        """
        media = request.headers.get("content-type", "").partition(";")[0].strip()
        if request.method == "POST":
            if media != "application/json":
                return _said(415, "Send GraphQL as application/json.")
            if problem := _shape(await request.body()):
                return _said(400, problem)
        elif "query" in request.query_params:
            return _said(405, "Send GraphQL by POST.")
        return await super().graphql_http_endpoint(request)

    async def execute_graphql_request(
        self, request: Request, query: str, variables: dict[str, Any] | None, operation_name: str | None
    ) -> JSONResponse:
        principal, asked = _principal(request), graphql_guard.read(query)
        if asked is None and len(query) > graphql_guard.MOST_TOKENS:
            return _said(400, "The query is too long or too deep to be read, or is no GraphQL.")
        if asked is not None:
            if (problem := graphql_guard.too_dear(asked, principal)) is not None:
                return _said(400, problem)
            refused = graphql_guard.refusal(asked, principal)
            if asked.mutations:
                try:
                    await run_sync(self._write_down, principal, asked.mutations, variables, refused)
                except StoreError as error:
                    return _said(503, f"Nothing was changed: the audit log cannot be written. {error}")
            if refused is not None:
                return _said(403, refused)
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(QUERIES_AT_ONCE)
        work = partial(
            self.graphql_execution_thread,
            request=request,
            query=query,
            variables=variables,
            operation_name=operation_name,
        )
        return await run_sync(work, limiter=self._threads)

    def handle_graphql_errors(self, errors: Sequence[GraphQLError]) -> list[Any]:
        """Without their tracebacks: those are in the log of this process, and say much about the machine."""
        return [
            {**error.formatted, "message": self._away(error.original_error)}
            if isinstance(error.original_error, STORAGE_AWAY)
            else error.formatted
            for error in errors
        ]

    def _determine_status_code(
        self, resolver_errors: list[GraphQLError] | None, captured_errors: list[Exception]
    ) -> int:
        causes = [*captured_errors, *(error.original_error for error in resolver_errors or ())]
        if any(isinstance(cause, STORAGE_AWAY) for cause in causes):
            return 503
        return super()._determine_status_code(resolver_errors, captured_errors)

    def _away(self, error: BaseException) -> str:
        return storage_away(self._app, error)

    def create_asgi_app(self, **given: Any) -> Starlette:
        """Dagster's application; where its storage is away it says so, and a person sees it as a page."""

        async def away(request: Request, error: Exception) -> Response:
            said = self._away(error)
            if "text/html" in request.headers.get("accept", ""):
                return failure(request, StoreUnavailable(said))
            return _said(503, said)

        return super().create_asgi_app(exception_handlers=dict.fromkeys(STORAGE_AWAY, away), **given)

    async def report_asset_materialization_endpoint(self, request: Request) -> JSONResponse:
        await self._reported(request)
        return await super().report_asset_materialization_endpoint(request)

    async def report_asset_check_endpoint(self, request: Request) -> JSONResponse:
        await self._reported(request)
        return await super().report_asset_check_endpoint(request)

    async def report_asset_observation_endpoint(self, request: Request) -> JSONResponse:
        await self._reported(request)
        return await super().report_asset_observation_endpoint(request)

    async def _reported(self, request: Request) -> None:
        kind, _, asset = request.url.path.strip("/").partition("/")
        await run_sync(self._append, _principal(request).name, kind.replace("_", "."), f"asset {asset}"[:200], "")

    def _write_down(
        self, principal: Principal, mutations: tuple[str, ...], variables: dict[str, Any] | None, refused: str | None
    ) -> None:
        named = json.dumps(_named(variables or {}))[:300]
        for name in mutations[:20]:
            if refused is None:
                self._append(principal.name, f"dagster.{name}", named, "")
            else:
                self._append(principal.name, "refused", f"POST /graphql {name}", f"403 {refused}")

    def _append(self, actor: str, action: str, subject: str, detail: str) -> None:
        with self._app.store.write() as uow:
            said = self._app.secrets.scrub(subject)
            uow.audit.append(AuditEntry(self._app.now(), actor, action, said, detail))

    async def execute_graphql_subscription(
        self,
        websocket: WebSocket,
        operation_id: str,
        query: str,
        variables: dict[str, Any] | None,
        operation_name: str | None,
    ) -> tuple[Task[Any] | None, GraphQLFormattedError | None]:
        """The websocket carries subscriptions only, for every role; a mutation goes by POST, where the role is asked."""
        asked, state = graphql_guard.read(query), websocket.scope["state"]
        if asked is not None and asked.mutations:
            return None, {"message": "A websocket carries subscriptions only; send a mutation by POST."}
        if asked is not None and (problem := graphql_guard.too_dear(asked, _principal(websocket))) is not None:
            return None, {"message": problem}
        if state.get("subscriptions", 0) >= SUBSCRIPTIONS:
            return None, {"message": f"This websocket has {SUBSCRIPTIONS} subscriptions; stop one first."}
        task, error = await super().execute_graphql_subscription(
            websocket, operation_id, query, variables, operation_name
        )
        if task is not None:
            state["subscriptions"] = state.get("subscriptions", 0) + 1
            task.add_done_callback(lambda _: state.update(subscriptions=state["subscriptions"] - 1))
        return task, error


def storage_away(app: App, error: BaseException) -> str:
    """The store named, with what to do; the driver's first line, never the statement."""
    cause = str(getattr(error, "orig", None) or error).strip().splitlines()
    return (
        f"Dagster's storage cannot answer ({cause[0][:200] if cause else type(error).__name__}). The store of this monitor "
        f"is {app.store.url}: check that its database runs (busta db status)."
    )


def _principal(conn: HTTPConnection) -> Principal:
    principal: Principal = conn.scope["state"]["principal"]
    return principal


def _said(status: int, message: str) -> JSONResponse:
    return JSONResponse({"data": None, "errors": [{"message": message}]}, status_code=status)


def _shape(body: bytes) -> str | None:
    """What is wrong with the body as a GraphQL request; None when nothing is."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return "The body is not JSON."
    if isinstance(asked, list):
        return "One query a request: a list of queries (a batch) is not taken."
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        return 'Send an object: {"query": "...", "variables": {...}}.'
    if not isinstance(asked.get("variables"), dict | str | None) or not isinstance(
        asked.get("operationName"), str | None
    ):
        return "variables is an object, operationName a text."
    return None


def _named(variables: Any) -> dict[str, Any]:
    """The names and ids among the variables of a mutation."""
    found: dict[str, Any] = {}
    for key, value in variables.items() if isinstance(variables, dict) else ():
        if key in _NAMES and isinstance(value, str | list):
            found[key] = value
        elif isinstance(value, dict) and key not in {"runConfigData", "executionMetadata"}:
            found |= _named(value)
    return found
