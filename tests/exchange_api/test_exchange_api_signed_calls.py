"""Signed calls over HTTP, on two workers."""

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import orjson
import pytest
from exchange_api_hub import COMPANY_CREDIT, ITEMS, KEY, PERSON, agreement, citizen
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import text

from audit.answer_keys import keys_in
from audit.answers import Answer, Leaf, Proof, check_answer, request_digest
from audit.recording import record_administration
from catalog.authentication import Authentication
from catalog.repository import Catalogue
from catalog.system import System, SystemStatus
from exchange_api.proofs import Proofs
from exchange_api.signature_making import content_digest, signed
from exchange_api.signatures import Signatures
from infra.database import Role

RECORD = f"/v1/resources/{PERSON}/records/{citizen(1)}?items=name"
QUERY = f"/v1/resources/{PERSON}/query"
MORE = {"ecdsa-p256-sha256": ECKey.generate_key("P-256"), "rsa-pss-sha512": RSAKey.generate_key(2048)}


@pytest.fixture(scope="module")
def hub(served_hub):
    """The hub with a system whose agreement is for signed calls alone."""
    keys = tuple(key.as_dict(private=False) for key in (KEY, *MORE.values()))
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        catalogue.add_system(System("signing", "11500000009275123M", "signing", keys), actor="test")
        signed = agreement("a-signed", "signing", PERSON, ITEMS, authentication=Authentication.SIGNED)
        catalogue.add_agreement(signed, actor="test")
    served_hub.knows("signing")
    return served_hub


def get(hub, path=RECORD, headers=None, **of_signature):
    return hub.http.get(path, headers=headers or hub.signed("GET", path, **of_signature))


def post(hub, path, body, headers=None, sent=None, **of_signature):
    headers = headers or hub.signed("POST", path, body, **of_signature)
    return hub.http.post(path, headers=headers, content=body if sent is None else sent)


def test_a_signed_call_is_answered_and_on_record(hub):
    answer = get(hub)
    assert answer.json()["data"] == {"name": "测试1"}
    entry = hub.entry(answer)
    assert (entry["actor"], entry["agreement"], entry["case_code"]) == ("permits", "a-1", "CASE-0001")


def test_where_a_signature_is_asked_for_a_token_is_not_enough(hub):
    assert get(hub, system="signing").status_code == 200
    refused = hub.record(citizen(1), hub.token("signing"))
    assert (refused.status_code, refused.json()["code"]) == (403, "signature_required")
    assert (refused.json()["agreement"], refused.json()["term"]) == ("a-signed", "authentication")


def test_a_call_is_explained_as_it_is_made(hub):
    path, body = f"/v1/resources/{PERSON}/explain", orjson.dumps({"keys": [citizen(1)]})
    assert post(hub, path, body, system="signing").json()["allowed"] is True
    told = hub.http.post(path, headers=hub.headers(hub.token("signing")), content=body).json()
    assert (told["allowed"], told["refusal"]["code"]) == (False, "signature_required")
    (term,) = [term for term in told["agreements"][0]["terms"] if term["term"] == "authentication"]
    assert term["agreed"] == "signed"


@pytest.mark.parametrize("algorithm", [*MORE, "rsa-v1_5-sha256"])
def test_keys_of_each_kind_sign(hub, algorithm):
    key = MORE.get(algorithm, MORE["rsa-pss-sha512"])
    assert get(hub, system="signing", key=key, algorithm=algorithm).status_code == 200


def test_of_a_call_sent_many_times_at_once_one_passes(hub):
    headers = hub.signed("GET", RECORD)

    def sent(_turn):
        with hub.fresh() as http:  # so that it may come to either worker
            return http.get(RECORD, headers=headers)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(sent, range(16)))
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(refused) == 15
    assert {answer.json()["code"] for answer in refused} == {"replayed_signature"}
    assert {hub.entry(answer)["actor"] for answer in refused} == {"permits"}


