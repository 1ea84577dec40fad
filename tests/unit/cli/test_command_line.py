"""What holds for every command: its help, its errors, its exit codes, and pipes, terminals and homes as they come."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from small_home import environ_of, small_home
from typer.testing import CliRunner

from busta_health_dagster.cli.main import app as busta

BUSTA = [sys.executable, "-m", "busta_health_dagster.cli"]


def commands(group=None, prefix: str = ""):
    """(words, command) of every command."""
    for name, command in (group or typer.main.get_command(busta)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{name} ")
        elif not command.hidden:
            yield f"{prefix}{name}", command


EVERY = dict(commands())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory):
    """In a folder with a space in its name."""
    base = tmp_path_factory.mktemp("a home")
    with small_home(base):
        yield environ_of(base)


def run(environ: dict[str, str], *words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(busta, [*words], env=environ)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def process(environ: dict[str, str], *words: str, **options) -> subprocess.Popen:
    base = {k: v for k, v in os.environ.items() if not k.startswith("BUSTA_")}
    return subprocess.Popen(
        [*BUSTA, *words], env=base | environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


@pytest.mark.parametrize("words", EVERY)
def test_every_command_has_help_with_an_example(words: str) -> None:
    help_text = EVERY[words].help or ""
    assert f"Example: busta {words}" in " ".join(help_text.split()), words
    if words != "dagster":  # its options are those of the dagster CLI
        done = CliRunner().invoke(busta, [*words.split(), "--help"])
        assert (done.exit_code, "Usage: " in done.stdout) == (0, True)


@pytest.mark.parametrize("words", [w for w in EVERY if w != "dagster"])
def test_an_option_that_does_not_exist_is_a_usage_error_in_a_few_lines(words: str) -> None:
    done = CliRunner().invoke(busta, [*words.split(), "--no-such-option"])
    assert done.exit_code == 2
    assert "--no-such-option" in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    "words",
    [
        *(
            ["sources", "info", "nope"],
            ["sources", "health", "nope"],
            ["sources", "history", "good_file", "--since", "x"],
        ),
        *(["sources", "check", "nope"], ["sources", "beat", "good_file"], ["sources", "validate", "gone_file"]),
        *(["alerts", "show", "99"], ["alerts", "explain", "99"], ["alerts", "snooze", "1", "--for", "soon"]),
        *(["alerts", "ack", "99"], ["alerts", "test", "nope"], ["alerts", "drill", "--speed", "fast"]),
        *(
            ["maintenance", "add", "x", "--for", "1h"],
            ["maintenance", "add", "x", "--for", "1h", "--all", "--start", "?"],
        ),
        *(["maintenance", "add", "x", "--for", "1h", "--all", "--zone", "Mars/Base"], ["maintenance", "end", "nope"]),
        *(["maintenance", "preview", "--from", "2026-12-02", "--until", "2026-12-01"], ["sla", "--window", "x"]),
        *(
            ["sla", "--at", "yesterday"],
            ["sla", "nope"],
            ["incidents", "list", "--at", "x"],
            ["incidents", "show", "x"],
        ),
        *(["incidents", "note", "INC-1", " "], ["quality", "show", "gone_file"], ["quality", "show", "--failures"]),
        *(["quality", "score", "--suite", "no.json", "no.csv"], ["quality", "suggest", "no.csv"]),
        *(["baselines", "show", "nope"], ["anomalies", "score", "no.csv"], ["report", "weekly", "--week", "2026-99"]),
        *(["tokens", "revoke", "nope"], ["tokens", "create", "--role", "king", "--name", "x"], ["db", "import", "no"]),
        *(["--url", "nowhere", "sources", "list"], ["--config-dir", "/no/such", "sources", "list"]),
    ],
    ids=" ".join,
)
def test_wrong_input_is_one_paragraph_and_exit_2(home, words: list[str]) -> None:
    code, out, err = run(home, *words)
    assert (code, out) == (2, ""), err
    assert err.strip()
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words",
    [["--no-such-option"], ["--output"], ["nope"], ["--config-dir"], ["-o", "yaml"]],
    ids=" ".join,
)
def test_with_nagios_every_usage_error_is_unknown(home, words: list[str]) -> None:
    done = process(home, "sources", "health", "--nagios", *words)
    out, err = done.communicate(timeout=240)
    assert (done.returncode, out[:10]) == (3, "UNKNOWN - "), err
    assert out.count("\n") == 1


def test_with_nagios_a_crash_and_a_missing_store_are_unknown(home, tmp_path: Path) -> None:
    broken = home | {"BUSTA_DATABASE_URL": "sqlite:////dev/null/x.db"}
    for environ in (broken, home | {"BUSTA_HOME": str(tmp_path / "none")}):
        done = process(environ, "sources", "health", "--nagios")
        out, _ = done.communicate(timeout=240)
        assert (done.returncode, out[:10]) == (3, "UNKNOWN - ")


def test_alone_it_says_in_ten_lines_how_things_are(home) -> None:
    code, out, err = run(home)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("Source health")
    assert len(lines) <= 10
    assert "busta --help: every command." in lines[-1]
    assert "gone_file" in out, "the worst stays"


def test_alone_where_nothing_is_watched_it_says_what_to_do_first(home, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    bare = {k: v for k, v in home.items() if not k.startswith("BUSTA_")} | {"BUSTA_HOME": str(tmp_path / "empty" / "x")}
    code, out, err = run(bare | {"BUSTA_CONFIG_DIR": str(tmp_path / "empty")})
    assert (code, "sources.yaml" in err, "Traceback" in err) == (2, True, False), err
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["busta", "demo"],
        ["busta", "init"],
        ["busta", "up"],
        ["busta", "--help"],
    ]


def test_reading_never_creates_a_store(home, tmp_path: Path) -> None:
    nowhere = home | {"BUSTA_HOME": str(tmp_path / "none")}
    for words in (
        ["sources", "health"],
        ["alerts", "list"],
        ["sla"],
        ["incidents", "list"],
        ["tokens", "list"],
        ["quality", "show"],
        ["db", "status"],
        ["alerts", "outbox"],
        ["audit", "list"],
    ):
        code, _, err = run(nowhere, *words)
        assert (code, "Traceback" in err) == (3, False), (words, err)
    for words in (["sources", "list"], ["maintenance", "list"], ["maintenance", "preview"]):
        assert run(nowhere, *words)[0] == 0, "what stands in files needs no store"
    assert not (tmp_path / "none").exists()


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/self/status").exists(), reason="root writes everywhere")
def test_a_home_that_cannot_be_written_is_told_as_such(home, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = run(home | {"BUSTA_HOME": str(tmp_path / "file" / "home")}, "sources", "check")
    assert (code, "file/home" in err.replace("\n", "")) == (2, True), err


def test_a_pipe_that_is_closed_early_is_no_error(home) -> None:
    """`busta backtest | head -1`: what is not read any more is not written, and nothing is said about it."""
    with process(home, "sources", "list") as done:
        assert done.stdout is not None
        assert done.stderr is not None
        done.stdout.close()
        assert done.stderr.read() == ""
    assert done.returncode in {0, 1, -signal.SIGPIPE}


def test_ctrl_c_ends_the_watching_without_a_word(home) -> None:
    with process(home, "sources", "health", "--watch") as done:
        assert done.stdout is not None
        assert "Source health" in done.stdout.readline()
        for _ in range(3):  # someone impatient: the second one finds it leaving
            done.send_signal(signal.SIGINT)
        err = done.communicate(timeout=240)[1]
    assert (done.returncode, err) == (0, "")


def test_a_terminal_without_utf_8_gets_an_answer_and_no_traceback(home) -> None:
    for words in (["sources", "health"], ["sources", "history", "gone_file"], ["sla"], ["alerts", "explain", "1"]):
        done = process(home | {"PYTHONIOENCODING": "ascii"}, *words)
        out, err = done.communicate(timeout=240)
        assert (done.returncode, err) == (0, ""), words
        assert out.isascii()


def test_the_shell_completes(home) -> None:
    done = process(home | {"_BUSTA_COMPLETE": "complete_bash", "COMP_WORDS": "busta so", "COMP_CWORD": "1"})
    out, _ = done.communicate(timeout=240)
    assert "sources" in out


def test_a_group_can_be_mounted_into_another_command_line(home) -> None:
    from busta_health_dagster.cli.main import alerts_app, sources_app

    theirs = typer.Typer()
    theirs.add_typer(sources_app, name="sources")
    theirs.add_typer(alerts_app, name="alerts")
    for words in (["sources", "health"], ["sources", "check", "good_file"], ["alerts", "outbox"]):
        done = CliRunner().invoke(theirs, words, env=home)
        assert done.exit_code == 0, done.output
    assert CliRunner().invoke(theirs, ["sources", "info", "nope"], env=home).exit_code == 2


def test_help_wraps_where_the_terminal_ends_and_a_switch_has_no_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")  # nothing has to be wrapped
    for words in ("", "sources", "alerts", "config", "quality", "maintenance"):
        text = CliRunner().invoke(busta, [*words.split(), "--help"]).output
        assert "<bool>" not in text
        rows = [row.split()[1] for row in text.splitlines() if row.startswith("│") and not row.startswith("│ -")]
        there = [name.rpartition(" ")[2] for name in EVERY if name.startswith(words)]
        assert set(rows) - {"[default:", "[env"} <= {*there, *(name.partition(" ")[0] for name in EVERY)}, words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("sorces", "Did you mean 'sources'?"),
        ("health", "Did you mean busta sources health?"),
        ("anomalies list", "busta anomalies has explain"),
        ("sla --windw 7d", "--window"),
    ],
)
def test_a_command_that_there_is_not_is_answered_with_what_was_probably_meant(home, words: str, said: str) -> None:
    code, _, err = run(home | {"COLUMNS": "400"}, *words.split())
    assert (code, said in err) == (2, True), err


def test_a_pipe_that_says_its_width_gets_no_longer_line(home) -> None:
    for words in ("sources list", "sla", "maintenance list", "sources health", "alerts explain gone_file"):
        _, narrow, _ = run(home | {"COLUMNS": "80"}, *words.split())
        assert max(map(len, narrow.splitlines())) <= 80, words
    _, wide, _ = run(home, "sources", "list")
    assert max(map(len, wide.splitlines())) > 80
