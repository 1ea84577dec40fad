"""JSON paths whose `match` and `search` take linear time, as every pattern of a configuration (domain/patterns.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.patterns import found, pattern

if TYPE_CHECKING:
    from collections.abc import Callable


def queries(path: str) -> Callable[[Any], list[Any]]:
    """A JSON path that only python-jsonpath can walk, with `match` and `search` of ours.

    Raises:
        ValueError: not a JSON path, or a pattern in it that cannot be used.
    """
    import jsonpath
    from jsonpath.filter import StringLiteral
    from jsonpath.function_extensions import ExpressionType, FilterFunction

    class Linear(FilterFunction):
        arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]  # noqa: RUF012  the library's own shape
        return_type = ExpressionType.LOGICAL

        def __init__(self, *, whole: bool) -> None:
            self.whole = whole

        def __call__(self, value: object, text: object) -> bool:
            if not isinstance(value, str) or not isinstance(text, str):
                return False
            try:
                return found(text, value, whole=self.whole)
            except ValueError:  # out of the document: RFC 9535 lets it match nothing
                return False

    class Environment(jsonpath.JSONPathEnvironment):
        def setup_function_extensions(self) -> None:
            super().setup_function_extensions()
            self.function_extensions |= {"match": Linear(whole=True), "search": Linear(whole=False)}

        def check_well_typedness(self, token: Any, func: FilterFunction, args: list[Any]) -> None:
            super().check_well_typedness(token, func, args)
            for literal in args if isinstance(func, Linear) else ():
                if isinstance(literal, StringLiteral):
                    pattern(literal.value)

    try:
        query = Environment(strict=True).compile(path)
    except jsonpath.JSONPathError as error:
        raise ValueError(
            f"{path!r} is not a JSON path ({error.message}); write for instance $[*].id or $.items[*].price"
        ) from error
    return lambda document: list(query.findall(document))
