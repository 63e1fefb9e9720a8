"""The door for people, over the real server of two processes: whoever is refused is so at the next request."""

import time
from datetime import timedelta

import pytest
from exchange_api_hub import id_of
from sqlalchemy import text

from audit.recording import record_administration
from catalog.people import People
from catalog.person import PersonStatus, Role
from infra.database import Role as Login

pytestmark = pytest.mark.server
ROUNDS = 12  # so many requests in a row reach both processes


@pytest.fixture(scope="module")
def hub(served_hub):
    return served_hub


def who(hub, headers):
    return hub.http.get("/v1/session", headers=headers | {"Connection": "close"})


def set_status(hub, person, status):
    with hub.database.engine(Login.APPLICATION).begin() as connection:
        People(connection, record_administration).set_person_status(person, status, actor="test")


def test_who_is_signed_in_is_answered_and_on_the_ledger(hub):
    answer = who(hub, hub.person(Role.PUBLISHER))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["person"], told["roles"], told["to_do_first"]) == ("publisher", ["publisher"], [])
    entry = hub.entry(answer)
    assert (entry["actor"], entry["organisation"]) == ("publisher", "11500000009275123M")
    assert (entry["action"], entry["outcome"]) == ("session.whoami", "answered")


def test_a_suspended_person_is_refused_at_the_next_request_on_every_process(hub):
    headers = hub.person(Role.USER)
    assert {who(hub, headers).status_code for _ in range(ROUNDS)} == {200}
    set_status(hub, id_of(Role.USER), PersonStatus.SUSPENDED)
    since = time.monotonic()
    answers = [who(hub, headers) for _ in range(ROUNDS)]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "access_denied")}
    assert {(one.json()["title"], one.json()["detail"]) for one in answers} == {
        ("Access is denied", "You are suspended.")
    }
    assert time.monotonic() - since < 10
    assert hub.entry(answers[0])["actor"] == "user"
    set_status(hub, id_of(Role.USER), PersonStatus.ACTIVE)
    assert who(hub, headers).status_code == 200


def test_who_signed_out_is_out_on_every_process(hub):
    headers = hub.person(Role.USER)
    answer = hub.http.delete("/v1/session", headers=headers)
    assert answer.status_code == 200, answer.text
    answers = [who(hub, headers) for _ in range(ROUNDS)]
    assert {(one.status_code, one.json()["code"]) for one in answers} == {(401, "session_ended")}
    with hub.database.engine(Login.AUDITOR).connect() as connection:
        told = connection.execute(
            text(
                "SELECT actor, organisation FROM ledger.entry WHERE action = 'session.end' AND request = :id"
            ),
            {"id": answer.headers["hub-request-id"]},
        ).one()
    assert tuple(told) == ("user", "11500000009275123M")


def test_an_idle_session_is_over(hub):
    session = hub.session(Role.USER)
    headers = {"Authorization": f"Bearer {hub.token_of(session)}"}
    idle = timedelta(seconds=hub.settings.session_idle_seconds)
    with hub.database.engine(Login.APPLICATION).begin() as connection:
        connection.execute(
            text("UPDATE catalog.session SET used_at = used_at - :less WHERE id = :id"),
            {"less": idle - timedelta(seconds=30), "id": session.id},
        )
    assert who(hub, headers).status_code == 200  # which is noted, so that it is not idle any more
    with hub.database.engine(Login.APPLICATION).begin() as connection:
        connection.execute(
            text("UPDATE catalog.session SET used_at = used_at - :less WHERE id = :id"),
            {"less": idle + timedelta(seconds=1), "id": session.id},
        )
    assert who(hub, headers).json()["code"] == "session_ended"


def test_a_token_of_another_kind_is_refused(hub):
    system, person = {"Authorization": f"Bearer {hub.token()}"}, hub.person(Role.USER)
    for path, headers in (("/v1/session", system), ("/v1/sources", person)):
        answer = hub.http.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
        assert "token is" in answer.json()["detail"]


def test_forged_damaged_and_foreign_tokens_are_refused(hub):
    good = hub.token_of(hub.session(Role.USER))
    head, body, signed = good.split(".")
    other = hub.token_of(hub.session(Role.PUBLISHER)).split(".")
    for token in (f"{head}.{other[1]}.{signed}", f"{head}.{body}.{signed[::-1]}", f"{head}.{body}.", "x"):
        answer = who(hub, {"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


def test_the_session_of_somebody_else_is_not_found(hub):
    session = hub.session(Role.USER)
    mixed = type(session)(session.id, "publisher", session.method, True, session.ends_at)
    answer = who(hub, {"Authorization": f"Bearer {hub.token_of(mixed)}"})
    assert answer.json()["code"] == "session_ended"


def test_an_administrator_without_a_second_factor_has_something_to_do_first(hub):
    told = who(hub, hub.person(Role.SYSTEM_ADMINISTRATOR, second_factor=False)).json()
    assert told["to_do_first"] == ["second_factor"]


def test_the_document_says_how_to_sign_in(hub):
    told = hub.http.get("/openapi.json").json()
    assert told["paths"]["/v1/session"]["get"]["security"] == [{"session": []}]
    assert told["components"]["securitySchemes"].keys() == {"oauth2", "signature", "session"}
