"""Settings -> the wired application. The only place that chooses implementations; nothing here runs at import."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from busta_health_dagster import probes, settings
from busta_health_dagster.channels import registry as channels
from busta_health_dagster.domain.clock import SystemClock
from busta_health_dagster.pipeline.app.app import App, Channels
from busta_health_dagster.settings.home import Home
from busta_health_dagster.settings.home import find_home as locate_home
from busta_health_dagster.settings.instance import instance_settings, write_instance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.clock import Clock
    from busta_health_dagster.domain.policy import AlertPolicy
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.engines.alerting.compiled_rules import CompiledRules
    from busta_health_dagster.probes.prober import Prober
    from busta_health_dagster.settings import Config, Diagnosis, Reloader
    from busta_health_dagster.settings.settings_model import Settings
    from busta_health_dagster.store import Store

DATABASE_URL = "BUSTA_DATABASE_URL"


def find_home(*, home: Path | None, environ: Mapping[str, str]) -> Home:
    """The home asked for, or the default; nothing is created."""
    return locate_home(home, environ, Path.cwd())


def find_config_dir(*, home: Path | None, config_dir: Path | None, environ: Mapping[str, str]) -> Path:
    """Flag, BUSTA_CONFIG_DIR, `<home>/config`, `./config`."""
    return settings.find_config_dir(config_dir, environ, find_home(home=home, environ=environ).root, Path.cwd())


def load_config(directory: Path, environ: Mapping[str, str]) -> Config:
    """The configuration as it lies on disk. The same files are read once: a run needs them for its definitions and again
    for its work, which with 5,000 sources is 0.6 CPU seconds each time.

    Raises:
        ConfigError: every problem of every file.
    """
    return _read(directory, settings.fingerprint(directory), tuple(sorted(environ.items())))


@lru_cache(maxsize=1)
def _read(directory: Path, _content: str, environ: tuple[tuple[str, str], ...]) -> Config:
    kinds, ways = probes.registry(), channels.load()
    problems = (*kinds.problems, *ways.problems)
    return settings.load(directory, kinds.models(), ways.models(), dict(environ), plugins=problems)


def read_alerts(path: Path) -> tuple[tuple[Rule, ...], AlertPolicy]:
    """One alerts file by itself, to be tried: it need not be complete.

    Raises:
        BadInput, ConfigError: it cannot be used.
    """
    from busta_health_dagster.settings import one_file

    return one_file.read_alerts(path, channels.load().models())


def diagnose_config(directory: Path, environ: Mapping[str, str]) -> Diagnosis:
    """For `config doctor`: every error and warning, raised by none of them."""
    kinds, ways = probes.registry(), channels.load()
    problems = (*kinds.problems, *ways.problems)
    return settings.diagnose(directory, kinds.models(), ways.models(), environ, plugins=problems)


def config_schemas() -> dict[str, dict[str, Any]]:
    """File name -> JSON Schema, with the keys of every built-in probe and channel."""
    return settings.schemas(probes.registry(()).models(), channels.load(()).models())


def config_reloader(
    *, home: Path | None, config_dir: Path | None, environ: Mapping[str, str], keep: bool = True
) -> Reloader:
    """The configuration in force: the files, or their last good copy while they are broken. `keep` renews that copy.

    Raises:
        ConfigError: the files are broken and there is no good copy.
    """
    where = find_home(home=home, environ=environ)
    directory = find_config_dir(home=home, config_dir=config_dir, environ=environ)
    copy = where.last_good if keep or where.last_good.is_dir() else None
    return settings.Reloader(lambda path: load_config(path, environ), directory, copy)


def database_url(config: Config, where: Home, environ: Mapping[str, str], secrets: settings.Secrets) -> str:
    """settings.yaml, then BUSTA_DATABASE_URL, then SQLite in the home."""
    chosen = config.settings.store.url
    if chosen is not None:
        return chosen if isinstance(chosen, str) else secrets(chosen)
    return environ.get(DATABASE_URL) or where.database_url


def open_app(
    *,
    home: Path | None = None,
    config_dir: Path | None = None,
    environ: Mapping[str, str] | None = None,
    create_store: bool = False,
    need_store: bool = True,
    clock: Clock | None = None,
) -> App:
    """The application on its store. `create_store` makes and migrates it; without, a missing or old one is an error.

    Raises:
        ConfigError: the configuration is wrong and there is no last good one.
        HomeError, StoreError: the home or the store cannot be used.
    """
    from busta_health_dagster.store import Store

    env = dict(os.environ if environ is None else environ)
    where = find_home(home=home, environ=env)
    if create_store:
        where.ensure()
    reloader = config_reloader(home=home, config_dir=config_dir, environ=env, keep=create_store)
    config = reloader.config
    secrets = settings.Secrets(env, config.dir)
    secrets.learn(config)
    time = clock or SystemClock()
    store = Store(database_url(config, where, env, secrets))
    if create_store:
        _prepare_store(store, config, int(time.now()))
    elif need_store:
        store.check()
    app = App(
        home=where,
        config=config,
        store=store,
        secrets=secrets,
        clock=time,
        make_prober=make_prober,
        config_problem=reloader.problem,
        environ=env,
        make_channels=make_channels,
        make_rulebook=make_rulebook,
    )
    if create_store:
        from busta_health_dagster.pipeline.maintenance.recompute_rollups import settle_windows

        settle_windows(app)
    return app


def _prepare_store(store: Store, config: Config, now: int) -> None:
    if store.status().state != "ok":
        store.upgrade()
    with store.write() as uow:
        uow.sources.sync(config.sources.values(), now)


def make_prober(app: App) -> Prober:
    """The prober with built-in and third-party probes, the platform bridge, and the limits of settings.yaml."""
    from busta_health_dagster.framework import Bridge
    from busta_health_dagster.probes.prober import Prober

    limits = app.config.settings.limits
    bounds = probes.ProbeLimits(
        concurrency=limits.concurrency,
        max_bytes=limits.body,
        memory_bytes=limits.memory,
        sample_rows=limits.sample_rows,
        sample_bytes=limits.sample_bytes,
        lag_s=limits.loop_lag,
    )
    return Prober(
        probes.registry(),
        secret=app.secrets,
        clock=app.clock,
        heartbeats=app.heartbeats,
        limits=bounds,
        platform=Bridge(),
        control=app.config.control,
    )


def make_rulebook(app: App) -> CompiledRules:
    """Every rule compiled for its sources; once per configuration."""
    from busta_health_dagster.pipeline.alerting.alert_pass import compile_rules as compiled

    return compiled(app)


def make_channels(app: App) -> Channels:
    """The channels with our address rules. Receivers evaluate a message by its time, so a drill's attempts use the real one."""
    from busta_health_dagster.channels.port import ChannelContext
    from busta_health_dagster.probes.address import refusal

    clock = SystemClock() if app.drill else app.clock

    def context(timeout_s: float) -> ChannelContext:
        return ChannelContext(app.secrets, clock.now(), refusal, app.home.root, timeout_s)

    return Channels(channels.load(), context)


