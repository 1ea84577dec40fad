"""The platform's classes as far as we lean on them. No one has to inherit from these: having the methods is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence


@runtime_checkable
class BaseDataSource(Protocol):
    """`collect()` gives the records, now or as an awaitable. `metadata`, `validate` and `transform` are the platform's
    own business.
    """

    def collect(self) -> Sequence[Mapping[str, Any]] | Awaitable[Sequence[Mapping[str, Any]]]: ...


class DataSourceMetadata(Protocol):
    """What a source says of itself; whatever is there is shown as facts, nothing is required."""

    name: str


class DataSourceRegistry(Protocol):
    """What `@register_data_source` fills. We need the names and one entry by name; see `registry.py` for the spellings
    understood.
    """

    def get(self, name: str) -> Any: ...


class DataSourceValidator(Protocol):
    """`validate(records)` gives the five metrics, an overall score and issues; `quality` maps it by its scale."""

    def validate(self, data: Sequence[Mapping[str, Any]]) -> Any: ...
