"""`busta sources import`: the estate of another tool as entries of sources.yaml."""

from __future__ import annotations

import re
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from busta_health_dagster.cli.session import Output, Session, at_home, console, print_json
from busta_health_dagster.domain.errors import BadInput, Refused
from busta_health_dagster.domain.units import parse_seconds

if TYPE_CHECKING:
    from busta_health_dagster.drafts.finishing import Import
    from busta_health_dagster.settings import Config

_MOST_BYTES = 64 * 1024 * 1024
_ENCODING = re.compile(rb"""<\?xml[^>]*encoding=["']([\w.-]+)["']""")
_DEFAULT = "<config>/imported.yaml"


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file of the other tool.")],
    kind: Annotated[
        str | None,
        typer.Option("--from", help="opml, csv, gatus, kuma, prometheus or openapi; told by the file when left out."),
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="Where to write the entries; - prints them.", show_default=_DEFAULT)
    ] = None,
    base_url: Annotated[str, typer.Option(help="Where the API is, for an OpenAPI without `servers`.")] = "",
    shadow_for: Annotated[
        str, typer.Option(help="How long the rules of these sources notify no one; 0d for not at all.")
    ] = "7d",
    output: Annotated[Output, typer.Option("-o", "--output", help="table or json")] = Output.TABLE,
) -> None:
    """Make sources of a file of another tool, say what could not be carried over, overwrite nothing. Example: busta sources
    import feeds.opml --out config/imported.yaml
    """
    current = at_home(context)
    config = configuration(current)
    made = _made(file, kind, base_url, config, _until(shadow_for))
    if not made.entries:
        reasons = "; ".join(f"{count} {kind_}: {why}" for kind_, why, count, _ in made.left_out_by_kind())
        raise BadInput(f"{file} has nothing that can be watched" + (f" ({reasons})." if reasons else "."))
    path = _target(out, config)
    text = _text(made, file)
    if path is not None:
        write_new(path, text)
    elif output is Output.TABLE:
        console().print(text, markup=False, soft_wrap=True, end="")
    if output is Output.JSON:
        print_json(_document(made, path))
    else:
        _report(made, path, config)


def configuration(current: Session) -> Config | None:
    """The configuration that the sources will join; None where there is none yet, or none that can be read."""
    from busta_health_dagster import bootstrap

    try:
        directory = bootstrap.find_config_dir(home=current.home, config_dir=current.config_dir, environ=current.environ)
    except BadInput:
        return None
    return bootstrap.diagnose_config(directory, current.environ).config


def _until(shadow_for: str) -> str:
    try:
        seconds = float(parse_seconds(shadow_for))
    except ValueError as error:
        raise BadInput(f"--shadow-for: {error}") from error
    if seconds <= 0:
        return ""
    return (datetime.now(UTC) + timedelta(seconds=seconds) + timedelta(days=1)).date().isoformat()


def _made(file: Path, kind: str | None, base_url: str, config: Config | None, until: str) -> Import:
    from busta_health_dagster.drafts.draft import identity
    from busta_health_dagster.drafts.estates import Format, detect, read_estate
    from busta_health_dagster.drafts.finishing import finish

    if kind is not None and kind not in set(Format):
        raise BadInput(f"--from {kind!r} is not known; one of {', '.join(Format)}")
    text = _read(file)
    try:
        estate = read_estate(text, Format(kind) if kind else detect(text), base_url)
    except BadInput as why:
        raise BadInput(f"{file}: {why}.") from why
    watched = (*config.sources.values(), *config.control) if config is not None else ()
    known = {}
    for source in watched:
        if (same := identity({"probe": source.probe, **_address_of(source.config)})) is not None:
            known[same] = source.name
    made = finish(estate, names={source.name for source in watched}, known=known, until=until)
    return made.without(_refused(made))


def _address_of(config: object) -> dict[str, Any]:
    keys = ("url", "method", "host", "port", "record")
    return {key: value for key in keys if (value := getattr(config, key, None)) is not None}


def _read(file: Path) -> str:
    try:
        if not file.is_file():
            raise BadInput(f"There is no file {file}.")
        if file.stat().st_size > _MOST_BYTES:
            raise BadInput(f"{file} is larger than {_MOST_BYTES // 2**20} MB, and no list of sources is.")
        content = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror or error}.") from error
    said = _ENCODING.match(content[:200].lstrip(b"\xef\xbb\xbf \r\n\t"))
    encoding = said[1].decode() if said else "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return content.decode(encoding)
    except (UnicodeError, LookupError) as error:
        raise BadInput(f"{file} is not {encoding.removesuffix('-sig')}: {error}. Save it as UTF-8.") from error


def _refused(made: Import) -> dict[str, str]:
    """The entries that a configuration of nothing else refuses, with its reason: what is written passes the doctor."""
    from busta_health_dagster import bootstrap
    from busta_health_dagster.drafts.writing import file_text

    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "sources.yaml").write_text(file_text((), made.entries), encoding="utf-8")
        found = bootstrap.diagnose_config(Path(directory), {})
    refused: dict[str, str] = {}
    for problem in found.errors:
        if match := re.match(r"sources\[(\d+)\]", problem.field):
            field = problem.field.partition(", ")[2]
            says = f"{field}: {problem.message}" if field else problem.message
            refused.setdefault(made.entries[int(match[1])].name, says.rstrip("."))
    return refused


def _target(out: str | None, config: Config | None) -> Path | None:
    if out == "-":
        return None
    return Path(out) if out else (config.dir if config is not None else Path("config")) / "imported.yaml"


def _text(made: Import, file: Path) -> str:
    from busta_health_dagster.drafts.writing import file_text

    head = [f"Imported from {file.name} ({made.kind}), {datetime.now(UTC):%Y-%m-%d}. Every key: docs/configuration.md."]
    until = next((entry.fields["rollout"]["until"] for entry in made.entries if "rollout" in entry.fields), "")
    if until:
        head.append(f"Until {until} the rules of these sources notify no one: busta alerts rollout.")
    return file_text(head, made.entries)


def write_new(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise Refused(f"{path} is there already and is left as it is. Choose another: --out FILE") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}.") from error


def _document(made: Import, path: Path | None) -> dict[str, Any]:
    return {
        "from": made.kind,
        "file": None if path is None else str(path),
        "sources": [dict(entry.fields) for entry in made.entries],
        "left_out": [{"title": one.title, "kind": one.kind, "why": one.why} for one in made.left_out],
        "environment": list(dict.fromkeys(v for entry in made.entries for v in entry.asks_for)),
    }


def _report(made: Import, path: Path | None, config: Config | None) -> None:
    from busta_health_dagster.drafts.finishing import summary
    from busta_health_dagster.settings.locate import shown_as

    lines = list(summary(made))
    if path is not None:
        lines += [f"Written to {shown_as(path)}.", *_next(path, config)]
    for line in lines:
        typer.echo(line, err=path is None)


def _next(path: Path, config: Config | None) -> list[str]:
    """What is left to do, as far as the file lies where it can be included."""
    from busta_health_dagster.settings.locate import shown_as

    directory = (config.dir if config is not None else path.parent).resolve()
    if not path.resolve().is_relative_to(directory):
        return [f"It lies outside {directory}, whose sources.yaml can include it only from inside."]
    inside = path.resolve().relative_to(directory).as_posix()
    included = inside == "sources.yaml" or (config is not None and inside in config.files)
    add = [] if included else [f"  add  - include: {inside}  to `sources:` in {shown_as(directory / 'sources.yaml')}"]
    return ["", "Next:", *add, "  busta config doctor", "  busta sources check"]
