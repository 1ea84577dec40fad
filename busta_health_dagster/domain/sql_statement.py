r"""Is this one statement that only reads? A first gate; a session that cannot write is the second and the real one.

Where a text ends is another question in every database (`'\'` is a whole text for Postgres and half a one for MySQL),
so the statement is cut into words by sqlglot, in the dialect of the database it goes to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import Token

_READS = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC"})
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "INTO"})
_DIALECTS = {
    "postgresql": "postgres",
    "postgres": "postgres",
    "cockroachdb": "postgres",
    "mariadb": "mysql",
    "mssql": "tsql",
    "awsathena": "athena",
    "clickhousedb": "clickhouse",
    "singlestoredb": "singlestore",
}
"""SQLAlchemy's names where sqlglot has another."""
_ANY = ("", "postgres", "mysql")
"""How a statement may be meant as long as its database is a secret; the observation knows it, and asks again."""


def dialect_of(url: str) -> str:
    """The name sqlglot has for the database of a SQLAlchemy URL; "" (standard SQL) for one it does not know."""
    from sqlglot import Dialect

    backend = url.partition(":")[0].partition("+")[0].lower()
    name = _DIALECTS.get(backend, backend)
    return name if Dialect.get(name) is not None else ""


def only_reads(statement: str, dialect: str | None = None) -> str:
    """The statement without its closing semicolon, and without a comment behind its end, so that it can stand in brackets. `dialect`
    None: not known yet, one that accepts it is enough, and what is a comment is not known either.

    Raises:
        ValueError: several statements, or one that writes; the message names the word.
    """
    refused: ValueError | None = None
    for name in _ANY if dialect is None else (dialect,):
        try:
            end = _read_as(statement, name)
        except ValueError as error:
            refused = refused or error
        else:
            return statement.strip().rstrip("; \t\r\n") if dialect is None else statement[:end].strip()
    assert refused is not None
    raise refused


def _read_as(statement: str, dialect: str) -> int:
    """Where its last word ends."""
    from sqlglot import Dialect, TokenType
    from sqlglot.errors import TokenError

    try:
        tokens = list(Dialect.get_or_raise(dialect).tokenize(statement))
    except TokenError as error:
        raise ValueError(f"the query cannot be read: {str(error).splitlines()[0][:120]}; close every quote") from error
    if any(comment.lstrip().startswith(("!", "M!")) for token in tokens for comment in token.comments):
        raise ValueError("the query holds /*! ... */, which MySQL executes; write it without")
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise ValueError("the query is empty; write one select")
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        raise ValueError("the query holds several statements; write one select")
    first = next((token for token in tokens if token.token_type is not TokenType.L_PAREN), tokens[0])
    if first.text.upper() not in _READS:
        raise ValueError(
            f"the query begins with {first.text.upper()[:30]}; only reading statements are allowed: select, with, values, show"
        )
    word = next((word for word in map(_bare_word, ["", *_texts(tokens)], tokens) if word in _WRITES), None)
    if word is not None:
        raise ValueError(
            f"the query holds {word}, which writes or locks; write a select that only reads (a column of that name wants quotes)"
        )
    return tokens[-1].end + 1


def _texts(tokens: list[Token]) -> list[str]:
    return [token.text for token in tokens]


def _bare_word(before: str, token: Token) -> str:
    """The word in capitals; nothing for a text, a quoted name, or a column behind its table (`t.update`)."""
    from sqlglot import TokenType

    quoted = token.token_type in {TokenType.IDENTIFIER, TokenType.STRING} or token.token_type.name.endswith("STRING")
    return "" if quoted or before == "." else token.text.upper()
