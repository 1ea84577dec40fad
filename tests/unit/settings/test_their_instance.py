"""The doctor on a dagster.yaml that busta did not write."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from test_checks import source, sources, warnings  # noqa: F401  the fixture

from busta_health_dagster.settings.home import Home
from busta_health_dagster.settings.instance import instance_settings, write_instance


@pytest.fixture
def said(warnings, tmp_path: Path):  # noqa: F811
    """What the doctor says of this dagster.yaml, with so many sources."""

    def of(text: str | None, count: int = 1) -> list[str]:
        home = tmp_path / "theirs"
        home.mkdir(exist_ok=True)
        if text is not None:
            (home / "dagster.yaml").write_text(text)
        fleet = sources(*(source(name=f"s{n}") for n in range(count)))
        return warnings(sources=fleet, environ={"DAGSTER_HOME": str(home)})

    return of


SOUND = """\
storage: {postgres: {postgres_url: {env: DAGSTER_POSTGRES_URL}}}
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: {tag_concurrency_limits: [{key: busta/job, limit: 1, value: {applyLimitPerUniqueValue: true}}]}
run_monitoring: {enabled: true}
sensors: {use_threads: true, num_workers: 4}
"""


def test_an_instance_that_fits_is_not_mentioned(said) -> None:
    assert said(SOUND, 20) == []


@pytest.mark.parametrize("text", [None, "", "telemetry: {enabled: false}\n"])
def test_what_is_missing_is_named_with_what_to_write(said, text) -> None:
    limit, monitoring, sensors = said(text)
    assert limit == (
        "concurrency.runs: Two runs of one busta job may overlap: nothing limits the tag busta/job, so a slow tick meets the "
        "next one. -> concurrency: {runs: {tag_concurrency_limits: [{key: busta/job, limit: 1, value: "
        "{applyLimitPerUniqueValue: true}}]}}"
    )
    assert monitoring.startswith("run_monitoring: A tick whose launch is interrupted is starting for ever")
    assert sensors.startswith("sensors: The sensors of a code location run one after another")
    assert sensors.endswith("-> sensors: {use_threads: true, num_workers: 4}")


def test_what_it_says_to_write_is_what_it_accepts(said) -> None:
    remedies = [line.rpartition(" -> ")[2] for line in said("{}", 20)]
    assert len(remedies) == 4
    assert said("\n".join(remedies)) == []


def test_many_sources_on_files_are_a_matter_of_time(said) -> None:
    text = "sensors: {use_threads: true}\nrun_monitoring: {enabled: true}\nconcurrency: {runs: {tag_concurrency_limits: [{key: busta/job, limit: 1}]}}\n"
    assert said(text, 12) == []
    (line,) = said(text, 13)
    assert line.startswith("storage: Its events are kept in SQLite files: with 13 sources")
    assert said(text + "storage: {sqlite: {base_dir: /x}}\n", 13) == [line]


def test_a_file_that_is_broken_is_named_and_hides_nothing_else(said) -> None:
    (line,) = said("sensors: [\n")
    assert line.startswith(": It cannot be read: while parsing")


def test_what_busta_writes_itself_it_does_not_doubt(said, tmp_path: Path) -> None:
    home = Home(tmp_path / "ours").ensure()
    write_instance(home, instance_settings(postgres_env=None, tick_retention_days=2, max_runtime_s=180))
    ours = (home.dagster / "dagster.yaml").read_text()
    assert yaml.safe_load(ours)["sensors"]["use_threads"]
    assert said(ours, 20) == []


def test_a_rule_about_late_assets_needs_the_freshness_daemon(warnings, tmp_path: Path) -> None:  # noqa: F811
    rules = "version: 1\nrules: [{name: late, pattern: dagster_freshness}]\n"
    (tmp_path / "dagster.yaml").write_text(SOUND + "freshness: {enabled: false}\n")
    environ = {"DAGSTER_HOME": str(tmp_path)}
    found = [str(w) for w in warnings(sources=sources(source(name="s0")), alerts=rules, environ=environ)]
    (line,) = (w for w in found if "freshness" in w)
    assert "Rule late can never fire: Dagster's freshness daemon, which says what is late, is off." in line
    (tmp_path / "dagster.yaml").write_text(SOUND)
    assert not [
        w for w in warnings(sources=sources(source(name="s0")), alerts=rules, environ=environ) if "freshness" in str(w)
    ]