def test_a_body_is_the_one_that_was_signed(hub):
    body = orjson.dumps({"keys": [citizen(1)], "items": ["name"]})
    assert post(hub, QUERY, body).json()["records"][0]["data"] == {"name": "测试1"}
    other = body.replace(citizen(1).encode(), citizen(2).encode())
    for sent in (other, body[:-1], body + b" ", b""):
        answer = post(hub, QUERY, body, sent=sent)
        assert answer.json()["code"] == "body_damaged", sent


def test_a_body_without_a_signed_digest_is_refused(hub):
    body = orjson.dumps({"keys": [citizen(1)]})
    bare = hub.signed("POST", QUERY)
    assert post(hub, QUERY, body, headers=bare).json()["code"] == "invalid_signature"
    added = bare | {"content-digest": content_digest(body)}
    assert post(hub, QUERY, body, headers=added).json()["code"] == "invalid_signature"
    strange = hub.signed("POST", QUERY, **{"Content-Digest": "md5=:AAAA:"})
    assert post(hub, QUERY, body, headers=strange).json()["code"] == "invalid_signature"


def test_a_suspended_system_is_known_and_refused(hub):
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        Catalogue(connection, record_administration).set_system_status(
            "suspended", SystemStatus.SUSPENDED, actor="test"
        )
    hub.everywhere(lambda again: again.ask_token(again.assertion("suspended")).status_code == 401)
    refused = get(hub, system="suspended")
    assert (refused.status_code, refused.json()["code"]) == (403, "access_denied")
    assert hub.entry(refused)["actor"] == "suspended"


def test_a_forged_call_is_refused_under_nobodys_name(hub):
    headers = hub.signed("GET", RECORD)
    refused = get(hub, headers=headers | {"hub-case-code": "CASE-0002"})
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_signature")
    assert hub.entry(refused)["actor"] is None
    stranger = get(
        hub, key=MORE["ecdsa-p256-sha256"], algorithm="ecdsa-p256-sha256"
    )  # a key of another system
    assert stranger.json()["code"] == "invalid_signature"


def test_a_token_beside_the_signature_is_of_the_same_system(hub):
    mine, theirs = (f"Bearer {hub.token(system)}" for system in ("permits", "masked"))
    assert get(hub, headers=_beside(hub, mine)).status_code == 200
    assert get(hub, headers=_beside(hub, theirs)).json()["code"] == "invalid_token"
    added = hub.signed("GET", RECORD) | {"authorization": mine}
    assert get(hub, headers=added).json()["code"] == "invalid_signature"


def _beside(hub, token):
    told = hub.headers("") | {"Authorization": token}
    return signed("GET", f"{hub.url}{RECORD}", told, None, f"permits/{KEY.thumbprint()}", "ed25519", KEY)


def test_a_purpose_stated_twice_is_refused(hub):
    headers = [*hub.signed("GET", RECORD).items(), ("hub-purpose", "other")]
    assert hub.http.get(RECORD, headers=headers).json()["code"] == "invalid_signature"


def test_keys_and_queries_are_signed_as_they_are_sent(hub):
    path = f"/v1/resources/{COMPANY_CREDIT}/records/01%3A%E6%B8%9D%2F%E8%AE%B81?items=kind%2Crecord_number&provenance=false"
    assert get(hub, path).json()["data"]["kind"] == "01"
    assert get(hub, headers=hub.signed("GET", path.replace("%2C", ","))).json()["code"] == "invalid_signature"


def test_people_sign_no_calls(hub):
    refused = get(hub, "/v1/people")
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")


def test_the_signatures_of_others_do_not_disturb(hub):
    headers = hub.signed("GET", RECORD)
    headers["signature-input"] = f'proxy=("@authority");created=1;tag="proxy", {headers["signature-input"]}'
    headers["signature"] = f"proxy=:AAAA:, {headers['signature']}"
    assert get(hub, headers=headers).status_code == 200
    assert get(hub, headers={**headers, "signature-input": "x" * 9000}).json()["code"] == "invalid_signature"


