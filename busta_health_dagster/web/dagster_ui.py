"""Dagster's own web application behind our door: what a caller may do there follows from their role.

Leans on private names of dagster-webserver 1.13.27 (`_make_request_context`, `gen_graphql_response`,
`execute_graphql_subscription`, `_process_context`);
tests/dagster/test_web_contract.py walks every one of them and says what broke when the pin moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster_webserver.webserver import DagsterWebserver
from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.responses import JSONResponse

from busta_health_dagster.domain.access import Principal, Right

if TYPE_CHECKING:
    from asyncio import Task

    from graphql import GraphQLFormattedError
    from starlette.requests import HTTPConnection, Request
    from starlette.websockets import WebSocket

REFUSED = "Your role is viewer: it reads, and changes nothing. Ask for an operator's token."


def writes(query: str) -> bool:
    """Does the document hold a mutation? One that does not parse writes nothing: the executor refuses it with its reason."""
    try:
        document = parse(query)
    except GraphQLError:
        return False
    return any(
        isinstance(node, OperationDefinitionNode) and node.operation is OperationType.MUTATION
        for node in document.definitions
    )


class GuardedWebserver(DagsterWebserver[WorkspaceProcessContext, WorkspaceRequestContext]):
    """A viewer gets Dagster's read-only permissions, and no mutation at all: some of Dagster's ask for no permission."""

    def _make_request_context(self, conn: HTTPConnection) -> WorkspaceRequestContext:
        principal: Principal = conn.scope["state"]["principal"]
        process = self._process_context
        return WorkspaceRequestContext(
            instance=process.instance,
            current_workspace=process.get_current_workspace(),
            process_context=process,
            version=process.version,
            source=conn,
            read_only=not principal.may(Right.ACT),
        )

    async def graphql_http_endpoint(self, request: Request) -> Any:
        """JSON by POST only: a form post needs no preflight, and stock code reads the query from the address then."""
        media = request.headers.get("content-type", "").partition(";")[0].strip()
        if request.method == "POST" and media != "application/json":
            return JSONResponse({"errors": [{"message": "Send GraphQL as application/json."}]}, status_code=415)
        if request.method != "POST" and "query" in request.query_params:
            return JSONResponse({"errors": [{"message": "Send GraphQL by POST."}]}, status_code=405)
        return await super().graphql_http_endpoint(request)

    async def gen_graphql_response(
        self,
        request_context: WorkspaceRequestContext,
        query: str,
        variables: dict[str, Any] | None,
        operation_name: str | None,
    ) -> JSONResponse:
        if request_context.read_only and writes(query):
            return JSONResponse({"data": None, "errors": [{"message": REFUSED}]}, status_code=403)
        return await super().gen_graphql_response(request_context, query, variables, operation_name)

    async def execute_graphql_subscription(
        self,
        websocket: WebSocket,
        operation_id: str,
        query: str,
        variables: dict[str, Any] | None,
        operation_name: str | None,
    ) -> tuple[Task[Any] | None, GraphQLFormattedError | None]:
        """The websocket carries subscriptions only, for every role; a mutation goes by POST, where the role is asked."""
        if writes(query):
            return None, {"message": "A websocket carries subscriptions only; send a mutation by POST."}
        return await super().execute_graphql_subscription(websocket, operation_id, query, variables, operation_name)