def _runs_of_a_tick(settings: Settings) -> int:
    """Of every shard its own, and one from each vantage point."""
    return settings.limits.shards * (1 + len(settings.vantages))


def prepare_home(
    *, home: Path | None, config_dir: Path | None, environ: Mapping[str, str], max_runs: int | None = None
) -> dict[str, str]:
    """Home, store and Dagster instance, ready to start processes on; returns their environment."""
    app = open_app(home=home, config_dir=config_dir, environ=environ, create_store=True)
    try:
        chosen = app.config.settings.dagster
        content = instance_settings(
            postgres_env=None if app.store.is_sqlite else DATABASE_URL,
            tick_retention_days=max(1, round(app.config.settings.retention.ticks / 86400)),
            max_runtime_s=max(180, 2 * app.config.tick_s),
            max_runs=max_runs or chosen.max_runs or max(4, _runs_of_a_tick(app.config.settings) + 2),
            run_launcher=chosen.run_launcher,
        )
        write_instance(app.home, content)
        env = dict(environ)
        env["BUSTA_HOME"] = str(app.home.root)
        env["BUSTA_CONFIG_DIR"] = str(find_config_dir(home=home, config_dir=config_dir, environ=environ).resolve())
        env["DAGSTER_HOME"] = str(app.home.dagster)
        if not app.store.is_sqlite:
            env[DATABASE_URL] = database_url(app.config, app.home, environ, app.secrets)
        # Warnings about Dagster's preview features would fill every log.
        env.setdefault("PYTHONWARNINGS", "ignore")
        return env
    finally:
        app.close()
