"""The whole loop over the real server: read, object, mark seen, corrected at the source, handled, recalled, rated."""

import json
from uuid import uuid4

import pytest
from exchange_api_hub import CASE, PERSON, agreement, citizen
from pushed_firms import ORGANISATION, credit_code, push, stored
from sqlalchemy import text

from audit.recording import record_administration
from catalog.organisation import Organisation
from catalog.people import People
from catalog.person import Person, Role
from catalog.repository import Catalogue
from infra.database import Role as Login

pytestmark = pytest.mark.server
FIRM, REGISTRAR = "legal_person", "11500000MB1670604W"
WRONG, RIGHT = "重庆错名公司", "重庆正名公司"
SAYS = "与营业执照不符"


@pytest.fixture(scope="module")
def doubted(hub):
    """The hub that firms are pushed to, with the registrar's office, a reader of firms, and three firms."""
    with hub.database.engine(Login.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        catalogue.add_organisation(Organisation(REGISTRAR, "市场监督管理局", "500000"), actor="test")
        keeper = Person("keeper", "测试登记", REGISTRAR, frozenset({Role.PUBLISHER}))
        People(connection, record_administration).add_person(keeper, actor="test")
        for system in ("permits", "masked"):
            terms = agreement(f"f-{system}", system, FIRM, ("credit_code", "name", "status"))
            catalogue.add_agreement(terms, actor="test")
    say(hub, {1: WRONG, 2: "重庆二公司", 3: "重庆三公司"})
    for system in ("permits", "masked"):
        hub.everywhere(lambda again, s=system: read(again, 1, s).status_code == 200)
    return hub


def say(hub, names):
    rows = [{"id": str(n), "code": credit_code(n), "name": name} for n, name in names.items()]
    answer = push(hub, "\n".join(json.dumps(row) for row in rows).encode(), uuid4().hex)
    assert answer.status_code == 200, answer.text


def read(hub, number, system="permits", items="name"):
    return hub.record(credit_code(number), hub.token(system), code=FIRM, params={"items": items})


def ask(hub, method, path, system="permits", headers=None, **body):
    sent = headers or {"Authorization": f"Bearer {hub.token(system)}"}
    return hub.http.request(method, path, headers=sent, json=body or None)


def raised(hub, number, system="permits", headers=None, **changed):
    body = {
        "kind": "quality", "resource": FIRM, "key": credit_code(number), "items": ["name"], "claim": SAYS, "case_code": CASE,
    }  # fmt: skip
    told = {name: value for name, value in (body | changed).items() if value is not None}
    return ask(hub, "POST", "/v1/objections", system, headers, **told)


def test_a_wrong_name_is_doubted_corrected_recalled_and_rated(doubted):
    hub, keeper = doubted, doubted.person("keeper")
    first, other = read(hub, 1), read(hub, 1, "masked")
    assert (first.json()["data"], "doubts" in first.json()) == ({"name": WRONG}, False)

    made = raised(hub, 1, answer=first.headers["hub-entry"], proof="营业执照 1 号")
    assert made.status_code == 200, made.text
    told = made.json()
    assert [told[name] for name in ("state", "provider", "source", "version", "duty")] == [
        "under_review", REGISTRAR, "firms", 1, "answer",
    ]  # fmt: skip
    entry = hub.entry(made)
    assert (entry["action"], entry["items"], entry["case_code"], len(entry["subjects"])) == (
        "objection.raise", ["name"], CASE, 16,
    )  # fmt: skip
    mark = [{"item": "name", "objection": told["objection"]}]
    for system in ("permits", "masked"):  # whoever reads it, on every process
        hub.everywhere(lambda again, s=system: marks(read(again, 1, s)) == mark)
    assert marks(read(hub, 1, items="status")) is None, "another item is not in doubt"
    assert marks(read(hub, 2)) is None
    query = hub.query({"keys": [credit_code(2), credit_code(1)], "items": ["name"]}, hub.token(), code=FIRM)
    assert ["doubts" in record for record in query.json()["records"]] == [False, True]

    one = f"/v1/objections/{told['objection']}"
    seen = ask(hub, "GET", one, headers=keeper)
    assert [seen.json()[name] for name in ("key", "claim", "proof")] == [
        credit_code(1),
        SAYS,
        "营业执照 1 号",
    ]
    assert len(hub.entry(seen)["subjects"]) == 16
    assert seen.json()["possible"] == ["accept", "reject", "hand_over"]
    assert ask(hub, "POST", one + "/accept", headers=keeper).json()["state"] == "in_progress"
    assert (
        ask(hub, "POST", one + "/correct", headers=keeper, reason="已更正").json()["state"] == "in_progress"
    )
    say(hub, {1: RIGHT})
    hub.everywhere(lambda again: read(again, 1).json() | {"valid_from": 0} == {
        "resource": FIRM, "version": 2, "valid_from": 0, "data": {"name": RIGHT},
    })  # fmt: skip

    handled = ask(hub, "GET", one).json()
    assert (handled["state"], handled["outcome"]) == ("handled", "corrected")
    notices = ask(hub, "GET", "/v1/notices?limit=1000").json()
    mine = [notice for notice in notices["notices"] if notice["entry"] == first.headers["hub-entry"]]
    assert [(n["objection"], n["item"], n["case_code"], n["corrected_version"]) for n in mine] == [
        (told["objection"], "name", CASE, 2)
    ]
    theirs = ask(hub, "GET", "/v1/notices", "masked").json()["notices"]
    assert other.headers["hub-entry"] in {notice["entry"] for notice in theirs}
    assert {notice["system"] for notice in theirs} == {"masked"}
    assert WRONG not in str(notices)
    number = mine[0]["number"]
    assert ask(hub, "POST", f"/v1/notices/{number}/acknowledge", "masked").json()["code"] == "unknown_notice"
    assert ask(hub, "POST", f"/v1/notices/{number}/acknowledge").json()["acknowledged_by"] == "permits"
    pending = ask(hub, "GET", "/v1/notices?pending=true&limit=1000").json()["notices"]
    assert number not in {notice["number"] for notice in pending}
    page = ask(hub, "GET", f"/v1/notices?after={number - 1}&limit=1").json()
    assert ([notice["number"] for notice in page["notices"]], page["next"]) == ([number], number)

    rated = ask(hub, "POST", one + "/rate", score=5, solved=True)
    assert rated.json()["state"] == "rated", rated.text
    listed = ask(hub, "GET", "/v1/objections?state=rated", headers=keeper).json()["objections"]
    assert [(o["objection"], o["score"]) for o in listed] == [(told["objection"], 5)]


def marks(answer):
    """The marks of doubt on an answer, without their moment; None where there are none."""
    found = answer.json().get("doubts")
    return found and [{name: mark[name] for name in ("item", "objection")} for mark in found]


def test_twice_on_the_same_item_is_told_and_a_withdrawal_takes_the_mark_away(doubted):
    made = raised(doubted, 2).json()
    again = raised(doubted, 2, headers=doubted.person(Role.USER))
    assert (again.status_code, again.json()["code"]) == (409, "already_doubted")
    assert made["objection"] in again.json()["detail"]
    doubted.everywhere(lambda one: marks(read(one, 2)) is not None)
    assert ask(doubted, "POST", f"/v1/objections/{made['objection']}/withdraw").json()["state"] == "withdrawn"
    doubted.everywhere(lambda one: marks(read(one, 2)) is None)
    late = ask(
        doubted, "POST", f"/v1/objections/{made['objection']}/accept", headers=doubted.person("keeper")
    )
    assert (late.status_code, late.json()["code"]) == (409, "forbidden_transition")


def test_a_value_that_is_kept_is_served_without_its_mark_and_recalls_nobody(doubted):
    made, keeper = raised(doubted, 3, items=None).json(), doubted.person("keeper")
    doubted.everywhere(lambda one: marks(read(one, 3)) == [{"item": None, "objection": made["objection"]}])
    one = f"/v1/objections/{made['objection']}"
    ask(doubted, "POST", one + "/accept", headers=keeper)
    assert ask(doubted, "POST", one + "/answer", headers=keeper).json()["code"] == "not_said"
    assert ask(doubted, "POST", one + "/answer", headers=keeper, reason="属实").json()["state"] == "handled"
    doubted.everywhere(lambda again: marks(read(again, 3)) is None)
    say(doubted, {3: "重庆三三公司"})
    assert not [
        n
        for n in stored(doubted, "SELECT objection FROM catalog.recall_notice")
        if n.objection == made["objection"]
    ]
    events = ask(doubted, "GET", one).json()["events"]
    assert [event["act"] for event in events] == ["raise", "accept", "answer"]


REFUSED = [
    (lambda h: raised(h, 9), 404, "record_not_found"),
    (lambda h: raised(h, 1, "stranger"), 403, "access_denied"),
    (lambda h: raised(h, 1, "pusher"), 403, "access_denied"),
    (lambda h: raised(h, 1, items=["staff_count"]), 403, "item_not_agreed"),
    (lambda h: raised(h, 1, items=["nothing"]), 400, "unknown_item"),
    (lambda h: raised(h, 1, items="name"), 400, "malformed_request"),
    (lambda h: raised(h, 1, key="nonsense"), 400, "invalid_identifier"),
    (lambda h: raised(h, 1, key=5), 400, "malformed_request"),
    (lambda h: raised(h, 1, kind="anger"), 400, "malformed_objection"),
    (lambda h: raised(h, 1, claim=" "), 400, "malformed_objection"),
    (lambda h: raised(h, 1, claim="x" * 2001), 400, "malformed_objection"),
    (lambda h: raised(h, 1, case_code="a\x00"), 400, "malformed_objection"),
    (lambda h: raised(h, 1, case_code=None), 400, "malformed_objection"),
    (lambda h: raised(h, 1, resource="nothing"), 404, "unknown_resource"),
    (lambda h: raised(h, 1, answer="x"), 400, "malformed_objection"),
    (lambda h: raised(h, 1, answer=str(uuid4())), 404, "unknown_answer"),
    (lambda h: raised(h, 1, more=1), 400, "malformed_request"),
    (lambda h: raised(h, 1, headers=h.person(Role.PUBLISHER)), 403, "not_your_part"),
    (lambda h: ask(h, "GET", "/v1/objections/OB0"), 404, "unknown_matter"),
    (lambda h: ask(h, "GET", "/v1/objections?state=angry"), 400, "malformed_objection"),
    (lambda h: ask(h, "GET", "/v1/objections?limit=0"), 400, "malformed_request"),
    (lambda h: ask(h, "GET", "/v1/notices?after=-1"), 400, "malformed_request"),
    (lambda h: ask(h, "POST", "/v1/notices/x/acknowledge"), 404, "unknown_notice"),
    (lambda h: ask(h, "POST", "/v1/objections/OB0/burn", x=1), 404, "unknown_matter"),
]  # fmt: skip


def test_what_may_not_be_raised_is_refused_on_the_ledger_without_a_key(doubted):
    for attempt, status, code in REFUSED:
        answer = attempt(doubted)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        entry = doubted.entry(answer)
        assert entry["problem"] == code
        assert credit_code(1) not in answer.text
        assert SAYS not in str(dict(entry))
    named = doubted.entry(raised(doubted, 9))
    assert (named["kind"], named["outcome"], len(named["subjects"])) == ("call", "not_found", 16)


def test_what_nobody_is_registered_for_waits_for_the_authority(doubted):
    body = {"resource": PERSON, "key": citizen(7), "items": ["name"], "answer": None}
    made = raised(doubted, 1, **body).json()
    assert (made["provider"], made["source"]) == (None, "public_security")
    judge = doubted.person(Role.CATALOGUE_AUTHORITY)
    over = {"organisation": ORGANISATION, "reason": "由户籍科答复"}
    one = f"/v1/objections/{made['objection']}"
    assert ask(doubted, "POST", one + "/hand-over", headers=judge, **over).status_code == 200
    accepted = ask(doubted, "POST", one + "/accept", headers=doubted.person(Role.PUBLISHER))
    assert accepted.json()["state"] == "in_progress", accepted.text


def test_the_ledger_and_the_tables_hold_no_key_and_nothing_said(doubted):
    raised(doubted, 1, proof="证照编号")
    with doubted.database.engine(Login.OWNER).connect() as connection:
        everything = connection.execute(text(
            "SELECT (SELECT string_agg(e::text, ' ') FROM ledger.entry e) || (SELECT string_agg(o::text, ' ') FROM catalog.objection o)"
            " || (SELECT string_agg(e::text, ' ') FROM catalog.event e)"
        )).scalar_one()  # fmt: skip
    for said in (credit_code(1), SAYS, "证照编号", WRONG, RIGHT):
        assert said not in everything
