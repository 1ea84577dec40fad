"""Every link of a document to another file or heading of the repository leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

from documents import PAGES, ROOT

LINK = re.compile(r"(?<!\!)\[[^\]\n]*\]\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    prose = CODE.sub("", page.read_text(encoding="utf-8"))
    found = []
    for target in [*LINK.findall(prose), *PICTURE.findall(prose)]:
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        to = (page.parent / name).resolve() if name else page
        if not to.exists() or (anchor and to.suffix == ".md" and anchor not in anchors(to)):
            found.append(f"{page.relative_to(ROOT)}: {target}")
    return found


def test_every_link_leads_somewhere() -> None:
    pages = [*PAGES, ROOT / "docs" / "cli.md", ROOT / "CHANGELOG.md"]
    assert [link for page in pages for link in broken(page)] == []


def test_a_link_to_nowhere_is_found() -> None:
    assert "production.md" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert anchors(ROOT / "docs" / "operations.md") >= {"backup", "when-the-machine-does-not-keep-up"}
