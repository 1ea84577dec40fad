"""One GX context for the whole session: the import alone costs 6-8 CPU seconds."""

from __future__ import annotations

import warnings

import pytest


@pytest.fixture(scope="session")
def runner():
    from busta_health_dagster.quality.runner import GxRunner

    with warnings.catch_warnings():
        # GX 1.24 imports sre_constants and sre_parse, which Python 3.11 deprecates; nothing else of it warns.
        warnings.filterwarnings("ignore", message="module 'sre_.*' is deprecated", category=DeprecationWarning)
        import great_expectations  # noqa: F401
    return GxRunner()
