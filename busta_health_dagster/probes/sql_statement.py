"""Is this one statement that only reads? A first gate; the read-only transaction is the second and the real one."""

from __future__ import annotations

import re

_QUIET = re.compile(
    r"""--[^\n]*            # line comment
      | /\*.*?\*/          # block comment
      | '(?:[^'\\]|''|\\.)*'   # text
      | "(?:[^"]|"")*"     # quoted name
      | `[^`]*`            # quoted name, MySQL
      | \$(\w*)\$.*?\$\1\$ # dollar quotes, Postgres
    """,
    re.VERBOSE | re.DOTALL,
)
_READS = frozenset({"select", "with", "values", "table", "show", "describe"})
_WRITES = re.compile(r"\b(insert|update|delete|merge|into)\b", re.IGNORECASE)


def only_reads(statement: str) -> str:
    """The statement without its closing semicolon.

    Raises:
        ValueError: several statements, or one that writes; the message names the word.
    """
    bare = _QUIET.sub(lambda match: " " if match.group().startswith(("--", "/*")) else "''", statement)
    bare = bare.strip().rstrip("; \t\r\n")
    if not bare:
        raise ValueError("the query is empty; write one select")
    if ";" in bare:
        raise ValueError("the query holds several statements; write one select")
    first = re.match(r"[a-z_]*", bare.lstrip("( \t\r\n"), re.IGNORECASE)
    if first is None or first[0].lower() not in _READS:
        begin = bare.split(maxsplit=1)[0].upper()[:30]
        raise ValueError(
            f"the query begins with {begin}; only reading statements are allowed: select, with, values, show"
        )
    if match := _WRITES.search(bare):
        raise ValueError(
            f"the query holds {match.group().upper()}, which writes or locks; write a select that only reads"
        )
    return statement.strip().rstrip("; \t\r\n")
