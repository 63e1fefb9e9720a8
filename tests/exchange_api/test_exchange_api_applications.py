"""From an application to a call over the real server: told what is missing, approved, delivered, read, suspended."""

import pytest
from exchange_api_hub import LAW, PERSON, PURPOSE, citizen
from sqlalchemy import text

from audit.recording import record_administration
from catalog.organisation import Office, Organisation
from catalog.people import People
from catalog.person import Person, PersonStatus, Role
from catalog.repository import Catalogue
from infra.database import Role as Login

pytestmark = pytest.mark.server
DESK, POLICE = "11500000009275123M", "115000000092750357"
WANTED = {
    "resource": PERSON, "system": "stranger", "version": 1, "items": ["citizen_number", "name", "mobile_phone"],
    "masked": ["mobile_phone"], "needed_for": {"name": "核对", "mobile_phone": "通知"}, "purposes": [PURPOSE],
    "legal_bases": [LAW], "scenario": "受理核验", "scope": "申请人", "condition_met": "仅用于核验", "mode": "interface",
    "valid_to": "2035-12-31", "calls_per_day": 10, "keys_per_call": 5, "office": "01",
}  # fmt: skip


@pytest.fixture(scope="module")
def hub(served_hub):
    with served_hub.database.engine(Login.APPLICATION).begin() as connection:
        catalogue, people = (
            Catalogue(connection, record_administration),
            People(connection, record_administration),
        )
        catalogue.add_organisation(Organisation(POLICE, "公安局", "500000"), actor="test")
        people.add_office(Office(DESK, "01", "审批一科"), actor="test")
        for id_, organisation, role in (("head", DESK, Role.USER), ("officer", POLICE, Role.PUBLISHER), ("chief", POLICE, Role.PUBLISHER)):  # fmt: skip
            people.add_person(Person(id_, f"测试{id_}", organisation, frozenset({role})), actor="test")
    return served_hub


@pytest.fixture(scope="module")
def people(hub):
    return {
        who: hub.person(who)
        for who in ("user", "head", "officer", "chief", "catalogue-authority", "publisher")
    }


