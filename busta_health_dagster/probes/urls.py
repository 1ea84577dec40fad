"""What is asked for: URLs as they are written, with the parameters of the configuration, and as people may see them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Sequence

_WRITTEN_WELL = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]|%[0-9A-Fa-f]{2})+")


def address(text: str, params: Sequence[tuple[str, str]] = ()) -> URL:
    """An http(s) URL. A query that is written well goes out as it is: a signature holds for the escapes it was made over,
    and yarl would make `a/c` of `a%2Fc`.

    Raises:
        ValueError: not an http(s) URL.
    """
    url = _as_written(text)
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise ValueError("no http(s) scheme or no host")
    _ = url.port
    return url if not params else _with_query(url, "&".join((*_given(url), URL.build(query=params).raw_query_string)))


def redirected(url: URL, location: str) -> URL:
    """Where a redirect leads.

    Raises:
        ValueError: to no http(s) URL.
    """
    target = url.join(_as_written(location))
    if target.scheme not in ("http", "https") or not target.raw_host:
        raise ValueError(target.scheme)
    _ = target.port
    return target.with_fragment(None)


def shown(url: URL) -> str:
    """A URL for people: no query, no user, no fragment. Keys hide there."""
    return str(url.with_user(None).with_query(None).with_fragment(None)) if url.absolute else str(url.with_query(None))


def _as_written(text: str) -> URL:
    url, query = URL(text), text.partition("#")[0].partition("?")[2]
    return _with_query(url, query) if _WRITTEN_WELL.fullmatch(query) else url


def _given(url: URL) -> tuple[str, ...]:
    return (url.raw_query_string,) if url.raw_query_string else ()


def _with_query(url: URL, query: str) -> URL:
    return URL.build(
        scheme=url.scheme,
        authority=url.raw_authority,
        path=url.raw_path,
        query_string=query,
        fragment=url.raw_fragment,
        encoded=True,
    )
