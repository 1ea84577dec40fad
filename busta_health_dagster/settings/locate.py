"""Where the configuration is, and how messages call it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping


def find_config_dir(flag: str | Path | None, environ: Mapping[str, str], home: Path, cwd: Path) -> Path:
    """The flag, BUSTA_CONFIG_DIR, `<home>/config`, `./config`: the first that is said or is there.

    Raises:
        BadInput: none of them is a directory with a sources.yaml.
    """
    said = flag or environ.get("BUSTA_CONFIG_DIR")
    if said:
        chosen = cwd / Path(said).expanduser()
        if not chosen.is_dir():
            by = "--config-dir" if flag else "BUSTA_CONFIG_DIR"
            raise BadInput(
                f"There is no configuration directory {chosen} ({by}). "
                f"Point {by} at the directory that holds sources.yaml."
            )
        return chosen
    for candidate in (home / "config", cwd / "config"):
        if (candidate / "sources.yaml").is_file():
            return candidate
    raise BadInput(
        f"There is no configuration: neither {home / 'config'} nor {cwd / 'config'} holds a sources.yaml. "
        "Run where the project's config/ is, say --config-dir DIR, or set BUSTA_CONFIG_DIR; "
        "`busta demo` brings its own."
    )


def shown_as(config_dir: Path) -> str:
    """As short as it is still clear: relative to where the person stands, if the directory lies below."""
    absolute = config_dir.resolve()
    with suppress(ValueError):
        return absolute.relative_to(Path.cwd()).as_posix()
    return absolute.as_posix()
