"""Verifying and deriving over the real server with two workers: verdicts alone, under the agreement's terms, with guessing limited and all on record."""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from exchange_api_hub import COMPANY_CREDIT, KEY, PERSON, agreement, citizen, golden, persons
from sqlalchemy import text

from audit.recording import record_administration
from catalog.answer_form import answer_from
from catalog.claims import ClaimLimit
from catalog.conditions import rows_from
from catalog.person import Role as Person
from catalog.repository import Catalogue
from catalog.system import System
from infra.database import Role
from schemas.errors import UnknownQuestion

pytestmark = pytest.mark.server
ORGANISATION = "11500000009275123M"
INSIDE, OUTSIDE = citizen(300), citizen(301)
ABSENT = citizen(500)
DISTRICT = rows_from([{"item": "registered_division", "within": "500103"}])
VERIFY = {"answer": answer_from({"form": "verify"})}
ITEMS = ("name", "sex", "date_of_birth", "mobile_phone")
AGREED = {
    "verifier": VERIFY | {"rows": DISTRICT},
    "reader": {"masked": frozenset({"mobile_phone"})},
    "yes-no": {"answer": answer_from({"form": "yes_no"})},
    "guesser": VERIFY,
    "burst": VERIFY,
    "strict": VERIFY | {"claims": ClaimLimit(failing_per_item=1, failing_at_once=4, failing_share=0.0)},
    "deriver": {
        "answer": answer_from({"form": "question", "questions": ["adult@1"]}),
        "rows": DISTRICT,
        "items": (),
    },
    "follower": {
        "answer": answer_from({"form": "question", "questions": ["insured_12_months@1"]}),
        "items": (),
    },
    "metered": VERIFY | {"quota_per_day": 3},  # the last: who has heard of it has heard of all
}


@pytest.fixture(scope="module")
def hub(served_hub):
    rows = [*persons(302)[300:]]
    rows[0] |= {"registered_division": "500103001002", "name": "阿依古丽·买买提", "date_of_birth": None}
    rows[1] |= {"registered_division": "500104001002"}
    rows += persons(306)[302:]
    for row, born in zip(rows[2:5], (date(1990, 1, 1), datetime.now(UTC).date(), None), strict=True):
        row |= {"registered_division": "500103001002", "date_of_birth": born}
    rows[5] |= {"insurance_status": "1"}
    golden(served_hub.database, served_hub.keyring, PERSON, rows)
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        for system, terms in AGREED.items():
            public = KEY.as_dict(private=False)
            catalogue.add_system(System(system, ORGANISATION, system, (public,)), actor="test")
            catalogue.add_agreement(
                agreement(f"v-{system}", system, PERSON, **{"items": ITEMS} | terms), actor="test"
            )
        punished = {"answer": answer_from({"form": "question", "questions": ["no_valid_penalty@1"]})}
        catalogue.add_agreement(
            agreement("v-punished", "deriver", COMPANY_CREDIT, (), **punished), actor="test"
        )
        credit = ("kind", "subject_name", "subject_code")
        catalogue.add_agreement(
            agreement("v-credit", "guesser", COMPANY_CREDIT, credit, **VERIFY), actor="test"
        )
    served_hub.knows("metered")
    return served_hub


def verify(hub, token, *subjects, code=PERSON, **more):
    body = {"subjects": [{"key": key, "claims": claims} for key, claims in subjects], **more}
    return hub.http.post(f"/v1/resources/{code}/verify", headers=hub.headers(token), json=body)


def verdicts(answer):
    return [one["claims"] for one in answer.json()["subjects"]]


