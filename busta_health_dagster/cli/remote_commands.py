"""What each command asks of a remote busta, and how its JSON reads as a table. A command that is not here works on a
home only, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer

from busta_health_dagster.cli.remote import Remote, chosen, part
from busta_health_dagster.cli.session import console, print_json
from busta_health_dagster.domain.errors import BadInput, BustaError, Refused
from busta_health_dagster.domain.units import duration_text, milliseconds_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Params = dict[str, Any]
Cells = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """`data` as `-o json` prints it. As a table: `cells` are (head, key) of its rows, without them its facts; `line`
    replaces both.
    """

    data: Any
    cells: Cells = ()
    line: str = ""
    code: int = 0


def run(remote: Remote, command: str, params: Params) -> None:
    """Do it there and print it here.

    Raises:
        Refused: the command works on a home only.
    """
    handler = COMMANDS.get(command)
    if handler is None:
        names = ", ".join(sorted(COMMANDS))
        raise Refused(
            f"busta {command} works on the machine of the monitor, not over --url (is BUSTA_URL set?). Over --url: {names}."
        )
    if params.get("by") and command != "incidents list":
        raise BadInput("Over --url the token says who acts; leave --by out.")
    try:
        answer = handler(remote, params)
    except BustaError as error:
        if params.get("nagios"):
            typer.echo(f"UNKNOWN - {' '.join(str(error).split())}")
            raise typer.Exit(3) from error
        raise
    _print(answer, json=str(params.get("output", "table")) == "json")
    if answer.code and params.get("exit_code"):
        raise typer.Exit(answer.code)


def _print(answer: Answer, *, json: bool) -> None:
    if answer.line and not (json and answer.data is not None):
        console().print(answer.line, markup=False, soft_wrap=True)
    elif json:
        print_json(answer.data)
    elif answer.cells:
        _table(answer.data, answer.cells)
    else:
        import yaml

        text = yaml.safe_dump(answer.data, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100)
        console().print(text.rstrip(), markup=False, soft_wrap=True)


def _table(rows: Sequence[dict[str, Any]], cells: Cells) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(*(head for head, _ in cells), box=None, header_style="bold")
    for row in rows:
        table.add_row(*(Text(_cell(key, row.get(key))) for _, key in cells))
    console().print(table)


def _cell(key: str, value: Any) -> str:
    from busta_health_dagster.cli.shapes import WORDS, alphabet

    letters = alphabet()
    if value is None or value == []:
        return letters.dash
    if key == "status":
        return f"{letters.shapes[value]} {WORDS[value]}"
    if key.endswith("_ms"):
        return milliseconds_text(value)
    if key.endswith("_s"):
        return duration_text(value)
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _code(rows: Sequence[dict[str, Any]]) -> int:
    words = {row["status"] for row in rows}
    return 1 if words & {"down", "degraded"} else 3 if "unknown" in words else 0


def _source_list(remote: Remote, params: Params) -> Answer:
    del params
    cells = (("SOURCE", "source"), ("TYPE", "type"), ("PROBE", "probe"), ("TIER", "tier"), ("EVERY", "interval_s"),
             ("OWNERS", "owners"), ("CONFIGURED AT", "config"))  # fmt: skip
    return Answer(remote.all("sources", view="config"), cells)


def _health(remote: Remote, params: Params) -> Answer:
    if params.get("watch"):
        raise Refused("--watch works on the machine of the monitor; over --url open the page /source-health.")
    rows = chosen(params.get("names"), remote.all("sources"))
    stale = remote.get("status")["stale"]
    if stale:
        rows = [row | {"status": "unknown", "reason": "the monitor there is stale"} for row in rows]
    if params.get("nagios"):
        return _nagios(rows)
    flat = [row | {f"uptime_{k}": v for k, v in row["uptime"].items()} for row in rows]
    cells = (("STATUS", "status"), ("SOURCE", "source"), ("SINCE", "since"), ("RESPONSE", "response_ms"),
             ("ITEMS", "items"), ("DATA AGE", "data_age_s"), ("QUALITY", "quality"), ("24 H %", "uptime_24h"),
             ("30 D %", "uptime_30d"), ("ALERTS", "open_alerts"), ("WHY", "reason"))  # fmt: skip
    return Answer(rows if str(params.get("output")) == "json" else flat, cells, code=_code(rows))


def _nagios(rows: Sequence[dict[str, Any]]) -> Answer:
    """One line for Nagios; leaves by itself, as the plug-in's exit code is not optional."""
    counts = {word: sum(row["status"] == word for row in rows) for word in ("down", "degraded", "unknown", "up")}
    word, code = next(
        (found for found in (("CRITICAL", 2), ("WARNING", 1), ("UNKNOWN", 3)) if counts[_NAGIOS[found[0]]]), ("OK", 0)
    )
    bad = [f"{row['source']} {row['status']}" for row in rows if row["status"] in {"down", "degraded", "unknown"}]
    text = ", ".join(bad[:5]) or f"{len(rows)} sources up"
    perf = " ".join(f"{key}={value}" for key, value in counts.items())
    typer.echo(f"{word} - {text} | {perf}")
    raise typer.Exit(code)


