"""The four files as bytes and as documents: what is there, what it hashes to, whether its sections are known."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from busta_health_dagster.settings import alert_model, source_model, window_model
from busta_health_dagster.settings.config import FILES
from busta_health_dagster.settings.document import Document
from busta_health_dagster.settings.expanding import Expansion
from busta_health_dagster.settings.included import ROOT, made_of, read
from busta_health_dagster.settings.locate import shown_as
from busta_health_dagster.settings.problems import label
from busta_health_dagster.settings.secret_scanner import scan
from busta_health_dagster.settings.settings_model import Settings
from busta_health_dagster.wording.suggestions import near

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from busta_health_dagster.settings.document import Place
    from busta_health_dagster.settings.problems import Findings

_SECTIONS = {
    "sources.yaml": source_model.SECTIONS,
    "alerts.yaml": alert_model.SECTIONS,
    "maintenance.yaml": window_model.SECTIONS,
    "settings.yaml": tuple(Settings.model_fields),
}


def read_texts(config_dir: Path) -> dict[str, bytes]:
    """The bytes of the files that are there: the four, then what sources.yaml includes. What is there and no file is told by
    `read_documents`.
    """
    made = made_of(config_dir)
    texts = {name: made.get(name) if name == ROOT else read(config_dir, name) for name in FILES}
    return {name: content for name, content in (texts | made).items() if content is not None}


def fingerprint(config_dir: Path) -> str:
    """What the files hold now, as one hash: `Config.sha` of the configuration that they make."""
    return content_sha(read_texts(config_dir))


def content_sha(texts: Mapping[str, bytes]) -> str:
    """One hash over names and contents."""
    digest = hashlib.sha256()
    for name, content in sorted(texts.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def read_documents(config_dir: Path, texts: Mapping[str, bytes], found: Findings) -> dict[str, Document]:
    """Each text as YAML with its places, by file name; what is no YAML, no file or no known section goes to `found`."""
    docs: dict[str, Document] = {}
    shown = shown_as(config_dir)
    if "sources.yaml" not in texts:
        found.at(
            f"{shown}/sources.yaml",
            "",
            "There is no such file: nothing says what to watch.",
            "a file sources.yaml there, or --config-dir DIR; `busta demo` writes an example",
        )
    for name in FILES:
        file = config_dir / name
        if file.exists() and not file.is_file():
            found.at(f"{shown}/{name}", "", "It is not a file but a directory, a pipe or a device.", f"a file {name}")
    for name in FILES:
        if name not in texts:
            continue
        content = texts[name]
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as why:
            line = content[: why.start].count(b"\n") + 1
            found.at(f"{shown}/{name}:{line}:1", "", "The file is not UTF-8.", "save it as UTF-8")
            continue
        said: list[tuple[str, Place, str, str]] = []
        expand = Expansion(config_dir, shown, texts, found) if name == ROOT else None
        doc = Document(f"{shown}/{name}", text, lambda *problem, said=said: said.append(problem), expand)
        for where, path, message, remedy in said:
            found.at(where, label(doc.data, path, doc.heads), message, remedy)
        if doc.broken:
            continue
        docs[name] = doc
        scan(doc, found)
        _sections(doc, name, found)
    return docs


def _sections(doc: Document, name: str, found: Findings) -> None:
    known = _SECTIONS[name]
    for key in doc.data.keys() - set(known):
        guess = near(key, known)
        tail = f"; did you mean `{guess}`?" if guess else "."
        found.add(
            doc,
            (key,),
            f"Unknown section `{key}`{tail}",
            f"{guess}: ..." if guess else f"one of {', '.join(known)}",
            key=True,
        )
    version = doc.data.get("version")
    if version is None:
        found.add(doc, (), "`version` is missing: it says how to read the file.", "version: 1")
    elif version != 1:
        found.add(doc, ("version",), f"Version {version!r} is not known to this program.", "version: 1")
