"""A small faithful stand-in for the platform's own classes, as its code base has them."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Severity(Enum):
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


@dataclass
class DataSourceMetadata:
    name: str
    description: str = ""
    version: str = "1.0"
    update_frequency: str = "daily"
    requires_auth: bool = False
    tags: list[str] = field(default_factory=list)


class BaseDataSource(ABC):
    def __init__(self, config: dict[str, Any] | None = None) -> None:
        self.config = config or {}

    @property
    @abstractmethod
    def metadata(self) -> DataSourceMetadata: ...

    @abstractmethod
    def collect(self) -> list[dict[str, Any]]: ...

    def validate(self, data: list[dict[str, Any]]) -> bool:
        return bool(data)

    def transform(self, data: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return data


class DataSourceRegistry:
    def __init__(self) -> None:
        self._sources: dict[str, type[BaseDataSource]] = {}

    def register(self, name: str, source: type[BaseDataSource]) -> None:
        self._sources[name] = source

    def get(self, name: str) -> type[BaseDataSource] | None:
        return self._sources.get(name)

    def list_sources(self) -> list[str]:
        return list(self._sources)


registry, broken, empty = DataSourceRegistry(), DataSourceRegistry(), DataSourceRegistry()


def register_data_source(
    name: str, into: DataSourceRegistry = registry
) -> Callable[[type[BaseDataSource]], type[BaseDataSource]]:
    def decorate(source: type[BaseDataSource]) -> type[BaseDataSource]:
        into.register(name, source)
        return source

    return decorate


@dataclass
class ValidationIssue:
    severity: Severity
    message: str
    field: str | None = None


@dataclass
class ValidationResult:
    completeness: float
    consistency: float
    validity: float
    uniqueness: float
    timeliness: float
    overall_score: float
    issues: list[ValidationIssue] = field(default_factory=list)


class DataSourceValidator:
    online, key_is_good = True, True

    def validate(self, data: list[dict[str, Any]]) -> ValidationResult:
        full = sum(row.get("player") is not None for row in data) / len(data)
        issues = [] if full == 1 else [ValidationIssue(Severity.ERROR, "players missing", "player")]
        return ValidationResult(full, 1.0, 1.0, 1.0, 1.0, (full + 4) / 5, issues)

    def check_connection(self) -> bool:
        return self.online

    def check_authentication(self) -> tuple[bool, str]:
        return self.key_is_good, "" if self.key_is_good else "401"


class Offline(DataSourceValidator):
    online = False


class KeyExpired(DataSourceValidator):
    key_is_good = False


@register_data_source("injuries")
class InjurySource(BaseDataSource):
    def __init__(self, config: dict[str, Any] | None = None, api_key: str = "", team: str = "GB") -> None:
        super().__init__(config)
        self.api_key, self.team = api_key, team

    @property
    def metadata(self) -> DataSourceMetadata:
        return DataSourceMetadata("injuries", "Injury reports", requires_auth=True)

    def collect(self) -> list[dict[str, Any]]:
        return [
            {"player": "A. Rodgers", "team": self.team, "updated_at": "2026-11-23T07:30:00Z"},
            {"player": None, "team": self.team, "updated_at": "2026-11-23T06:00:00Z"},
        ]


@register_data_source("scores")
class ScoreSource(BaseDataSource):
    @property
    def metadata(self) -> DataSourceMetadata:
        return DataSourceMetadata("scores")

    async def collect(self) -> list[dict[str, Any]]:  # type: ignore[override]
        return [{"home": 21, "away": 20, "updated_at": "2026-11-23T07:55:00Z"}]


@register_data_source("fine", broken)
class FineSource(ScoreSource):
    pass


@register_data_source("sick", broken)
class SickSource(ScoreSource):
    def collect(self) -> list[dict[str, Any]]:  # type: ignore[override]
        raise ConnectionError("the vendor hung up")


class SlowSource(ScoreSource):
    def collect(self) -> list[dict[str, Any]]:  # type: ignore[override]
        time.sleep(1.0)
        return []


class TextSource(ScoreSource):
    def collect(self) -> str:  # type: ignore[override]
        return "not a list"


class NeedsMore(ScoreSource):
    def __init__(self, where: str) -> None:
        super().__init__()


instance = InjurySource(team="CHI")