_NAGIOS = {"CRITICAL": "down", "WARNING": "degraded", "UNKNOWN": "unknown"}


def _info(remote: Remote, params: Params) -> Answer:
    return Answer(remote.get(f"sources/{part(params['name'])}"))


def _check(remote: Remote, params: Params) -> Answer:
    names = params.get("names") or [row["source"] for row in remote.all("sources")]
    keys = ("source", "status", "reason", "detail", "response_ms", "items", "data_age_s", "attempts", "phases_ms")
    seen = [remote.post(f"sources/{part(name)}/check") for name in names]
    cells = (("STATUS", "status"), ("SOURCE", "source"), ("RESPONSE", "response_ms"), ("ITEMS", "items"),
             ("DATA AGE", "data_age_s"), ("WHY", "detail"))  # fmt: skip
    return Answer([{key: row[key] for key in keys} for row in seen], cells, code=_code(seen))


def _beat(remote: Remote, params: Params) -> Answer:
    body = {"items": params.get("items"), "ok": not params.get("fail"), "message": params.get("message") or ""}
    done = remote.post(f"heartbeat/{part(params['name'])}", body)
    return Answer(None, line=f"{params['name']}: beat recorded at {done['at']}")


def _history(remote: Remote, params: Params) -> Answer:
    rows = remote.all(f"sources/{part(params['name'])}/observations", since=params["since"])
    shown = [row for row in reversed(rows) if row["kind"] != "manual"]
    cells = (("SLOT (UTC)", "slot"), ("STATUS", "status"), ("RESPONSE", "response_ms"), ("ITEMS", "items"),
             ("DATA AGE", "data_age_s"), ("TRIES", "attempts"), ("WHY", "detail"))  # fmt: skip
    return Answer(shown, cells)


def _alert_list(remote: Remote, params: Params) -> Answer:
    state = str(params.get("state") or "open")
    names = params.get("sources") or [None]
    rows = [row for name in names for row in remote.all("alerts", state=state, source=name)]
    cells = (("ID", "id"), ("SEVERITY", "severity"), ("SOURCE", "source"), ("RULE", "rule"), ("STATE", "state"),
             ("OPEN FOR", "open_s"), ("STEP", "step"), ("ACKNOWLEDGED BY", "acked_by"))  # fmt: skip
    return Answer(rows, cells, code=1 if any(row["state"] == "open" and not row["shadow"] for row in rows) else 0)


def _alert_show(remote: Remote, params: Params) -> Answer:
    return Answer(remote.get(f"alerts/{params['alert']}"))


def _deed(verb: str, said: str) -> Callable[[Remote, Params], Answer]:
    def do(remote: Remote, params: Params) -> Answer:
        body: Params = {"note": params.get("note") or ""}
        if verb == "snooze":
            body["for"] = params["for_"]
        rows = [remote.post(f"alerts/{key}/{verb}", body) for key in params["ids"]]
        return Answer(None, line="\n".join(f"{row['id']} {row['fingerprint']}: {said}" for row in rows))

    return do


def _explain(remote: Remote, params: Params) -> Answer:
    what = str(params["what"])
    return Answer(remote.get(f"alerts/{what}/explain" if what.isdigit() else f"sources/{part(what)}/explain"))


def _windows(remote: Remote, params: Params) -> Answer:
    del params
    cells = (("ID", "id"), ("WINDOW", "window"), ("ON", "active"), ("START", "start"), ("ZONE", "zone"),
             ("LASTS", "duration_s"), ("REPEATS", "rrule"), ("SOURCES", "sources"), ("REASON", "reason"))  # fmt: skip
    return Answer(remote.all("maintenance"), cells)


