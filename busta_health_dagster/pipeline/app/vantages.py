"""What the store remembers of vantage points: when each one reported last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.vantage import VantageReports

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.store import UnitOfWork

_REPORTED = "vantage_reported:"
_EXPECTED = "vantages_expected"


def note_report(uow: UnitOfWork, name: str, now: int) -> None:
    """A run of this vantage point has stored its answers."""
    uow.meta.put(f"{_REPORTED}{name}", now)


def expect_reports(uow: UnitOfWork, names: Iterable[str], now: int) -> None:
    """The monitor asks these vantage points from now on, and no other."""
    known = uow.meta.get(_EXPECTED, {})
    wanted = {name: known.get(name, now) for name in names}
    if wanted != known:
        uow.meta.put(_EXPECTED, wanted)


def vantage_reports(uow: UnitOfWork, names: Iterable[str]) -> VantageReports:
    """As far as they are known."""
    found = {name: uow.meta.get(f"{_REPORTED}{name}") for name in names}
    return VantageReports({n: at for n, at in found.items() if at is not None}, uow.meta.get(_EXPECTED, {}))
