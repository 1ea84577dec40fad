"""What Dagster's own pages may offer to a caller: its permissions, less those of the whole instance where the caller is no admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagster._core.workspace.context import WorkspaceRequestContext
from dagster._core.workspace.permissions import PermissionResult, Permissions

if TYPE_CHECKING:
    from collections.abc import Mapping

_INSTANCE = (
    Permissions.START_SCHEDULE,
    Permissions.STOP_RUNNING_SCHEDULE,
    Permissions.EDIT_SENSOR,
    Permissions.UPDATE_SENSOR_CURSOR,
    Permissions.EDIT_CONCURRENCY_LIMIT,
    Permissions.TOGGLE_AUTO_MATERIALIZE,
)


class RequestContext(WorkspaceRequestContext):
    """Dagster's own permissions, so that its pages show what a role may; `manages` False takes those of the instance."""

    def __init__(self, *, manages: bool, **given: Any) -> None:
        super().__init__(**given)
        self._manages = manages

    @property
    def permissions(self) -> Mapping[str, PermissionResult]:
        return self._less(super().permissions)

    def permissions_for_location(self, *, location_name: str) -> Mapping[str, PermissionResult]:
        return self._less(super().permissions_for_location(location_name=location_name))

    def _less(self, given: Mapping[str, PermissionResult]) -> Mapping[str, PermissionResult]:
        if self._manages:
            return given
        refused = PermissionResult(enabled=False, disabled_reason="This needs an admin's token")
        return {**given, **{name: refused for name in _INSTANCE if name in given}}
