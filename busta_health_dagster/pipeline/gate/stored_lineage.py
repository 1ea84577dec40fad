"""What is built from each source, as the code locations told: their assets and jobs, and the next run among those."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.gate import BlastRadius, NextRun
from busta_health_dagster.pipeline.gate.jobs import jobs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

_KEY = "lineage"


@dataclass(frozen=True, slots=True)
class Lineage:
    """Of one code location: assets and jobs downstream of each source, by name; when each job runs next (epoch); which
    assets that `feeds` names are there; where it holds our own assets, what stands before their keys (`monitor`); and who owns
    `asset:KEY` and `instigator:NAME` (schedules and sensors).
    """

    assets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    jobs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    next_at: Mapping[str, int] = field(default_factory=dict)
    fed: tuple[str, ...] = ()
    prefix: str | None = None
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def put_lineage(app: App, location: str, lineage: Lineage) -> None:
    """As the location is now; written only where something changed."""
    with app.store.read() as uow:
        known: dict[str, Any] = uow.meta.get(_KEY, {})
    wanted: dict[str, Any] = _plain(asdict(lineage))
    if known.get(location) == wanted:
        return
    with app.store.write() as uow:
        uow.meta.put(_KEY, {**uow.meta.get(_KEY, {}), location: wanted})


def forget_lineage(app: App, locations: Collection[str]) -> None:
    """Forget the code locations that are none of these any more."""
    with app.store.read() as uow:
        gone = uow.meta.get(_KEY, {}).keys() - set(locations)
    if not gone:
        return
    with app.store.write() as uow:
        known: dict[str, Any] = uow.meta.get(_KEY, {})
        uow.meta.put(_KEY, {name: found for name, found in known.items() if name not in gone})


def owners_of(uow: UnitOfWork) -> Callable[[str, str], tuple[str, ...]]:
    """Who owns an asset, or a schedule or sensor ("instigator"), of any known location, by its name."""
    known: dict[str, Any] = {}
    for found in uow.meta.get(_KEY, {}).values():
        known |= found.get("owners", {})
    return lambda kind, name: tuple(known.get(f"{kind}:{name}", ()))


def built_from(uow: UnitOfWork) -> frozenset[str]:
    """Sources that an asset of any known location is built from."""
    return frozenset(name for found in uow.meta.get(_KEY, {}).values() for name in found["assets"])


def asset_path(uow: UnitOfWork, source: Source | None = None) -> str:
    """Where Dagster's UI shows this source, or without one the fleet: below `/assets/`."""
    if source is not None and source.asset is not None:
        return source.asset
    prefixes = (found.get("prefix") for found in uow.meta.get(_KEY, {}).values())
    prefix = next(filter(None, prefixes), "")
    return "/".join(filter(None, (prefix, "health/fleet" if source is None else f"sources/{source.name}")))


def feeds_without_asset(uow: UnitOfWork, source: Source) -> list[str]:
    """What `feeds` names and no code location has; empty while no location has been read."""
    locations = uow.meta.get(_KEY, {}).values()
    there = {name for found in locations for name in found["fed"]}
    return [name for name in source.feeds if name not in there] if locations else []


def blast_radii(app: App, uow: UnitOfWork) -> dict[str, BlastRadius]:
    """What each source hits, for those that hit anything: assets (those of `feeds` included) and jobs downstream, and the next
    run among them.
    """
    now = app.now()
    locations: list[dict[str, Any]] = list(uow.meta.get(_KEY, {}).values())
    gated = jobs_of(app, uow)
    out: dict[str, BlastRadius] = {}
    for name, source in app.config.sources.items():
        assets = set(source.feeds).union(*(found["assets"].get(name, ()) for found in locations))
        runs: dict[str, NextRun] = {}
        for found in locations:
            for job in found["jobs"].get(name, ()):
                at = found["next_at"].get(job)
                runs[job] = NextRun(job, at if at is not None and at > now else None)
        for waiting in gated:
            if name in waiting.sources:
                runs[waiting.job] = NextRun(waiting.job, waiting.next_at, waiting.held_since)
        if assets or runs:
            out[name] = BlastRadius(tuple(sorted(assets)), tuple(runs[job] for job in sorted(runs)))
    return out


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, tuple) else value
