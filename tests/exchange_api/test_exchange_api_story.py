"""The way out over the real server: two Granian workers, a real database, and every refusal on the ledger."""

import csv
import io
import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from exchange_api_hub import CASE, COMPANY_CREDIT, ITEMS, LAW, PERSON, PURPOSE, Served, citizen
from joserfc.jwk import ECKey, OKPKey
from sqlalchemy import text

from audit.notes import ledger_signer
from audit.proving import verify
from audit.receipts import Receipts
from audit.recording import record_administration
from audit.sealer import seal
from catalog.repository import Catalogue
from catalog.system import System, SystemStatus
from exchange_api.formats import ARROW, CSV, JSON_LINES, PARQUET
from exchange_api.tokens import Tokens
from infra.database import Role
from infra.keyring import FileKeyring
from schemas.identifiers import citizen_check

pytestmark = pytest.mark.server
GOOD = citizen(5)
ABSENT = "500103201001010" + "01" + citizen_check("50010320100101001")


@pytest.fixture(scope="module")
def hub(served_hub):
    return served_hub


@pytest.fixture(scope="module")
def token(hub):
    return hub.token()


def refused(hub, answer, status, code):
    """The answer is this problem, and on the ledger as such."""
    told = answer.json()
    assert (answer.status_code, told["status"], told["code"]) == (status, status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "detail", "instance"} <= told.keys()
    entry = hub.entry(answer)
    assert (entry["kind"], entry["problem"]) == ("call" if code == "record_not_found" else "refusal", code)
    assert told["instance"].endswith(entry["request"])
    return entry


def test_a_call_is_answered_and_on_the_ledger(hub, token):
    answer = hub.record(GOOD, token)
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"] == {
        "citizen_number": GOOD, "name": "测试5", "sex": "1", "date_of_birth": "1990-01-06", "mobile_phone": "13800000005",
    }  # fmt: skip
    entry = hub.entry(answer)
    expected = {
        "kind": "call", "action": "record", "outcome": "answered", "actor": "permits", "organisation": "11500000009275123M",
        "agreement": "a-1", "resource": PERSON, "keys": 1, "items": list(ITEMS), "purpose": PURPOSE, "legal_basis": LAW,
        "case_code": CASE, "records": 1, "problem": None, "request": answer.headers["hub-request-id"],
    }  # fmt: skip
    assert {name: entry[name] for name in expected} == expected
    assert len(entry["subjects"]) == 16
    Receipts(hub.keyring).check(entry, answer.headers["hub-promise"])


def test_items_can_be_chosen_and_their_origin_told(hub, token):
    told = hub.record(GOOD, token, params={"items": "name,sex", "provenance": "true"}).json()
    assert told["data"] == {"name": "测试5", "sex": "1"}
    assert told["provenance"]["name"]["source"] == "public_security"


def test_a_query_answers_many_keys(hub, token):
    keys = [citizen(number) for number in range(300)] + [ABSENT, GOOD]
    answer = hub.query({"keys": keys, "items": ["name"]}, token)
    told = answer.json()
    assert [(record["key"], record["data"]["name"]) for record in told["records"]][:2] == [
        (keys[0], "测试0"),
        (keys[1], "测试1"),
    ]
    assert (len(told["records"]), told["missing"]) == (300, [ABSENT])
    entry = hub.entry(answer)
    assert (entry["keys"], entry["records"], len(entry["subjects"])) == (301, 300, 301 * 16)


def test_a_query_may_state_its_purpose_in_the_body(hub, token):
    without = {"Hub-Purpose": None, "Hub-Legal-Basis": None, "Hub-Case-Code": None}
    body = {"keys": [GOOD], "purpose": PURPOSE, "legal_basis": LAW, "case_code": "CASE-2"}
    answer = hub.query(body, token, **without)
    assert (answer.status_code, hub.entry(answer)["case_code"]) == (200, "CASE-2")


def test_records_are_found_by_a_lookup_item(hub, token):
    told = hub.query({"keys": [citizen(1)], "by": "subject_code"}, token, code=COMPANY_CREDIT).json()
    assert sorted(record["data"]["record_number"] for record in told["records"]) == ["01:渝/许2", "01:渝/许3"]


def test_a_key_may_hold_a_slash(hub, token):
    assert hub.record("01:渝/许3", token, code=COMPANY_CREDIT).json()["data"]["subject_name"] == "测试1"


