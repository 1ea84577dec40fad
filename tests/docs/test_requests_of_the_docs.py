"""Every curl of docs/rest.md is answered, by a monitor that has the source which the page itself shows."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import requests
from documents import ROOT, blocks
from small_home import environ_of, served

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.access import Role
from busta_health_dagster.pipeline.app import access

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = "http://127.0.0.1:3000"
SHELL = [block.text for block in blocks("sh") if block.page == ROOT / "docs" / "rest.md"]


def curls() -> list[list[str]]:
    lines = "\n".join(SHELL).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("curl ")]


def ask(words: list[str], url: str, environ: dict[str, str]) -> requests.Response:
    method, headers, body, address = "GET", {}, None, ""
    rest = iter(words)
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            for variable, secret in environ.items():
                value = value.replace(f"${variable}", secret)
            headers[name] = value
        elif word == "-d":
            body = next(rest)
        elif word != "-N":
            address = word
    assert address.startswith(ADDRESS)
    to = address.replace(ADDRESS, url)
    with requests.request(method, to, headers=headers, data=body, timeout=60, stream=True) as answer:
        return answer


def test_every_request_of_the_page_is_answered(tmp_path: Path) -> None:
    (shown,) = [block.text for block in blocks("yaml") if block.page == ROOT / "docs" / "rest.md"]
    config = tmp_path / "config"
    config.mkdir()
    (config / "sources.yaml").write_text(f"version: 1\n{shown}")
    with bootstrap.open_app(environ=environ_of(tmp_path), create_store=True) as app:
        secrets = {
            name: access.create_token(app, name=name.lower(), role=role, by="test")
            for name, role in (("BUSTA_TOKEN", Role.VIEWER), ("PUSH_TOKEN", Role.PUSH))
        }
        with served(app) as url:
            answers = {words[-1]: ask(words, url, secrets) for words in curls()}
    assert len(answers) == 4
    assert {address: answer.status_code for address, answer in answers.items() if not answer.ok} == {}