def test_used_nonces_are_digests(hub):
    get(hub)
    with hub.database.engine(Role.OWNER).connect() as connection:
        row = connection.execute(text("SELECT * FROM catalog.used_nonce LIMIT 1")).mappings().one()
    assert set(row) == {"digest", "expires_at"}


# ── answers that are proven ────────────────────────────────────────────────────────────────────────


def proven(hub, answer):
    """The proof of an answer, which has to be whole, to its own request, and bound by its ledger entry."""
    keys = keys_in(hub.http.get("/.well-known/answer-keys.json").json())
    received = Answer(answer.status_code, dict(answer.headers), answer.content)
    request = request_digest(answer.request.method, str(answer.request.url), dict(answer.request.headers))
    proof = check_answer(received, keys, request)
    leaf = Leaf(
        answer.headers["hub-entry"], answer.headers["hub-request-id"], proof.request_digest, answer.status_code,
        answer.headers.get("content-type", ""), sha256(answer.content).digest(), proof.salt,
    )  # fmt: skip
    assert hub.entry(answer)["facts"]["answer"] == base64.b64encode(leaf.hash).decode()
    assert proof.hub == hub.settings.hub_id
    return proof


def test_answers_to_signed_calls_are_proven(hub):
    proven(hub, get(hub))
    proven(hub, post(hub, QUERY, orjson.dumps({"keys": [citizen(1)]})))
    missing = get(hub, RECORD.replace(citizen(1), citizen(299 + 28)))
    assert missing.status_code == 404
    proven(hub, missing)
    refused = get(hub, RECORD.replace("items=name", "items=marital_status"))
    assert refused.status_code == 403
    proven(hub, refused)


def test_a_call_with_a_token_asks_for_its_proof(hub):
    token = hub.token()
    assert "hub-proof" not in hub.record(citizen(1), token).headers
    assert "answer" not in (hub.entry(hub.record(citizen(1), token))["facts"] or {})
    proven(hub, hub.record(citizen(1), token, params={"items": "name"}, **{"Hub-Prove": "?1"}))
    proven(hub, hub.query({"keys": [citizen(1)]}, token, **{"Hub-Prove": "?1"}))
    body = orjson.dumps({"keys": [citizen(1)]})
    bound = {"Hub-Prove": "?1", "Content-Digest": content_digest(body)}
    proven(hub, hub.http.post(QUERY, headers=hub.headers(token, **bound), content=body))
    damaged = hub.http.post(QUERY, headers=hub.headers(token, **bound), content=body + b" ")
    assert damaged.json()["code"] == "body_damaged"


def test_refusals_of_strangers_are_proven_where_they_ask(hub):
    refused = hub.http.get(RECORD, headers={"Hub-Prove": "?1", "Authorization": "Bearer x"})
    assert refused.status_code == 401
    proven(hub, refused)


def test_an_unchanged_answer_is_proven_without_a_body(hub):
    path = "/v1/codes/sex"
    first = hub.http.get(path, headers=hub.headers(hub.token()))
    assert first.status_code == 200
    signed_headers = hub.signed("GET", path, **{"If-None-Match": first.headers["etag"]})
    unchanged = hub.http.get(path, headers=signed_headers)
    assert unchanged.status_code == 304
    proven(hub, unchanged)


def test_answers_of_one_turn_share_a_signature(keyring):
    """As those do whose entries share a commit."""

    async def ask():
        proofs = Proofs(keyring, "urn:hub:test", Signatures("http://hub", dict, 60))
        leaves = [Leaf(str(n), "r", bytes(32), 200, "", sha256(b"").digest(), bytes(16)) for n in range(5)]
        return await asyncio.gather(*(proofs.headers(leaf) for leaf in leaves))

    told = [Proof.of_header(headers["Hub-Proof"]) for headers in asyncio.run(ask())]
    assert len({proof.signature for proof in told}) == 1
    assert [(proof.leaf, proof.of) for proof in told] == [(n, 5) for n in range(5)]