@pytest.mark.parametrize("media_type", [JSON_LINES, CSV, ARROW, PARQUET])
def test_records_are_answered_in_the_form_that_is_accepted(hub, token, media_type):
    accept = {"Accept": f"{media_type}, */*;q=0.1"}
    record = hub.record(GOOD, token, params={"items": "name,date_of_birth"}, **accept)
    query = hub.query({"keys": [GOOD, ABSENT], "items": ["name", "date_of_birth"]}, token, **accept)
    masked = hub.query({"keys": [GOOD]}, hub.token("masked"), **accept)
    for answer in (record, query, masked):
        assert answer.headers["content-type"].split(";")[0] == media_type
        assert answer.headers["vary"] == "Accept"
        assert hub.entry(answer)["records"] == 1
    (one,), (found, absent), (hidden,) = (
        rows_of(media_type, answer.content) for answer in (record, query, masked)
    )
    assert one == found
    assert (one["_key"], one["name"], str(one["date_of_birth"])) == (GOOD, "测试5", "1990-01-06")
    assert (absent["_key"], absent.get("name")) == (ABSENT, None if media_type != CSV else "")
    assert (hidden["name"], hidden["date_of_birth"]) == ("测**", "***")


def rows_of(media_type, content):
    """The rows of an answer, whatever its form, as mappings of columns."""
    if media_type == JSON_LINES:
        lines = map(orjson.loads, content.splitlines())
        return [
            {"_key": line["key"], "_version": line.get("version"), **line.get("data", {})} for line in lines
        ]
    if media_type == CSV:
        return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    if media_type == ARROW:
        return pa.ipc.open_stream(content).read_all().to_pylist()
    return pq.read_table(io.BytesIO(content)).to_pylist()


def test_a_form_that_nobody_offers_is_refused_before_anything_is_read(hub, token):
    for answer in (
        hub.record(GOOD, token, Accept="text/html"),
        hub.query({"keys": [GOOD]}, token, Accept="text/html"),
    ):
        entry = refused(hub, answer, 406, "not_acceptable")
        assert (entry["agreement"], entry["records"]) == (None, 0)


def test_items_are_masked_where_so_agreed(hub):
    told = hub.record(GOOD, hub.token("masked")).json()["data"]
    assert (told["name"], told["mobile_phone"], told["date_of_birth"]) == ("测**", "138****0005", "***")
    assert told["sex"] == "1"


def test_an_absent_record_is_a_call_on_the_ledger(hub, token):
    entry = refused(hub, hub.record(ABSENT, token), 404, "record_not_found")
    assert (entry["agreement"], entry["records"], len(entry["subjects"])) == ("a-1", 0, 16)


UNSTATED = dict.fromkeys(("Hub-Purpose", "Hub-Legal-Basis", "Hub-Case-Code"))


def detail(**changed):
    """An authorization detail that says why calls are made (RFC 9396)."""
    told = {"type": "hub_statement", "purpose": PURPOSE, "legal_basis": LAW, "case_code": CASE} | changed
    return orjson.dumps([told]).decode()


def token_stating(hub, **changed):
    answer = hub.ask_token(hub.assertion(), authorization_details=detail(**changed))
    assert answer.status_code == 200, answer.text
    assert answer.json()["authorization_details"] == orjson.loads(detail(**changed))
    return answer.json()["access_token"]


