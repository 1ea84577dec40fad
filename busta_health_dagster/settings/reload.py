"""Reload while running: a changed configuration is taken when it is good; a bad one leaves the last good one in
force, and says so.

A process that starts while the files are broken (every tick is one) uses the copy that the last good load left in
the home.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import ConfigError, Problem
from busta_health_dagster.settings.config import FILES, Config
from busta_health_dagster.settings.files import content_sha, read_texts
from busta_health_dagster.settings.included import ROOT, Mark, marks
from busta_health_dagster.settings.locate import shown_as

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_Marks = tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Reload:
    """What a check of the files said. `config` is always the one in force.

    `changed`: it was replaced just now. `sources_changed`: by another set of names, probes, groups or intervals
    (asset definitions must be
    built again). `problem`: why the files as they are now cannot be used; None when they are the ones in force.
    """

    config: Config
    changed: bool = False
    sources_changed: bool = False
    problem: str | None = None


class Reloader:
    """Watches a configuration directory. `load(dir)` reads it; `keep` is where the last good copy of the files lies
    (None: no copy); `copy_problem` says why that copy is older than what is in force, and is tried again.

    Raises at construction:
        ConfigError: the files are bad and there is no good copy to go on with.
    """

    def __init__(
        self, load: Callable[[Path], Config], config_dir: Path, keep: Path | None = None, *, settle_s: float = 2.0
    ) -> None:
        self._load, self._dir, self._keep, self._settle_s = load, config_dir, keep, settle_s
        self._marks = self._observe()
        self._tried = ""
        self._good: Mapping[str, bytes] = read_texts(keep) if keep is not None else {}
        self.problem: str | None = None
        self.problems: tuple[Problem, ...] = ()
        self.copy_problem: str | None = None
        self._config: Config | None = None
        self._config = self._start()

    @property
    def config(self) -> Config:
        """The configuration in force."""
        assert self._config is not None
        return self._config

    def poll(self, now: float) -> Reload:
        """Look, and take what is new and good. `now` is epoch seconds: a file is left alone until it was quiet for a
        moment, since an
        editor that has written half of it may have left it readable.
        """
        if self.copy_problem is not None:
            self._copy(self.config)
        seen = self._observe()
        if seen == self._marks or self._still_written(seen, now):
            return Reload(self.config, problem=self.problem)
        # The marks are kept once the files were read: what cannot be read now is read at the next observation.
        sha = content_sha(read_texts(self._dir))
        if sha == self._tried:
            self._marks = seen
            return Reload(self.config, problem=self.problem)
        try:
            fresh = self._read()
        except ConfigError as why:
            self._marks, self._tried = seen, sha
            self._refuse(why)
            return Reload(self.config, problem=self.problem)
        self._marks, self._tried, self.problem, self.problems = seen, fresh.sha, None, ()
        old, self._config = self.config, fresh
        return Reload(fresh, changed=fresh.sha != old.sha, sources_changed=_shape(fresh) != _shape(old))

    def _start(self) -> Config:
        self._tried = content_sha(read_texts(self._dir))
        try:
            return self._read()
        except ConfigError as why:
            kept = self._load_kept()
            if kept is None:
                raise
            self._refuse(why)
            return kept

    def _load_kept(self) -> Config | None:
        """The last good copy; None where there is none, or one that this program no longer reads."""
        if self._keep is None or not (self._keep / "sources.yaml").is_file():
            return None
        try:
            return self._load(self._keep)
        except ConfigError:
            return None

    def _read(self) -> Config:
        texts = read_texts(self._dir)
        fresh = self._load(self._dir)
        self._refuse_truncated(texts, fresh)
        self._good = texts
        self._copy(fresh)
        return fresh

    def _copy(self, config: Config) -> None:
        """Keep a copy of what is in force. A disk that is full now is no reason to refuse a good configuration."""
        if self._keep is None:
            return
        try:
            keep_copy(config, self._keep)
        except OSError as error:
            self.copy_problem = f"{self._keep} cannot be written ({error.strerror or error})"
        else:
            self.copy_problem = None

    def _refuse_truncated(self, texts: Mapping[str, bytes], fresh: Config) -> None:
        """Half a YAML file is often readable YAML, with half of the sources: their alerts would all be closed as
        `removed`.

        Truncated is what is a beginning of the last good file and ends inside a line, or has lost half of the sources.

        Raises:
            ConfigError: with the file, and how to go on if it is meant.
        """
        for name, good in self._good.items():
            new = texts.get(name)
            if new is None or len(new) >= len(good) or not good.startswith(new):
                continue
            inside_a_line = not new.endswith(b"\n") and good[len(new) : len(new) + 1] != b"\n"
            if not inside_a_line and not self._lost_half(name, fresh):
                continue
            says = f"The file ends after {len(new)} of the {len(good)} bytes of the last good one: it looks truncated."
            remedy = "restore the rest; if it was removed on purpose, add a comment line at the end"
            where = f"{shown_as(self._dir)}/{name}:{new.count(bytes([10])) + 1}:1"
            raise ConfigError([Problem(where, "", says, remedy)])

    def _lost_half(self, name: str, fresh: Config) -> bool:
        """Has this file, or everything where it is the one that includes the others, lost half of its sources?"""
        before = self._config or self._load_kept()
        if before is None:
            return False
        if name == ROOT and len(fresh.sources) * 2 <= len(before.sources):
            return True
        old, new = _written_in(before, name), _written_in(fresh, name)
        return old > 0 and new * 2 <= old

    def _refuse(self, why: ConfigError) -> None:
        self.problems, self.problem = why.problems, str(why)

    def _observe(self) -> _Marks:
        return marks(self._dir, FILES)

    def _still_written(self, seen: _Marks, now: float) -> bool:
        return any(0 <= now - mtime_ns / 1e9 < self._settle_s for _, mtime_ns, _, _ in seen)


def _written_in(config: Config, name: str) -> int:
    return sum(f"/{name}:" in source.where for source in config.sources.values())


def keep_copy(config: Config, keep: Path) -> None:
    """Copy the files of a good configuration, each in one step. They hold references, never secrets."""
    texts = read_texts(config.dir)
    kept = read_texts(keep)
    if content_sha(texts) != config.sha or content_sha(kept) == config.sha:
        return
    keep.mkdir(parents=True, exist_ok=True)
    # What is included comes first: a process that reads sources.yaml meanwhile finds all that it names.
    for name, content in sorted(texts.items(), key=lambda one: one[0] in FILES):
        path = keep / name
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    for name in kept.keys() - texts.keys():
        (keep / name).unlink(missing_ok=True)


def _shape(config: Config) -> tuple[object, ...]:
    """What asset definitions and schedules are made of."""
    vantages = tuple((name, repr(vantage)) for name, vantage in config.settings.vantages.items())
    return vantages + tuple(
        (
            s.name,
            s.type,
            s.probe,
            s.group,
            s.tier,
            s.interval_s,
            s.sla,
            s.owners,
            tuple(sorted(s.tags.items())),
            s.description,
            s.feeds,
            s.shard,
            s.vantages,
        )
        for s in config.sources.values()
    )
