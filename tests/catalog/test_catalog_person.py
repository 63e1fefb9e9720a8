from itertools import combinations

import pytest

from catalog.person import EXCLUSIVE, Person, PersonStatus, Role, roles_named
from schemas.errors import ConfigurationError, RolesExclude


@pytest.mark.parametrize("pair", list(combinations(Role, 2)), ids=lambda pair: "+".join(pair))
def test_the_administrators_exclude_one_another_and_nothing_else_does(pair):
    if set(pair) <= EXCLUSIVE:
        with pytest.raises(RolesExclude, match="at once"):
            Person("somebody", "甲", "A", frozenset(pair))
    else:
        assert Person("somebody", "甲", "A", frozenset(pair)).roles == set(pair)


def test_who_is_suspended_has_no_role_to_act_in():
    person = Person("somebody", "甲", "A", frozenset({Role.USER}))
    assert person.has(Role.USER)
    assert not person.has(Role.PUBLISHER)
    assert not Person("somebody", "甲", "A", person.roles, status=PersonStatus.SUSPENDED).has(Role.USER)


@pytest.mark.parametrize(
    ("id_", "name", "roles", "says"),
    [
        ("Has Space", "甲", {Role.USER}, "id"),
        ("x", "甲", {Role.USER}, "id"),
        ("somebody", "", {Role.USER}, "name"),
        ("somebody", "甲\n乙", {Role.USER}, "name"),
        ("somebody", "甲" * 81, {Role.USER}, "name"),
        ("somebody", "甲", set(), "no role"),
    ],
)
def test_a_person_needs_an_id_a_name_and_a_role(id_, name, roles, says):
    with pytest.raises(ConfigurationError, match=says):
        Person(id_, name, "A", frozenset(roles))


def test_roles_are_named():
    assert roles_named(["user", "publisher"]) == {Role.USER, Role.PUBLISHER}
    with pytest.raises(ConfigurationError, match=r"'king'.*Roles are: publisher"):
        roles_named(["king"])
