"""`busta sources suggest`: observe an address once, and draft the entry that watches it."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from busta_health_dagster.cli.session import at_home
from busta_health_dagster.cli.source_import import configuration, write_new
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.wording.names import name_text

if TYPE_CHECKING:
    from busta_health_dagster.drafts.suggest.suggestion import Suggestion
    from busta_health_dagster.probes.fetch import Fetched

_WEB = ("http://", "https://")
_DEADLINE_S = 30.0
_SAMPLE_ROWS = 2000


def suggest(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="URL|FILE|SQL-URL", help="What to observe once.")],
    name: Annotated[str, typer.Option(help="Name of the source; from the address when left out.")] = "",
    header: Annotated[
        list[str] | None, typer.Option(help="A header to ask with, 'X-Api-Key: ...'; it becomes {env: NAME}.")
    ] = None,
    table: Annotated[str, typer.Option(help="SQL-URL: the table to watch.")] = "",
    out: Annotated[Path | None, typer.Option(help="Where to write; never overwrites. Without it: stdout.")] = None,
) -> None:
    """Observe once, and draft the entry: probe, items, age, expectations and interval, each with its evidence. Example:
    busta sources suggest https://api.example.com/v1/odds
    """
    config = configuration(at_home(context))
    if name and name_text(name) != name:
        raise BadInput(f"{name!r} cannot be a name; write --name {name_text(name) or 'odds_api'}")
    taken = {s.name for s in (*config.sources.values(), *config.control)} if config is not None else set()
    headers = _headers(header or [])
    if address.lower().startswith(_WEB):
        made = _of_web(address, name, taken, headers)
    elif address.lower().startswith(("tcp://", "tls://")):
        raise BadInput("A port needs no suggestion: {name: ..., type: ports, probe: tcp, host: ..., port: ...}.")
    elif "://" in address and not address.lower().startswith(("s3://", "gs://", "az://", "file://")):
        made = _of_table(address, name, taken, table)
    else:
        made = _of_file(address, name, taken)
    _pass_the_doctor(made)
    text = made.text("Suggested by one observation: read each line, its evidence stands behind it.")
    if out is None:
        sys.stdout.write(text)
        return
    write_new(out, text)
    typer.echo(f"Written to {out}. Include it: - include: {out.name}")


def _headers(given: list[str]) -> dict[str, str]:
    found = {}
    for one in given:
        key, colon, value = one.partition(":")
        if not colon or not re.fullmatch(r"[\w-]+", key.strip()):
            raise BadInput(f"--header is written 'X-Api-Key: VALUE', not {key[:30]!r}.")
        found[key.strip()] = value.strip()
    return found


def _of_web(address: str, name: str, taken: set[str], headers: dict[str, str]) -> Suggestion:
    from busta_health_dagster.drafts.draft import Unusable, at_address
    from busta_health_dagster.drafts.secrets import without_secrets
    from busta_health_dagster.drafts.suggest.suggesting import of_answer
    from busta_health_dagster.probes.impostors import login_page
    from busta_health_dagster.wording.names import unique_name

    try:
        entry = at_address(address)
    except Unusable as why:
        raise BadInput(f"{why}.") from why
    got = asyncio.run(_fetch(str(entry["url"]), headers, guarded="allow_private" not in entry))
    if not 200 <= got.status < 300:
        how = " Ask with a key: --header 'X-Api-Key: VALUE'." if got.status in {401, 403} else ""
        raise BadInput(f"{got.shown_url} answered {got.status}, so there is nothing to learn from.{how}")
    if (login := login_page(got.body, got.url.path)) is not None:
        raise BadInput(
            f"{got.shown_url} answered {got.status} with a login page ({login!r}), so there is nothing to learn from. "
            "Ask with a key: --header 'X-Api-Key: VALUE'."
        )
    chosen = name or unique_name(f"{got.url.host} {got.url.path}", address, taken)
    safe, variables = without_secrets(chosen, {"name": chosen, **entry, **({"headers": headers} if headers else {})})
    made = of_answer(safe, got.status, got.headers, got.body, time.time())
    if variables:
        made.notes.append(f"Set {', '.join(variables)}: what is secret in the address is not written here.")
    return made


async def _fetch(url: str, headers: dict[str, str], *, guarded: bool) -> Fetched:
    from yarl import URL

    from busta_health_dagster.probes.dial import Resolver
    from busta_health_dagster.probes.fetch import Http, Request
    from busta_health_dagster.probes.port import Failed
    from busta_health_dagster.probes.urls import shown

    resolver = Resolver()
    http = Http(resolver)
    try:
        async with asyncio.timeout(_DEADLINE_S):
            return await http.fetch(
                Request(url, headers=headers, secrets=frozenset(map(str.lower, headers)), guarded=guarded)
            )
    except Failed as failed:
        raise BadInput(f"{shown(URL(url))} was not observed: {failed.result.detail.rstrip('.')}.") from failed
    except TimeoutError as error:
        raise BadInput(f"{shown(URL(url))} did not answer within {_DEADLINE_S:g} s.") from error
    finally:
        await http.close()
        await resolver.close()


def _of_file(address: str, name: str, taken: set[str]) -> Suggestion:
    from busta_health_dagster.wording.names import unique_name

    chosen = name or unique_name(Path(address).stem, "file", taken)
    return _observed(chosen, {"probe": "file", "path": address}, {}, address)


def _of_table(address: str, name: str, taken: set[str], table: str) -> Suggestion:
    from busta_health_dagster.settings.secret_scanner import env_name
    from busta_health_dagster.wording.names import unique_name

    known = asyncio.run(asyncio.to_thread(_tables, address))
    if not table and len(known) != 1:
        raise BadInput(f"Name the table: --table NAME; there is {', '.join(known[:12]) or 'none'}.")
    wanted = table or known[0]
    if wanted not in known:
        raise BadInput(f"There is no table {wanted!r}; there is {', '.join(known[:12]) or 'none'}.")
    chosen = name or unique_name(wanted, "table", taken)
    variable = env_name(chosen, "url")
    quoted = wanted if re.fullmatch(r"[a-z_][a-z0-9_]*", wanted) else f'"{wanted}"'
    entry = {"probe": "sql", "url": {"env": variable}, "query": f"select * from {quoted}"}  # noqa: S608  a name that the database gave
    made = _observed(chosen, entry, {variable: address}, f"table {wanted}")
    made.notes.append(f"Set {variable} to the URL of the database: it is not written here.")
    return made


def _tables(address: str) -> list[str]:
    import sqlalchemy as sa

    from busta_health_dagster.probes.port import Failed
    from busta_health_dagster.probes.sql_connection import driver_text, engine_for

    try:
        engine = engine_for(address, time.monotonic() + _DEADLINE_S)
        try:
            inspector = sa.inspect(engine)
            return sorted([*inspector.get_table_names(), *inspector.get_view_names()])
        finally:
            engine.dispose()
    except Failed as failed:
        raise BadInput(f"The database was not read: {failed.result.detail}.") from failed
    except sa.exc.SQLAlchemyError as error:
        raise BadInput(f"The database was not read: {driver_text(error)}.") from error


def _observed(name: str, entry: dict[str, Any], variables: dict[str, str], what: str) -> Suggestion:
    """Observe by the probe itself, and learn from the sample that it keeps."""
    from busta_health_dagster import probes
    from busta_health_dagster.domain.clock import SystemClock
    from busta_health_dagster.domain.observation import Kind, Status
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.drafts.suggest.suggesting import of_rows
    from busta_health_dagster.probes.prober import Prober

    registry = probes.registry(())
    model = registry.models()[entry["probe"]]
    config = model.model_validate({key: value for key, value in entry.items() if key != "probe"})
    source = Source(name, "draft", entry["probe"], config, timeout_s=_DEADLINE_S, confirm=0, allow_private=True)
    prober = Prober(
        registry,
        secret=lambda ref: variables[ref.env or ""],
        clock=SystemClock(),
        heartbeats=lambda _name: None,
        limits=probes.ProbeLimits(sample_rows=_SAMPLE_ROWS),
    )
    (seen,) = asyncio.run(prober.check([(source, int(time.time()))], Kind.MANUAL))
    if seen.status in {Status.DOWN, Status.UNKNOWN} or seen.sample is None:
        raise BadInput(f"{what} was not read: {seen.detail}.")
    return of_rows({"name": name, **entry}, seen.sample.rows, seen.sample.total_rows, time.time(), seen.data_age_s)


def _pass_the_doctor(made: Suggestion) -> None:
    """Take back what the configuration refuses."""
    from busta_health_dagster import bootstrap

    for _ in range(len(made.keys)):
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / "sources.yaml").write_text(made.text(""), encoding="utf-8")
            errors = bootstrap.diagnose_config(Path(directory), {}).errors
        if not errors:
            return
        key = re.split(r"[.\[]", errors[0].field.partition(", ")[2])[0]
        if key not in made.keys or key in {"name", "probe", "url", "path", "query"}:
            raise BadInput(f"No entry can be drafted: {errors[0].message}")
        made.drop(key, errors[0].message)
