"""Everything that can go wrong in a way a person can fix.

    BustaError                      exit 2, one paragraph, no traceback
    ├── ConfigError                 the configuration has problems (each with file, line, field, remedy)
    ├── UnknownName                 a source, alert, channel ... that does not exist
    ├── BadInput                    a file or an argument that cannot be used
    ├── Refused                     asked for something that the state does not allow (ack of a resolved alert)
    │   └── LinkRefused             a link in a message that may not be used (any more)
    ├── MissingSecret               a secret's variable or file is not there
    ├── MissingExtra                an optional part of the installation is not there (extras.py)
    ├── PluginError                 a third party's probe or channel cannot be used
    ├── HomeError                   the home cannot be used
    │   ├── HomeNotWritable
    │   └── AlreadyRunning          a second instance on the same home
    ├── PortInUse
    ├── RemoteUnavailable           exit 3: no one answers at --url, or no busta does
    └── StoreError                  exit 3: we cannot tell
        ├── StoreUnavailable        unreachable, locked for too long, refused
        ├── StoreMissing            nothing there yet (StoreAbsent), or older than this program: `busta db upgrade`
        ├── StoreTooNew             written by a newer program
        └── StoreFull               no room left

A message says what happened, to which thing, and the remedy. Anyone who catches one prints it; no one swallows one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable


Level = Literal["error", "warning", "note"]
"""A note is right, and worth knowing."""


class BustaError(Exception):
    """The root. `str(error)` is the whole text for a person."""

    exit_code: ClassVar[int] = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one place of the configuration.

    `where` reads `config/sources.yaml:14:26`; `field` reads `sources[0] odds_api, headers.x-api-key`.
    """

    where: str
    field: str
    message: str
    remedy: str
    level: Level = "error"
    blocks: bool = True
    """An error that does not block is reported, fails the doctor, and leaves the configuration usable."""

    def __str__(self) -> str:
        head = f"{self.where}  {self.field}".rstrip()
        prefix = "" if self.level == "error" else f"{self.level}  "
        return f"{prefix}{head}\n    {self.message}" + (f"\n    Instead:  {self.remedy}" if self.remedy else "")


class ConfigError(BustaError):
    """The configuration cannot be used; `problems` lists every one, of every file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n\n".join(str(p) for p in self.problems))


class UnknownName(BustaError):
    """A name that nothing has."""


class BadInput(BustaError):
    """A file or an argument that cannot be used."""


class Refused(BustaError):
    """The state of the thing asked about does not allow it."""


class LinkRefused(Refused):
    """A link of a message that may not be used. `why` is what the web answers by."""

    def __init__(
        self, why: Literal["incomplete", "forged", "foreign", "expired", "used", "missing", "over"], text: str
    ) -> None:
        self.why = why
        super().__init__(text)


class MissingSecret(BustaError):
    """A secret's environment variable is not set, or its file cannot be read."""


class PluginError(BustaError):
    """A third party's probe or channel failed to load, or broke its contract."""


class HomeError(BustaError):
    """The home directory cannot be used."""


class HomeNotWritable(HomeError):
    """No permission, or a file where the home should be."""


class AlreadyRunning(HomeError):
    """Another instance runs on this home."""


class PortInUse(BustaError):
    """The port asked for is taken."""


class RemoteUnavailable(BustaError):
    """The busta at `--url` does not answer, or something else does: we cannot tell."""

    exit_code: ClassVar[int] = 3


class StoreError(BustaError):
    """The store cannot answer, so nothing can be said about the sources."""

    exit_code = 3


class StoreUnavailable(StoreError):
    """Unreachable, refused, or locked for longer than the timeout."""


class StoreMissing(StoreError):
    """There is no store yet, or its schema is older than this program."""


class StoreAbsent(StoreMissing):
    """There is no store at all: nothing was ever observed, and what stands in files alone is known."""


class StoreTooNew(StoreError):
    """The store was written by a newer program; an older one must not touch it."""


class StoreFull(StoreError):
    """The database or its disk has no room left."""