REFUSALS = [
    # what is asked                                                         status, code
    (lambda h, t: h.record(GOOD, t, **{"Hub-Purpose": None}), 400, "missing_purpose"),
    (lambda h, t: h.record(GOOD, t, **{"Hub-Legal-Basis": ""}), 400, "missing_purpose"),
    (lambda h, t: h.record(GOOD, t, **{"Hub-Case-Code": None}), 400, "missing_purpose"),
    (lambda h, t: h.record(GOOD, t, **{"Hub-Purpose": "%FF"}), 400, "malformed_request"),
    (lambda h, t: h.record(GOOD, t, **{"Hub-Purpose": "a%00b"}), 400, "malformed_request"),
    (lambda h, t: h.record(GOOD, t, **{"Hub-Purpose": "curiosity"}), 403, "purpose_not_agreed"),
    (lambda h, t: h.record(GOOD, t, **{"Hub-Legal-Basis": "none"}), 403, "purpose_not_agreed"),
    (lambda h, t: h.record(GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1"), t), 400, "malformed_key"),
    (lambda h, t: h.record("123", t), 400, "malformed_key"),
    (lambda h, t: h.record(GOOD, t, params={"items": "name,shoe_size"}), 400, "unknown_item"),
    (lambda h, t: h.record(GOOD, t, params={"items": "name,education"}), 403, "item_not_agreed"),
    (lambda h, t: h.record(GOOD, t, params={"fields": "name"}), 400, "malformed_request"),
    (lambda h, t: h.record(GOOD, t, params={"provenance": "perhaps"}), 400, "malformed_request"),
    (lambda h, t: h.record(GOOD, t, code="nothing"), 404, "unknown_resource"),
    (lambda h, t: h.record("50", t, code="place"), 403, "access_denied"),
    (lambda h, t: h.query({"keys": [GOOD] * 1001}, t), 413, "too_many_keys"),
    (lambda h, t: h.query({"keys": [f"0{n}" for n in range(3)]}, t, code=COMPANY_CREDIT), 413, "too_many_keys"),
    (lambda h, t: h.query({"keys": []}, t), 400, "malformed_request"),
    (lambda h, t: h.query({"keys": GOOD}, t), 400, "malformed_request"),
    (lambda h, t: h.query({"keys": [GOOD, "x"]}, t), 400, "malformed_key"),
    (lambda h, t: h.query({"keys": [GOOD], "by": "name"}, t), 400, "malformed_request"),
    (lambda h, t: h.query({"keys": [GOOD], "where": "1=1"}, t), 400, "malformed_request"),
    (lambda h, t: h.query([GOOD], t), 400, "malformed_request"),
    (lambda h, t: h.record(GOOD, "", Authorization=None), 401, "invalid_token"),
    (lambda h, t: h.record(GOOD, "no.jwt"), 401, "invalid_token"),
    (lambda h, t: h.record(GOOD, t[:-9] + "AAAAAAAAA"), 401, "invalid_token"),
    (lambda h, t: h.record(GOOD, Tokens(FileKeyring(h.settings.home / "other.json"), h.settings.hub_id, 60).issue("permits")), 401, "invalid_token"),
    (lambda h, t: h.record(GOOD, Tokens(h.keyring, "urn:hub:beijing", 60).issue("permits")), 401, "wrong_audience"),
    (lambda h, t: h.record(GOOD, Tokens(h.keyring, h.settings.hub_id, -1).issue("permits")), 401, "expired_token"),
    (lambda h, t: h.record(GOOD, Tokens(h.keyring, h.settings.hub_id, 60).issue("nobody")), 401, "invalid_token"),
    (lambda h, t: h.record(GOOD, h.token("stranger")), 403, "access_denied"),
    (lambda h, t: h.http.get("/v1/resources"), 401, "invalid_token"),
    (lambda h, t: h.ask_token(h.assertion("nobody")), 401, "authentication_failed"),
    (lambda h, t: h.ask_token(h.assertion(iss="stranger")), 401, "authentication_failed"),
    (lambda h, t: h.ask_token(h.assertion(key=OKPKey.generate_key("Ed25519"))), 401, "authentication_failed"),
    (lambda h, t: h.ask_token(h.assertion(aud="https://other.example/oauth/token")), 401, "wrong_audience"),
    (lambda h, t: h.ask_token(h.assertion(exp=int(time.time()) - 60)), 401, "expired_token"),
    (lambda h, t: h.ask_token(h.assertion(exp=int(time.time()) + 3600)), 401, "invalid_token"),
    (lambda h, t: h.ask_token(h.assertion(exp=None)), 401, "invalid_token"),
    (lambda h, t: h.ask_token(h.assertion(nbf=int(time.time()) + 600)), 401, "invalid_token"),
    (lambda h, t: h.ask_token(h.assertion(jti=None)), 401, "invalid_token"),
    (lambda h, t: h.ask_token("nonsense"), 401, "invalid_token"),
    (lambda h, t: h.ask_token(h.assertion(), grant_type="password"), 400, "malformed_request"),
    (lambda h, t: h.ask_token(h.assertion(), client_id="stranger"), 400, "malformed_request"),
    (lambda h, t: h.ask_token(""), 400, "malformed_request"),
    (lambda h, t: h.ask_token(h.assertion(), authorization_details="[{"), 400, "malformed_request"),
    (lambda h, t: h.ask_token(h.assertion(), authorization_details="{}"), 400, "malformed_request"),
    (lambda h, t: h.ask_token(h.assertion(), authorization_details=detail(type="payment")), 400, "malformed_request"),
    (lambda h, t: h.ask_token(h.assertion(), authorization_details=detail(scope="all")), 400, "malformed_request"),
    (lambda h, t: h.ask_token(h.assertion(), authorization_details=detail(purpose=1)), 400, "malformed_request"),
    (lambda h, t: h.ask_token(h.assertion(), authorization_details=detail(case_code="")), 400, "missing_purpose"),
    (lambda h, t: h.record(GOOD, token_stating(h), **{"Hub-Case-Code": "CASE-0002"}), 400, "malformed_request"),
    (lambda h, t: h.record(GOOD, token_stating(h, purpose="其他"), **UNSTATED), 403, "purpose_not_agreed"),
]  # fmt: skip


def test_refused_calls_are_told_why_and_are_on_the_ledger(hub, token):
    before = hub.entries()
    for ask, status, code in REFUSALS:
        refused(hub, ask(hub, token), status, code)
    assert hub.entries() - before == len(REFUSALS)  # tokens that were given are no calls


def test_a_refusal_keeps_what_was_known(hub, token):
    entry = refused(hub, hub.record(GOOD, token, params={"items": "education"}), 403, "item_not_agreed")
    told = [entry[name] for name in ("actor", "resource", "keys", "items", "purpose", "case_code", "records")]
    assert told == ["permits", PERSON, 1, ["education"], PURPOSE, CASE, 0]


def test_a_refusal_quotes_no_key(hub, token):
    wrong = GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1")
    for answer in (hub.record(wrong, token), hub.record(ABSENT, token), hub.query({"keys": [wrong]}, token)):
        assert not re.search(r"\d{15}", re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", answer.text))


def test_a_token_may_state_why_its_calls_are_made(hub):
    """As RFC 9396 has it: for callers that can send a token and nothing else."""
    stating = token_stating(hub)
    for headers in (UNSTATED, {}):  # not said again, or said alike
        answer = hub.record(GOOD, stating, **headers)
        assert answer.status_code == 200
        entry = hub.entry(answer)
        assert (entry["purpose"], entry["legal_basis"], entry["case_code"]) == (PURPOSE, LAW, CASE)
    metadata = hub.http.get("/.well-known/oauth-authorization-server").json()
    assert metadata["authorization_details_types_supported"] == ["hub_statement"]
    refused(hub, hub.record(GOOD, hub.token(), **UNSTATED), 400, "missing_purpose")


def test_an_assertion_serves_once_in_all_workers(hub):
    assertion = hub.assertion()
    assert hub.ask_token(assertion).status_code == 200
    for _ in range(6):  # each on a connection of its own, whichever worker takes it
        again = Served(hub.url, hub.settings, hub.database, hub.keyring)
        refused(hub, again.ask_token(assertion), 401, "replayed_assertion")


def test_why_a_query_would_be_refused_is_told_and_on_the_ledger(hub, token):
    body = {"keys": [GOOD, ABSENT], "items": ["name", "education"]}
    answer = hub.http.post(f"/v1/resources/{PERSON}/explain", headers=hub.headers(token), json=body)
    told = answer.json()
    terms = {one["term"]: one["allows"] for one in told["agreements"][0]["terms"]}
    assert (told["allowed"], told["refusal"]["term"], terms["items"], terms["purpose"]) == (
        False,
        "items",
        False,
        True,
    )
    assert (hub.entry(answer)["action"], hub.entry(answer)["records"]) == ("explain", 0)
    refusal = hub.query(body, token).json()
    assert (refusal["code"], refusal["agreement"], refusal["term"]) == ("item_not_agreed", "a-1", "items")
    body["items"] = ["name"]
    allowed = hub.http.post(f"/v1/resources/{PERSON}/explain", headers=hub.headers(token), json=body).json()
    assert (allowed["allowed"], allowed["agreement"], allowed["refusal"]) == (True, "a-1", None)


def test_a_suspended_system_is_shut_out_at_once_and_by_every_worker(hub):
    token = hub.token("suspended")
    assert hub.record(GOOD, token).status_code == 200
    with administering(hub) as catalogue:
        catalogue.set_system_status("suspended", SystemStatus.SUSPENDED, actor="test")
    hub.everywhere(lambda again: again.record(GOOD, token).status_code == 403)
    for answer, status, code in (
        (hub.record(GOOD, token), 403, "access_denied"),
        (hub.ask_token(hub.assertion("suspended")), 401, "authentication_failed"),
    ):
        refused(hub, answer, status, code)
        assert hub.entry(answer)["actor"] == "suspended"  # so that it is seen who calls though suspended


def test_keys_are_rolled_over_without_interruption(hub):
    old, new = OKPKey.generate_key("Ed25519"), ECKey.generate_key("P-256")
    with administering(hub) as catalogue:
        catalogue.add_system(
            System("rolling", "11500000009275123M", "系统", (old.as_dict(private=False),)), actor="test"
        )
    by_old = partial(signed, key=old, alg="EdDSA")
    by_new = partial(signed, key=new, alg="ES256")
    hub.everywhere(lambda again: by_old(again) == 200)
    assert by_new(hub) == 401
    with administering(hub) as catalogue:
        catalogue.add_system_key("rolling", new.as_dict(private=False), actor="test")
    hub.everywhere(lambda again: by_new(again) == 200)
    assert by_old(hub) == 200
    with administering(hub) as catalogue:
        first = catalogue.system("rolling").known_keys[0]
        catalogue.retire_system_key("rolling", first.kid, datetime.now(UTC), actor="test")
    hub.everywhere(lambda again: by_old(again) == 401)
    assert by_new(hub) == 200


def signed(hub, key, alg):
    return hub.ask_token(hub.assertion("rolling", key, alg)).status_code


@contextmanager
def administering(hub):
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        yield Catalogue(connection, record_administration)


def test_the_catalogue_is_described(hub, token):
    headers = hub.headers(token)
    listed = hub.http.get("/v1/resources", headers=headers).json()["resources"]
    person = next(resource for resource in listed if resource["code"] == PERSON)
    assert set(person["agreed_items"]) == set(ITEMS)
    described = hub.http.get(f"/v1/resources/{PERSON}", headers=headers)
    assert "citizen_number" in described.json()["schema"]["properties"]
    assert hub.entry(described)["action"] == "resource"


def test_what_is_not_served_is_a_problem_too(hub):
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("DELETE", "/v1/resources", 405),
        ("GET", "/oauth/token", 405),
    ):
        answer = hub.http.request(method, path)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert answer.headers["content-type"] == "application/problem+json"


def test_the_metadata_leads_to_the_token_and_its_key(hub, token):
    metadata = hub.http.get("/.well-known/oauth-authorization-server").json()
    assert metadata["token_endpoint"] == f"{hub.url}/oauth/token"
    (key,) = hub.http.get("/.well-known/jwks.json").json()["keys"]
    assert "d" not in key
    assert OKPKey.import_key(key).is_private is False


def test_without_ledger_there_is_no_data(hub, token):
    with hub.database.engine(Role.OWNER).begin() as connection:
        connection.execute(text("REVOKE INSERT ON ledger.entry FROM hub_application"))
    try:
        for answer in (
            hub.record(GOOD, token), hub.query({"keys": [GOOD]}, token), hub.record(ABSENT, token), hub.record(GOOD, "x"),
            hub.ask_token("nonsense"),
        ):  # fmt: skip
            assert (answer.status_code, answer.json()["code"]) == (503, "ledger_unavailable")
            assert "测试" not in answer.text
    finally:
        with hub.database.engine(Role.OWNER).begin() as connection:
            connection.execute(text("GRANT INSERT ON ledger.entry TO hub_application"))
    assert hub.record(GOOD, token).status_code == 200


def test_the_whole_ledger_proves_itself_and_holds_no_key(hub, token, settled):
    before = hub.entries()
    for answer in (hub.record(GOOD, token), hub.record(ABSENT, token), hub.record(GOOD[:-1], token)):
        assert hub.entry(answer)
    signer = ledger_signer(hub.keyring, hub.settings.hub_id)
    settled()
    seal(hub.database.engine(Role.APPLICATION), signer)
    with hub.database.engine(Role.AUDITOR).connect() as connection:
        proof = verify(connection, signer.verifier)
        assert proof.sealed == proof.entries >= before + 3
        everything = connection.execute(
            text("SELECT string_agg(e::text, ' ') FROM ledger.entry AS e")
        ).scalar_one()
    assert GOOD not in everything
    assert ABSENT not in everything
    assert "测试" not in everything
