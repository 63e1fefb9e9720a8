from datetime import UTC, datetime
from uuid import uuid4

import pytest

from catalog.person import EXCLUSIVE, Person, PersonStatus, Role
from catalog.session import Lack, Method, Session, SignedIn
from exchange_api.admission import ANYBODY, EITHER, PEOPLE, SYSTEMS, UNFINISHED, people
from schemas.errors import AccessDenied, NotYourPart, SessionUnfinished


def signed_in(role, second_factor=True, status=PersonStatus.ACTIVE, new_password=False):
    session = Session(uuid4(), "p", Method.PASSWORD, second_factor, datetime.now(UTC))
    return SignedIn(session, Person("p1", "测试", "A", frozenset({role}), status=status), new_password)


@pytest.mark.parametrize("role", Role)
def test_a_route_is_for_those_who_have_one_of_its_roles(role):
    for asked in Role:
        if asked is role:
            people(asked, Role.USER).check(signed_in(role))
        else:
            with pytest.raises(NotYourPart, match="do not have the role"):
                people(asked).check(signed_in(role))
    PEOPLE.check(signed_in(role))


@pytest.mark.parametrize("role", Role)
def test_an_administrator_needs_a_second_factor(role):
    given = signed_in(role, second_factor=False)
    assert given.lacks == ((Lack.SECOND_FACTOR,) if role in EXCLUSIVE else ())
    if role in EXCLUSIVE:
        with pytest.raises(SessionUnfinished) as refused:
            PEOPLE.check(given)
        assert "POST /v1/session/totp" in refused.value.hint
    else:
        PEOPLE.check(given)
    UNFINISHED.check(given)


def test_a_given_password_is_changed_first():
    given = signed_in(Role.USER, new_password=True)
    with pytest.raises(SessionUnfinished) as refused:
        PEOPLE.check(given)
    assert "PUT /v1/session/password" in refused.value.hint
    UNFINISHED.check(given)


def test_the_suspended_pass_nowhere():
    for admission in (PEOPLE, UNFINISHED, people(Role.USER)):
        with pytest.raises(AccessDenied, match="suspended"):
            admission.check(signed_in(Role.USER, status=PersonStatus.SUSPENDED))


def test_each_admission_is_described():
    assert [list(one.described()) for one in (SYSTEMS, PEOPLE, EITHER, ANYBODY)] == [
        [{"oauth2": []}, {"signature": []}], [{"session": []}], [{"oauth2": []}, {"signature": []}, {"session": []}], [],
    ]  # fmt: skip
