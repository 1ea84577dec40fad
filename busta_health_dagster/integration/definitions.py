"""Our definitions, to be merged with yours."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput

if TYPE_CHECKING:
    import dagster as dg

_PART = re.compile(r"[A-Za-z0-9_]+")


def build_defs(
    *, config_dir: str | Path | None = None, home: str | Path | None = None, key_prefix: str | None = None
) -> dg.Definitions:
    """Everything that the monitor is in Dagster, to be merged with yours by `dg.Definitions.merge`, in either order.

    No executor comes with it, and one resource, `busta`. `config_dir` and `home` stand for BUSTA_CONFIG_DIR and
    BUSTA_HOME, in every process that loads your code location: those of its runs read the same files. `key_prefix`
    stands before all asset keys of ours (`health/fleet` becomes `monitor/health/fleet`).

    Raises:
        BadInput: a prefix that is no part of an asset key, or a directory that is no path.
        ConfigError: the configuration is wrong and there is no last good one; every problem with its remedy.
    """
    from busta_health_dagster.defs.build import build
    from busta_health_dagster.defs.keys import PREFIX_VARIABLE

    if key_prefix is not None and not (
        isinstance(key_prefix, str) and all(map(_PART.fullmatch, key_prefix.split("/")))
    ):
        raise BadInput(
            f"build_defs: key_prefix {key_prefix!r} cannot stand before an asset key; write letters, digits and _, with / "
            "between parts: key_prefix='monitor'."
        )
    wanted = {PREFIX_VARIABLE: key_prefix or ""}
    for name, variable, value in (("config_dir", "BUSTA_CONFIG_DIR", config_dir), ("home", "BUSTA_HOME", home)):
        if value is None:
            continue
        if not isinstance(value, str | Path):
            raise BadInput(f"build_defs: {name} {value!r} is no path; write {name}='...' or a pathlib.Path.")
        wanted[variable] = str(Path(value).resolve())
    before = {variable: os.environ.get(variable) for variable in wanted}
    os.environ.update(wanted)
    try:
        return build()
    except BaseException:
        # Nothing was built: who asks next is not to read a directory that no one has.
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value
        raise
