"""A proxy for one source or for all: who takes it, who does without, and one in the environment that nothing uses."""

from __future__ import annotations

from pathlib import Path

from busta_health_dagster import bootstrap

ENTRIES = """\
sources:
  - {name: a, type: t, probe: http, url: "https://x.example.com"}
  - {name: b, type: t, probe: http, url: "https://x.example.com", proxy: null}
  - {name: c, type: t, probe: tcp, host: x.example.com, port: 5432}
  - {name: d, type: t, probe: file, path: data/x.csv}
"""


def diagnosed(tmp_path: Path, text: str, **environ: str):
    (tmp_path / "sources.yaml").write_text("version: 1\n" + text)
    return bootstrap.diagnose_config(tmp_path, environ)


def test_in_the_defaults_it_is_for_those_who_ask_over_http_and_one_may_do_without(tmp_path: Path) -> None:
    found = diagnosed(tmp_path, "defaults: {proxy: 'http://proxy:3128'}\n" + ENTRIES)
    assert found.errors == (), list(map(str, found.errors))
    proxies = {name: getattr(s.config, "proxy", "no such key") for name, s in found.config.sources.items()}
    assert proxies == {"a": "http://proxy:3128", "b": None, "c": "no such key", "d": "http://proxy:3128"}


def test_what_the_entry_says_itself_is_not_dropped(tmp_path: Path) -> None:
    (refused,) = diagnosed(tmp_path, ENTRIES.replace("port: 5432", "port: 5432, proxy: 'http://p'")).errors
    assert "`proxy`: probe tcp does not know it" in refused.message
    (stranger,) = diagnosed(tmp_path, "defaults: {prxoy_of_mine: 1}\n" + ENTRIES).errors
    assert "no probe knows it" in stranger.message


def test_one_in_the_environment_is_not_ignored_in_silence(tmp_path: Path) -> None:
    def said(text: str) -> list[str]:
        found = diagnosed(tmp_path, text, HTTPS_PROXY="http://proxy:3128").warnings
        return [f"{w.message} -> {w.remedy}" for w in found if "PROXY" in w.message]

    (warning,) = said(ENTRIES)
    assert warning == (
        "HTTPS_PROXY is set in the environment, and nothing is asked through it: the way to a, b and d is direct. -> "
        "defaults: {proxy: {env: HTTPS_PROXY}}, if the way out leads there"
    )
    assert said("defaults: {proxy: {env: HTTPS_PROXY}}\n" + ENTRIES) == []
