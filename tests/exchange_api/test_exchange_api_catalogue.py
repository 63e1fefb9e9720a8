"""The catalogue's entries over the real server: every act by people, and what others see of it."""

import json
import re

import documents
import pytest
from made_entries import AUTHORITY, OTHER_PROVIDER, PROVIDER, registered, written

from audit.recording import record_administration
from catalog.people import People
from catalog.person import Person, Role
from exchange_api.app import app
from hub.catalogue.acts import ACTS
from infra.database import Role as Login

pytestmark = pytest.mark.server
ENTRIES = "/v1/catalogue/entries"
ASSESSED = {"secrecy": "不涉及国家秘密", "personal_information": "已评估，影响可控"}
PEOPLE = (
    ("c.writer", PROVIDER, Role.PUBLISHER), ("c.head", PROVIDER, Role.PUBLISHER), ("c.stranger", OTHER_PROVIDER, Role.PUBLISHER),
    ("c.user", OTHER_PROVIDER, Role.USER), ("c.authority", AUTHORITY, Role.CATALOGUE_AUTHORITY),
)  # fmt: skip


@pytest.fixture(scope="module")
def hub(served_hub):
    registered(served_hub.database)
    with served_hub.database.engine(Login.APPLICATION).begin() as connection:
        people = People(connection, record_administration)
        for id_, organisation, role in PEOPLE:
            people.add_person(Person(id_, f"测试{id_}", organisation, frozenset({role})), actor="test")
    return served_hub


@pytest.fixture(scope="module")
def ask(hub):
    headers = {id_: hub.person(id_) for id_, *_ in PEOPLE}

    def _ask(who, method, path="", body=None, **params):
        sent = {"json": body} if body is not None else {}
        return hub.http.request(method, ENTRIES + path, headers=headers[who], params=params, **sent)

    return _ask


def done(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return answer.json()


def test_an_entry_goes_all_the_way_over_the_api(hub, ask):
    wrong = refused(ask("c.writer", "POST", body={"id": "rent_subsidy", "sharing": "9"}), 422, "wrong_entry")
    assert {"name", "provider_code", "sharing"} <= {fault["element"] for fault in wrong["faults"]}
    refused(ask("c.stranger", "POST", body=written()), 403, "not_your_part")
    assert done(ask("c.writer", "POST", body=written()))["state"] == "draft"
    one = "/rent_subsidy"
    refused(ask("c.user", "GET", one), 404, "unknown_entry")
    assert done(ask("c.user", "GET"))["entries"] == []
    refused(ask("c.stranger", "POST", one + "/submit"), 404, "unknown_entry")
    refused(ask("c.writer", "POST", one + "/assess", ASSESSED), 403, "own_work")
    refused(ask("c.head", "POST", one + "/assess", {"secrecy": "不涉密"}), 422, "not_said")
    refused(ask("c.head", "POST", one + "/edit", written(id="other")), 400, "malformed_request")
    done(ask("c.head", "POST", one + "/assess", ASSESSED))
    refused(ask("c.authority", "POST", one + "/publish"), 409, "forbidden_transition")
    submitted = done(ask("c.writer", "POST", one + "/submit"))
    assert submitted["duty"] == "review_and_publish"
    assert done(ask("c.authority", "GET", one + "/possible"))["possible"] == ["return", "approve"]
    done(ask("c.authority", "POST", one + "/approve"))
    answer = ask("c.authority", "POST", one + "/publish")
    assert done(answer)["state"] == "published"
    assert hub.entry(answer)["action"] == "catalogue.publish"

    told = done(ask("c.user", "GET", one))
    assert (told["code"], told["in_force"], told["says"]["name"]) == ("307001002/000001", 1, "公租房补贴发放")
    refused(ask("c.user", "GET", one + "/history"), 403, "not_your_part")
    events = done(ask("c.head", "GET", one + "/history"))["events"]
    assert [event["act"] for event in events] == ["draft", "assess", "submit", "approve", "publish"]
    by_system = {"Authorization": f"Bearer {hub.token()}"}
    assert [e["id"] for e in hub.http.get(ENTRIES, headers=by_system).json()["entries"]] == ["rent_subsidy"]
    assert hub.http.get(ENTRIES + one + "/history", headers=by_system).status_code in (401, 403)
    resources = hub.http.get("/v1/resources/rent_subsidy", headers=by_system)
    assert resources.status_code == 200, "published means queryable"


def test_a_breaking_change_is_shown_and_takes_consent(ask):
    one, entry = "/rent_subsidy", written()
    entry["items"] = [item for item in entry["items"] if item["name"] != "sex"]
    done(ask("c.writer", "POST", one + "/change", entry))
    refused(ask("c.user", "GET", one, version=2), 404, "unknown_entry")
    assert done(ask("c.user", "GET", one))["says"]["version"] == 1
    changes = done(ask("c.head", "GET", one + "/changes"))
    assert (changes["compatible"], changes["changes"][0]["element"]) == (False, "items.sex")
    refused(ask("c.user", "GET", one + "/changes"), 403, "not_your_part")
    refused(ask("c.head", "GET", one + "/changes", **{"from": 1}), 400, "malformed_request")
    done(ask("c.head", "POST", one + "/assess", ASSESSED))
    done(ask("c.writer", "POST", one + "/submit"))
    refused(ask("c.authority", "POST", one + "/approve"), 409, "consent_missing")
    done(ask("c.authority", "POST", one + "/return", {"reasons": "摘要不清"}))
    assert done(ask("c.writer", "POST", one + "/discard"))["state"] == "discarded"
    assert done(ask("c.user", "GET", one))["state"] == "published"


def test_entries_are_listed_in_pages(ask):
    for number in range(3):
        done(ask("c.writer", "POST", body=written(id=f"page_{number}", category="308001")))
    first = done(ask("c.head", "GET", category="308", limit=2))
    assert ([e["id"] for e in first["entries"]], first["next"]) == (["page_0", "page_1"], "page_1")
    rest = done(ask("c.head", "GET", category="308", limit=2, after=first["next"]))
    assert ([e["id"] for e in rest["entries"]], rest["next"]) == (["page_2"], None)
    assert done(ask("c.stranger", "GET", category="308"))["entries"] == []
    assert len(done(ask("c.authority", "GET", category="308", state="draft"))["entries"]) == 3
    for wrong in ({"limit": "0"}, {"limit": "1001"}, {"colour": "red"}, {"after": "\0"}):
        refused(ask("c.head", "GET", **wrong), 400, "malformed_request")
    assert json.dumps(first)


def test_the_page_names_every_route_and_what_is_said_with_each_act():
    page = documents.page("catalogue.md")
    paths = {route.path for route in app.routes if getattr(route, "path", "").startswith(ENTRIES)}
    told = {
        name
        for row in page.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`[A-Z ]*([^`]+)`", row)
    }
    ends = {path.removeprefix(ENTRIES + "/{entry}") for path in paths} - {"", ENTRIES}
    assert {ENTRIES, ENTRIES + "/{entry}"} <= told
    assert {end for end in ends if end not in told and ENTRIES + "/{entry}" + end not in told} == set()
    assert {word for act in ACTS.values() for word in (*act.says, *act.may_say)} <= told
