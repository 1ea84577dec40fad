"""`busta web`: the page beside a Dagster that busta does not run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from up_stories import BUSTA, environment, eventually, running, up

from busta_health_dagster.cli import ports
from busta_health_dagster.settings.instance import written_by_us

pytestmark = pytest.mark.e2e


def observed(environ: dict[str, str]) -> None:
    subprocess.run([*BUSTA, "sources", "check"], env=environ, check=False, capture_output=True, timeout=240)


def test_it_serves_page_rest_and_metrics_and_follows_the_configuration(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    observed(environ)
    with up(environ, "web", "--no-dagster", "--port", str(ports.free())):
        found = running(environ)
        url = found["url"]
        assert requests.get(f"{url}/", timeout=60).url == f"{url}/source-health"
        page = requests.get(f"{url}/source-health", timeout=60).text
        assert "good_file" in page
        assert "Open in Dagster" not in page, "no one knows where it is"
        assert 'busta_source_up{source="good_file"' in requests.get(f"{url}/metrics", timeout=60).text
        assert requests.post(f"{url}/graphql", json={"query": "{ version }"}, timeout=60).status_code == 404
        assert "dagster" not in Path(f"/proc/{found['pids']['web']}/maps").read_text().replace(
            "busta_health_dagster", ""
        )
        second = subprocess.run([*BUSTA, "web"], env=environ, check=False, capture_output=True, text=True, timeout=240)
        assert (second.returncode, "busta already runs on" in second.stderr) == (2, True)

        settings = Path(environ["BUSTA_CONFIG_DIR"]) / "settings.yaml"
        settings.write_text("version: 1\ndagster: {url: 'https://dagster.example.com'}\n")
        link = 'href="https://dagster.example.com/assets/sources/good_file"'
        eventually(lambda: link in _text(f"{url}/source-health/s/good_file"), "the page links to their Dagster")


def _text(url: str) -> str:
    try:
        return requests.get(url, timeout=60).text
    except requests.ConnectionError:
        return ""  # it is starting again


def test_ctrl_c_ends_it_and_nothing_is_left(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    with up(environ, "web", "--port", str(ports.free())) as process:
        pid = running(environ)["pids"]["web"]
        process.send_signal(signal.SIGINT)
        assert process.wait(240) == 0
        assert not Path(environ["BUSTA_HOME"], "up.json").exists()
        eventually(lambda: not Path(f"/proc/{pid}").exists(), "the web process ends")


def test_with_a_workspace_dagsters_ui_reads_the_instance_that_code_server_and_daemon_of_this_home_write(
    tmp_path: Path,
) -> None:
    """In containers it may be the first of the three: without the instance file its UI would show empty files of its own."""
    environ = environment(tmp_path)
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text("load_from: []\n")
    with up(environ, "web", "--workspace", str(workspace), "--port", str(ports.free())):
        url = running(environ)["url"]
        asked = requests.post(f"{url}/graphql", json={"query": "{ instance { info } }"}, timeout=60)
        assert "applyLimitPerUniqueValue: true" in asked.json()["data"]["instance"]["info"]
    assert written_by_us(Path(environ["BUSTA_HOME"], "dagster"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("web", "--workspace", "none.yaml"),
            "there is no file none.yaml; --workspace names a workspace.yaml of Dagster",
        ),
        (
            ("daemon", "--workspace", "none.yaml"),
            "there is no file none.yaml; --workspace names a workspace.yaml of Dagster",
        ),
        (("web", "--workspace", "none.yaml", "--no-dagster"), "leave one of the two out"),
    ],
)
def test_options_that_do_not_fit_are_named(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    environ = dict(os.environ) | {"BUSTA_HOME": str(tmp_path / "home")}
    argv = [sys.executable, "-m", "busta_health_dagster.cli", *words]
    done = subprocess.run(argv, env=environ, check=False, capture_output=True, text=True, timeout=240)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert says in " ".join(done.stderr.replace("│", " ").split())
