"""When what a source feeds was built last: asked of Dagster in one query, for the pages, which know no Dagster."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dagster import AssetKey
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from dagster import DagsterInstance

_LOG = logging.getLogger(__name__)


def last_materialized(instance: DagsterInstance) -> Callable[[Collection[str]], dict[str, datetime | None]]:
    """Names (`models/moneyline`) -> when they were last materialized; None: an asset here, and never yet.

    A name that this instance has never heard of is left out.
    """

    def ask(names: Collection[str]) -> dict[str, datetime | None]:
        if not names:
            return {}
        keys = {AssetKey(name.split("/")): name for name in names}
        try:
            records = instance.get_asset_records(list(keys))
        except SQLAlchemyError as error:
            _LOG.warning("Dagster's storage cannot say when %s were materialized: %s", ", ".join(names), error)
            return {}
        found: dict[str, datetime | None] = {}
        for record in records:
            event = record.asset_entry.last_materialization
            found[keys[record.asset_entry.asset_key]] = (
                datetime.fromtimestamp(event.timestamp, UTC) if event is not None else None
            )
        return found

    return ask