def _add_window(remote: Remote, params: Params) -> Answer:
    zone = params.get("zone") or "UTC"
    start = params.get("start") or "now"
    if start == "now":
        start = datetime.now(ZoneInfo(zone)).replace(tzinfo=None).isoformat(timespec="seconds")
    tags = dict(str(pair).partition("=")[::2] for pair in params.get("tag") or ())
    select = {
        "names": list(params.get("source") or ()), "types": list(params.get("type_") or ()), "tags": tags,
        "tiers": list(params.get("tier") or ()), "owners": list(params.get("owner") or ()),
        "groups": list(params.get("group") or ()),
    }  # fmt: skip
    if not any(select.values()) and not params.get("all_"):
        raise BadInput(
            "Which sources? Name them with --source, --type, --tag, --tier, --group or --owner, or say --all."
        )
    body = {
        "name": params["name"], "select": select, "start": start, "zone": zone, "duration": params["for_"],
        "rrule": params.get("rrule"), "exdates": list(params.get("exdate") or ()), "reason": params.get("reason") or "",
    }  # fmt: skip
    made = remote.post("maintenance", body)
    line = f"{made['id']} {made['window']}: {len(made['sources'])} sources"
    return Answer({k: v for k, v in made.items() if k != "warnings"}, line=line)


def _end_window(remote: Remote, params: Params) -> Answer:
    ended = remote.post(f"maintenance/{part(params['window'])}/end")
    return Answer(None, line=f"{params['window']}: {ended['said']}")


def _sla(remote: Remote, params: Params) -> Answer:
    rows = remote.all("sla", window=params["window"], at=params.get("at"), source=list(params.get("names") or ()))
    cells = (("SOURCE", "source"), ("TARGET", "target"), ("UPTIME", "uptime"), ("GOOD", "good"), ("BAD", "bad"),
             ("PLANNED", "excluded"), ("UNKNOWN", "unknown"), ("COVERAGE", "coverage"), ("MET", "met"),
             ("BUDGET LEFT", "budget_left"))  # fmt: skip
    met = {row["met"] for row in rows}
    return Answer(rows, cells, code=1 if False in met else 3 if None in met else 0)


def _incidents(remote: Remote, params: Params) -> Answer:
    found = remote.get(
        "incidents",
        window=params["window"],
        at=params.get("at"),
        by=params.get("by"),
        source=list(params.get("names") or ()),
    )
    if str(params.get("output")) == "json":
        return Answer(found)
    cells = (("ID", "id"), ("SOURCE", "source"), ("STATE", "state"), ("SEVERITY", "severity"), ("STARTED", "started_at"),
             ("RESOLVED", "resolved_at"), ("RULES", "rules"))  # fmt: skip
    return Answer(found["incidents"], cells)


def _quality(remote: Remote, params: Params) -> Answer:
    if params.get("failures"):
        raise Refused("--failures shows rows of your data; they do not leave the machine of the monitor.")
    name = params.get("name")
    if name is None:
        cells = (("SOURCE", "source"), ("SCORE", "score"), ("COVERAGE", "coverage"), ("SUITE", "suite"), ("AT", "at"))
        return Answer(remote.all("quality"), cells)
    newest = remote.get(f"sources/{part(name)}/quality", since="365d", limit=1)["items"]
    if not newest:
        raise Refused(f"{name} was never scored. Score it there with: busta quality run {name}")
    return Answer(newest[0])


COMMANDS: dict[str, Callable[[Remote, Params], Answer]] = {
    "sources list": _source_list,
    "sources health": _health,
    "sources info": _info,
    "sources check": _check,
    "sources beat": _beat,
    "sources history": _history,
    "alerts list": _alert_list,
    "alerts show": _alert_show,
    "alerts ack": _deed("ack", "acknowledged"),
    "alerts unack": _deed("unack", "not acknowledged any more"),
    "alerts snooze": _deed("snooze", "snoozed"),
    "alerts resolve": _deed("resolve", "resolved"),
    "alerts explain": _explain,
    "maintenance list": _windows,
    "maintenance add": _add_window,
    "maintenance end": _end_window,
    "sla": _sla,
    "incidents list": _incidents,
    "quality show": _quality,
}