@pytest.fixture
def ask(hub, people):
    def _ask(who, path, body=None, method=None, status=200):
        answer = hub.http.request(
            method or ("GET" if body is None else "POST"), f"/v1/{path}", headers=people[who], json=body
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    return _ask


def test_an_application_becomes_an_agreement_that_calls_are_made_under(hub, ask):
    drafted = ask("user", "applications", {"resource": PERSON})
    assert len(drafted["faults"]) == 12
    id_ = drafted["id"]
    refused = ask("user", f"applications/{id_}/submit", {}, status=422)
    assert (refused["code"], len(refused["faults"])) == ("incomplete_application", 12)
    ask("user", f"applications/{id_}/edit", {"elements": WANTED})
    ask("user", f"applications/{id_}/submit", {})
    assert ask("user", f"applications/{id_}/support", {}, status=403)["code"] == "own_work"
    assert ask("head", f"applications/{id_}/support", {})["state"] == "awaiting_examination"
    shown = ask("officer", f"applications/{id_}")
    assert (shown["possible"], shown["elements"]["scenario"]) == (["examine", "return", "extend"], "受理核验")
    ask("officer", f"applications/{id_}/examine", {"opinion": "不必要手机号"})
    assert ask("officer", f"applications/{id_}/approve", {}, status=403)["code"] == "own_work"
    assert (
        ask("chief", f"applications/{id_}/approve", {"without": {"sex": "x"}}, status=400)["code"]
        == "malformed_request"
    )
    ask("chief", f"applications/{id_}/approve", {"without": {"mobile_phone": "核验不需要"}})
    assert hub.record(citizen(1), hub.token("stranger")).status_code == 403, (
        "nothing is read before it is delivered"
    )
    assert ask("chief", f"applications/{id_}/deliver", {})["state"] == "delivered"
    hub.everywhere(lambda again: answered(again, 200))
    answer = hub.record(citizen(1), hub.token("stranger"))
    assert set(answer.json()["data"]) == {"citizen_number", "name"}
    assert [one["act"] for one in ask("user", f"applications/{id_}/events")["events"]][-2:] == [
        "approve",
        "deliver",
    ]
    life = ask("user", f"agreements/{id_}/life")
    assert (life["state"], life["terms"]["items"]) == ("in_force", ["citizen_number", "name"])
    assert (
        ask("user", f"agreements/{id_}/life/narrow", {"scope": {"max_keys": 50}}, status=409)["code"]
        == "wider_scope"
    )
    scope = {"max_keys": 1, "valid_to": "2035-06-30", "terms": {"quota_per_day": 5000}}
    ask("user", f"agreements/{id_}/life/narrow", {"scope": scope})
    assert ask("user", f"agreements/{id_}/life")["terms"]["quota_per_day"] == 5000
    for terms in ({"quota_per_day": "5"}, {"colour": 1}, [], {"rows": [{"item": "sex"}]}):
        wrong = ask("user", f"agreements/{id_}/life/narrow", {"scope": {"terms": terms}}, status=400)
        assert wrong["code"] == "malformed_request"
    wider = {"scope": {"terms": {"quota_per_day": None}}}
    assert ask("user", f"agreements/{id_}/life/narrow", wider, status=409)["code"] == "wider_scope"
    ask("chief", f"agreements/{id_}/life/suspend", {"reason": "超范围使用"})
    hub.everywhere(lambda again: answered(again, 403))
    with hub.database.engine(Login.AUDITOR).connect() as connection:
        query = "SELECT organisation, request FROM ledger.entry WHERE action = 'application.approve' AND actor = 'chief'"
        (entry,) = connection.execute(text(query)).all()
    assert (entry.organisation, bool(entry.request)) == (POLICE, True)


def answered(hub, status):
    return hub.record(citizen(1), hub.token("stranger")).status_code == status


def test_only_its_sides_and_the_authority_see_an_application(hub, ask):
    id_ = ask("user", "applications", WANTED)["id"]
    assert id_ in [one["id"] for one in ask("head", "applications?state=draft")["applications"]]
    assert ask("catalogue-authority", f"applications/{id_}")["possible"] == []
    page = ask("user", "applications?limit=1")
    assert (len(page["applications"]), bool(page["next"])) == (1, True)
    other = ask("user", "applications", {**WANTED, "resource": "place"}, status=404)
    assert other["code"] == "not_registered", "nobody provides it here"
    with hub.database.engine(Login.APPLICATION).begin() as connection:
        Catalogue(connection, record_administration).add_organisation(
            Organisation("X", "他局", "500000"), actor="test"
        )
        stranger = Person("outside", "测试外", "X", frozenset({Role.USER}))
        People(connection, record_administration).add_person(stranger, actor="test")
    headers = hub.person("outside")
    for path in (f"applications/{id_}", f"applications/{id_}/events"):
        assert hub.http.get(f"/v1/{path}", headers=headers).status_code == 403
    assert hub.http.get("/v1/applications", headers=headers).json()["applications"] == []


def test_what_is_malformed_or_of_nobody_is_told(hub, ask):
    assert (
        ask("user", "applications", {"resource": PERSON, "colour": "red"}, status=400)["code"]
        == "malformed_request"
    )
    assert ask("user", "applications?limit=0", status=400)["code"] == "malformed_request"
    assert ask("user", "applications?colour=red", status=400)["code"] == "malformed_request"
    assert ask("user", "applications/AP1", status=404)["code"] == "unknown_matter"
    assert ask("user", "agreements/a-1/life", status=404)["code"] == "unknown_matter", "an operator added it"
    assert (
        ask("user", "agreements/a-1/life/narrow", {"scope": {"colour": 1}}, status=400)["code"]
        == "malformed_request"
    )
    token = {"Authorization": f"Bearer {hub.token('permits')}"}
    assert hub.http.get("/v1/applications", headers=token).status_code == 401
    for path in ("applications?state=nonsense", "applications?after=%00", "applications?state=%00"):
        assert ask("user", path, status=400)["code"] == "malformed_request"
    for path in ("applications/%00", "agreements/%00/life", "catalogue/entries/%00", "objections/OB%00"):
        assert ask("user", path, status=400)["code"] == "malformed_request"
    far = {"resource": PERSON, "valid_to": "0001-01-01T00:00:00+14:00"}
    assert "valid_to" in ask("user", "applications", far, status=400)["detail"]
    id_ = ask("user", "applications", WANTED)["id"]
    for said in ({"note": "\x00"}, {"\x00": "x"}, {"note": "x" * 5000}, {"note": 5}):
        assert ask("user", f"applications/{id_}/submit", said, status=400)["code"] == "malformed_request"
    assert ask("user", f"applications/{id_}/lapse", {}, status=409)["code"] == "forbidden_transition"
    with hub.database.engine(Login.APPLICATION).begin() as connection:
        People(connection, record_administration).set_person_status(
            "user", PersonStatus.SUSPENDED, actor="test"
        )
    assert ask("user", f"applications/{id_}/submit", {}, status=403)["code"] == "access_denied"
