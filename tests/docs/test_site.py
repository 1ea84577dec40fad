"""`make docs`: the documentation as a site. Strict: a link that leads nowhere, or a page that the site does not list, fails it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from documents import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_the_site_is_whole_and_asks_no_one_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    environ = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(build, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {page.stem for page in (ROOT / "docs").glob("*.md")}
    assert {page.stem for page in tmp_path.glob("*.html")} >= pages
    for page in tmp_path.glob("*.html"):
        fetched = re.findall(r"""<(?:script|img|link)\b[^>]*(?:src|href)=["']?(https?://[^"' >]+)""", page.read_text())
        assert not fetched, f"{page.name} needs {fetched}"