def test_each_claim_is_answered_and_nothing_is_disclosed(hub):
    claims = {
        "name": "阿依古丽 买买提",
        "sex": "女",
        "date_of_birth": "1990-01-01",
        "mobile_phone": "138-00000300",
    }
    answer = verify(hub, hub.token("verifier"), (INSIDE.lower(), claims), (ABSENT, {"sex": "1"}))
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "resource": PERSON,
        "subjects": [
            {"key": INSIDE, "claims": {"name": "matched", "sex": "not_matched", "date_of_birth": "unknown", "mobile_phone": "matched"}},
            {"key": ABSENT, "claims": {"sex": "unknown"}},
        ],
    }  # fmt: skip
    entry = hub.entry(answer)
    assert (entry["action"], entry["outcome"], entry["keys"], entry["records"]) == (
        "verify",
        "answered",
        2,
        0,
    )
    assert (entry["agreement"], entry["items"]) == ("v-verifier", [*claims])
    assert entry["facts"]["claims"]["sex"] == {"not_matched": 1, "unknown": 1}
    assert "买买提" not in str(dict(entry))


def test_a_record_outside_the_agreed_rows_is_as_one_that_is_not_there(hub):
    token, claims = hub.token("verifier"), {"name": "测试301", "sex": "1"}
    answers = [verify(hub, token, (key, claims)) for key in (OUTSIDE, ABSENT)]
    assert [verdicts(answer) for answer in answers] == [[dict.fromkeys(claims, "unknown")]] * 2
    told = [{name for name in answer.headers if name != "date"} for answer in answers]
    assert told[0] == told[1]
    assert hub.entry(answers[0])["facts"]["outside"] == 1
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        query = text("SELECT count(*) FROM catalog.claim_failure WHERE system = 'verifier' AND item = 'name'")
        assert connection.execute(query).scalar_one() == 0  # nothing tells that there is such a record


