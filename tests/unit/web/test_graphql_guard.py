"""What a GraphQL document asks for is known before anything of it runs."""

from __future__ import annotations

import pytest

from busta_health_dagster.domain.access import Principal, Role
from busta_health_dagster.web.graphql_guard import INSTANCE, Cost, read, refusal, too_dear

ROLES = {role: Principal("someone", role, "token") for role in Role}
DOUBLING = "query { ...f0 } " + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(60))


def cost(query: str) -> Cost:
    asked = read(query)
    assert asked is not None
    return asked.cost


def test_a_document_is_weighed_with_its_fragments_written_out() -> None:
    query = "{ a: runs { id ...more } ... on Query { version } } fragment more on Run { b: tags { key value } }"
    assert cost(query) == Cost(depth=3, fields=6, aliases=2)


def test_fragments_that_double_are_weighed_in_no_time() -> None:
    assert cost(DOUBLING + " fragment f60 on Query { version }").fields == 2**60


def test_a_circle_of_fragments_ends() -> None:
    assert cost("{ ...a } fragment a on Query { version ...b } fragment b on Query { ...a }").fields >= 1


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("{" + " ".join(f"a{n}: assetNodes {{ id }}" for n in range(60)) + "}", "aliases"),
        ("{ a" * 30 + "}" * 30, "levels"),
        ("{" + " version" * 6000 + "}", "fields"),
        (DOUBLING + " fragment f60 on Query { version }", "fields"),
    ],
)
def test_what_costs_too_much_is_refused_for_every_role(role: Role, query: str, word: str) -> None:
    asked = read(query)
    assert asked is not None
    said = too_dear(asked, ROLES[role])
    assert said is not None
    assert word in said


@pytest.mark.parametrize("query", ["{ a" * 5000 + "}" * 5000, "{" + " version" * 20_000 + "}", "", "not graphql {"])
def test_what_cannot_be_read_is_not_weighed(query: str) -> None:
    assert read(query) is None


def test_a_role_may_ask_for_what_dagsters_own_pages_ask() -> None:
    """Measured on the pinned pages: 11 deep, 639 fields, 4 aliases."""
    for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN):
        query = "{ a: x b: x c: x d: x " + "f {" * 10 + " g" * 625 + "}" * 10 + "}"
        asked = read(query)
        assert asked is not None
        assert too_dear(asked, ROLES[role]) is None


@pytest.mark.parametrize("name", sorted(INSTANCE))
def test_what_puts_the_monitor_to_sleep_needs_an_admin_however_it_is_written(name: str) -> None:
    for query in (
        f"mutation {{ {name} {{ x }} }}",
        f"mutation {{ harmless: {name} {{ x }} }}",
        f"mutation M {{ ... on Mutation {{ ...f }} }} fragment f on Mutation {{ {name} {{ x }} }}",
        f"query Q {{ version }} mutation M {{ logTelemetry {{ x }} {name} {{ x }} }}",
    ):
        asked = read(query)
        assert asked is not None
        assert name in asked.mutations
        assert "admin" in (refusal(asked, ROLES[Role.OPERATOR]) or "")
        assert refusal(asked, ROLES[Role.ADMIN]) is None
        assert "viewer" in (refusal(asked, ROLES[Role.VIEWER]) or "")


def test_a_query_that_only_names_a_mutation_is_a_query() -> None:
    asked = read("{ stopSensor: version }")
    assert asked is not None
    assert asked.mutations == ()