def test_an_agreement_to_verify_reads_nothing_and_one_to_read_verifies_no_masked_item(hub):
    verifier, reader = hub.token("verifier"), hub.token("reader")
    refused = [
        hub.record(INSIDE, verifier),
        hub.record(INSIDE, verifier, params={"items": "name"}),
        hub.query({"keys": [INSIDE]}, verifier),
        hub.http.get(f"/v1/lineage/resources/{PERSON}/records/{INSIDE}", headers=hub.headers(verifier)),
        verify(hub, hub.token("yes-no"), (INSIDE, {"name": "x"})),
    ]
    assert [(one.status_code, one.json()["code"], one.json()["term"]) for one in refused] == [
        (403, "form_not_agreed", "answer")
    ] * 5
    assert verdicts(verify(hub, reader, (citizen(1), {"name": "测试1"}))) == [{"name": "matched"}]
    for claims in ({"mobile_phone": "1"}, {"name": "测试1", "marital_status": "10"}):
        answer = verify(hub, reader, (citizen(1), claims))
        assert (answer.status_code, answer.json()["term"]) == (403, "items")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "malformed_request"),
        ({"subjects": []}, 400, "malformed_request"),
        ({"subjects": [], "keys": []}, 400, "malformed_request"),
        ({"subjects": ["x"]}, 400, "malformed_request"),
        ({"subjects": [{"key": 1, "claims": {"name": "x"}}]}, 400, "malformed_request"),
        ({"subjects": [{"key": INSIDE, "claims": {}}]}, 400, "malformed_request"),
        ({"subjects": [{"key": INSIDE, "claims": ["name"]}]}, 400, "malformed_request"),
        ({"subjects": [{"key": INSIDE, "claims": {"name": "x"}}] * 2}, 400, "malformed_request"),
        ({"subjects": [{"key": "secret", "claims": {"name": "x"}}]}, 400, "malformed_key"),
        ({"subjects": [{"key": INSIDE, "claims": {"names": "x"}}]}, 400, "unknown_item"),
        ({"subjects": [{"key": INSIDE, "claims": {"name": None}}]}, 400, "malformed_claim"),
        ({"subjects": [{"key": INSIDE, "claims": {"date_of_birth": "secret"}}]}, 400, "malformed_claim"),
        ({"subjects": [{"key": INSIDE, "claims": {"name": "x"}}], "by": "name"}, 400, "malformed_request"),
        ({"subjects": [{"key": INSIDE, "claims": {"name": "x"}}] * 1001}, 413, "too_many_keys"),
    ],
)
def test_what_is_no_call_to_verify_is_refused_by_its_place(hub, body, status, code):
    answer = hub.http.post(
        f"/v1/resources/{PERSON}/verify", headers=hub.headers(hub.token("verifier")), json=body
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "secret" not in answer.text
    assert INSIDE not in answer.text
    assert hub.entry(answer)["problem"] == code


def test_many_subjects_and_a_lookup(hub):
    token = hub.token("guesser")
    answer = verify(hub, token, *((citizen(n), {"name": f"测试{n}", "sex": "男"}) for n in range(300)))
    assert Counter(one["name"] for one in verdicts(answer)) == {"matched": 300}
    assert hub.entry(answer)["keys"] == 300
    by = verify(hub, token, (citizen(0), {"kind": "行政许可", "subject_name": "测试0"}), (citizen(9), {"kind": "01"}),
                code=COMPANY_CREDIT, by="subject_code")  # fmt: skip
    assert verdicts(by) == [{"kind": "matched", "subject_name": "matched"}, {"kind": "unknown"}]


def test_a_call_to_verify_spends_its_quota(hub):
    token = hub.token("metered")
    answers = [verify(hub, token, (citizen(n), {"sex": "1"}), (citizen(n + 1), {"sex": "1"})) for n in (0, 2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[0].headers["ratelimit"].startswith('"day";r=1')
    assert answers[1].json()["code"] == "quota_spent"
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        query = text("SELECT sum(claims) FROM catalog.claim_use WHERE system = 'metered'")
        assert connection.execute(query).scalar_one() == 2  # what is refused is not counted


# ── guessing ─────────────────────────────────────────────────────────────────────────────────────────


def test_guesses_at_once_from_everywhere_are_answered_as_often_as_agreed(hub):
    """Nine in ten guess wrong; no more than five of these are answered, whichever of two processes they come to."""
    token, key = hub.token("burst"), citizen(7)

    async def story():
        limits = httpx.Limits(max_connections=40)
        async with httpx.AsyncClient(base_url=hub.url, timeout=60, trust_env=False, limits=limits) as http:
            bodies = [{"subjects": [{"key": key, "claims": {"name": f"测试{n % 10}"}}]} for n in range(200)]
            path, headers = f"/v1/resources/{PERSON}/verify", hub.headers(token)
            return await asyncio.gather(*(http.post(path, headers=headers, json=body) for body in bodies))

    answers = asyncio.run(story())
    told = Counter(
        one.json()["subjects"][0]["claims"]["name"] if one.status_code == 200 else one.status_code
        for one in answers
    )
    assert told["not_matched"] == 5
    assert told[429] + told["matched"] == 195
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        query = text("SELECT failed FROM catalog.claim_failure WHERE system = 'burst'")
        assert connection.execute(query).scalar_one() == 5
    late = verify(hub, token, (key, {"name": "测试7"}))
    assert (late.status_code, late.json()["code"], late.json()["term"]) == (429, "claims_spent", "claims")
    assert "测试" not in late.text
    assert 1 <= int(late.headers["retry-after"]) <= 24 * 3600
    assert verify(hub, token, (key, {"sex": "1"})).status_code == 200  # another item, and another subject
    assert verify(hub, token, (citizen(8), {"name": "测试8"})).status_code == 200
    entry = hub.entry(late)
    assert (entry["kind"], entry["problem"], entry["items"]) == ("refusal", "claims_spent", ["name"])


def test_who_fails_too_often_is_answered_no_more_that_day(hub):
    token = hub.token("strict")
    assert verify(hub, token, *((citizen(n), {"sex": "2"}) for n in range(3))).status_code == 200
    assert verify(hub, token, (citizen(0), {"sex": "1"})).status_code == 429  # one failed before
    assert verify(hub, token, (ABSENT, {"sex": "1"})).status_code == 200  # that there is nobody fails, too
    refused = verify(hub, token, (citizen(9), {"sex": "1"}))
    assert (refused.status_code, refused.json()["code"]) == (429, "claims_spent")
    assert "4 of the 4 claims" in refused.json()["detail"]


# ── deriving ─────────────────────────────────────────────────────────────────────────────────────────

OLD, YOUNG, UNDATED, INSURED = (citizen(number) for number in (302, 303, 304, 305))


def derive(hub, token, name, *keys, code=PERSON):
    return hub.http.post(
        f"/v1/resources/{code}/questions/{name}", headers=hub.headers(token), json={"keys": list(keys)}
    )


def test_a_question_is_answered_yes_no_or_not_known_and_nothing_else(hub):
    answer = derive(hub, hub.token("deriver"), "adult", OLD, YOUNG, UNDATED, OUTSIDE, ABSENT)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "resource": PERSON, "question": "adult", "version": 1, "legal_basis": "民法典第十七条",
        "answers": [{"key": key, "answer": told} for key, told in ((OLD, True), (YOUNG, False), (UNDATED, None), (OUTSIDE, None), (ABSENT, None))],
    }  # fmt: skip
    entry = hub.entry(answer)
    assert (entry["action"], entry["agreement"], entry["items"], entry["records"], entry["keys"]) == (
        "derive",
        "v-deriver",
        ["date_of_birth"],
        0,
        5,
    )
    assert entry["facts"] == {
        "outside": 1,
        "question": "adult@1",
        "answers": {"no": 1, "unknown": 3, "yes": 1},
    }


def test_an_agreement_on_questions_allows_them_and_no_item(hub):
    token = hub.token("deriver")
    for refused in (
        hub.record(OLD, token),
        hub.query({"keys": [OLD]}, token),
        verify(hub, token, (OLD, {"date_of_birth": "1990-01-01"})),
    ):
        assert (refused.status_code, refused.json()["term"]) == (
            403,
            "items" if "verify" in str(refused.request.url) else "answer",
        )
    other = derive(hub, token, "aged_60", OLD)
    assert (other.status_code, other.json()["code"], other.json()["term"]) == (
        403,
        "question_not_agreed",
        "answer",
    )
    assert (
        derive(hub, hub.token("reader"), "adult", OLD).json()["code"] == "form_not_agreed"
    )  # nor may who reads ask
    assert derive(hub, hub.token("stranger"), "adult", OLD).json()["code"] == "access_denied"


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("nobody_asks", {"keys": [OLD]}, 404, "unknown_question"),
        ("in_operation", {"keys": [OLD]}, 404, "unknown_question"),  # of another resource
        ("adult@7", {"keys": [OLD]}, 404, "unknown_question"),
        ("adult", {"keys": []}, 400, "malformed_request"),
        ("adult", {"keys": OLD}, 400, "malformed_request"),
        ("adult", {"keys": [OLD], "items": ["name"]}, 400, "malformed_request"),
        ("adult", {"keys": ["secret"]}, 400, "malformed_key"),
        ("adult", {"keys": [OLD] * 1001}, 413, "too_many_keys"),
    ],
)
def test_what_is_no_question_asked_is_refused(hub, name, body, status, code):
    answer = hub.http.post(
        f"/v1/resources/{PERSON}/questions/{name}", headers=hub.headers(hub.token("deriver")), json=body
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "secret" not in answer.text


def test_of_several_records_and_of_those_before(hub):
    told = derive(hub, hub.token("deriver"), "no_valid_penalty", citizen(0), citizen(9), code=COMPANY_CREDIT)
    assert [one["answer"] for one in told.json()["answers"]] == [True, True]  # permits, and nothing at all
    token, table = hub.token("follower"), "library.{}_natural_person"
    ask = lambda: derive(hub, token, "insured_12_months", INSURED).json()["answers"][0]["answer"]  # noqa: E731
    assert ask() is None  # the record is younger
    subject = bytes(hub.entry(derive(hub, token, "insured_12_months", INSURED))["subjects"])
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        columns = connection.execute(text(f"SELECT * FROM {table.format('golden')} LIMIT 0")).keys()
        names, moved = (
            ", ".join(f'"{name}"' for name in columns),
            {"subject": subject, "days": timedelta(days=500)},
        )
        olds = names.replace('"_valid_from"', "_valid_from - :days")
        insert = f"INSERT INTO {table.format('history')} ({names}, _valid_to) SELECT {olds}, _valid_from"
        connection.execute(text(f"{insert} FROM {table.format('golden')} WHERE _subject = :subject"), moved)
        connection.execute(
            text(f"UPDATE {table.format('golden')} SET _version = 2 WHERE _subject = :subject"), moved
        )
    assert ask() is True


def test_an_agreement_names_questions_that_are_there(hub):
    """Else whoever registers one later would say what was agreed."""
    for version, code in ((9, PERSON), (1, COMPANY_CREDIT)):
        with pytest.raises(UnknownQuestion):
            allow_made_up(hub, version, code)


def test_questions_are_registered_by_who_administers_the_catalogue(hub):
    made = {
        "name": "made_up", "version": 1, "title": "是否男性", "resource": PERSON, "legal_basis": "测试",
        "asks": {"item": "sex", "in": ["1"]},
    }  # fmt: skip
    authority, system = hub.person(Person.CATALOGUE_AUTHORITY), hub.headers(hub.token("deriver"))
    assert hub.http.post("/v1/questions", headers=system, json=made).status_code == 401
    assert (
        hub.http.post("/v1/questions", headers=hub.person(Person.AUDIT_ADMINISTRATOR), json=made).status_code
        == 403
    )
    for changed in ({"version": 2}, {"asks": {"item": "sex", "in": ["7"]}}, {"asks": {}}):
        assert (
            hub.http.post("/v1/questions", headers=authority, json=made | changed).json()["code"]
            == "malformed_request"
        )
    added = hub.http.post("/v1/questions", headers=authority, json=made)
    assert (added.status_code, added.json()["items"]) == (200, ["sex"])
    for again in (made, made | {"name": "adult"}):
        assert hub.http.post("/v1/questions", headers=authority, json=again).status_code == 409
    second = hub.http.post(
        "/v1/questions", headers=authority, json=made | {"version": 2, "asks": {"item": "sex", "in": ["2"]}}
    )
    assert second.status_code == 200
    assert {"adult", "made_up"} <= {
        one["name"] for one in hub.http.get("/v1/questions", headers=system).json()["questions"]
    }
    assert [
        hub.http.get(f"/v1/questions/{name}", headers=system).json().get("version")
        for name in ("made_up", "made_up@1", "x", "made_up@3")
    ] == [2, 1, None, None]
    allow_made_up(hub, 1)
    token = hub.token("deriver")
    hub.everywhere(lambda again: derive(again, token, "made_up", OLD).status_code == 200)
    asked = derive(hub, token, "made_up@2", OLD)
    assert (asked.status_code, asked.json()["code"]) == (403, "question_not_agreed")
    told = derive(hub, token, "made_up", OLD).json()
    assert (told["version"], told["answers"][0]["answer"]) == (1, True)  # the version that was agreed


def allow_made_up(hub, version, code=PERSON):
    form = answer_from({"form": "question", "questions": [f"made_up@{version}"]})
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        made = agreement(f"v-made-{version}", "deriver", code, (), answer=form)
        Catalogue(connection, record_administration).add_agreement(made, actor="test")
