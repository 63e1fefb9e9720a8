"""Agreements' terms at the door, over the real server with two workers: rows, answers, quotas, rates; and the clock in this process."""

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest
from exchange_api_hub import KEY, PERSON, agreement, citizen, golden, persons
from sqlalchemy import text

from audit.recording import record_administration
from catalog.agreement import AgreementStatus
from catalog.allowance import Rate
from catalog.answer_form import answer_from
from catalog.conditions import rows_from
from catalog.hours import window_from
from catalog.organisation import Organisation
from catalog.repository import Catalogue
from catalog.system import System
from exchange_api.app import create_app
from infra.database import Role
from schemas.identifiers import citizen_check

pytestmark = pytest.mark.server
ORGANISATION = "11500103MB1670604D"
OWN_CASE, OTHERS_CASE = (
    ORGANISATION + "3442199806003202206230068",
    "11500000009275123M3442199806003202206230068",
)
INSIDE, OUTSIDE, NOWHERE = (citizen(number) for number in (300, 301, 302))
ABSENT = "500103201001010" + "01" + citizen_check("50010320100101001")
DISTRICT = rows_from([{"item": "registered_division", "within": "500103"}, {"item": "sex", "in": ["1"]}])
ITEMS = ("name", "sex", "date_of_birth")
QUOTA = 97
AGREED = {
    "district": {"rows": DISTRICT},
    "born": {"rows": DISTRICT, "answer": answer_from({"form": "threshold", "item": "date_of_birth", "at_most": "1990-01-21"})},
    "registered": {"rows": DISTRICT, "answer": answer_from({"form": "yes_no"})},
    "cases": {"rows": rows_from([{"cases": "own"}])},
    "counted": {"quota_per_day": QUOTA},
    "few": {"quota_per_day": 5},
    "failing": {"quota_per_day": 3},
    "paced": {"rate": Rate(20, burst=10)},
    "nights": {
        "hours": (window_from("every 22:00-06:00"),),
        "valid_from": datetime.now(UTC) - timedelta(days=1),
        "valid_to": datetime.now(UTC) + timedelta(days=2),  # whatever the hour is now, the next night is within
    },
    "ending": {},  # the last: who has heard of it has heard of all
}  # fmt: skip


@pytest.fixture(scope="module")
def hub(served_hub):
    rows = [*persons(304)[300:]]
    for row, division in zip(rows, ("500103001002", "500104001002", None, "500103"), strict=True):
        row["registered_division"] = division
    golden(served_hub.database, served_hub.keyring, PERSON, rows)
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        catalogue.add_organisation(Organisation(ORGANISATION, "渝中区政务办", "500103"), actor="test")
        for system, terms in AGREED.items():
            catalogue.add_system(
                System(system, ORGANISATION, system, (KEY.as_dict(private=False),)), actor="test"
            )
            catalogue.add_agreement(agreement(f"t-{system}", system, PERSON, ITEMS, **terms), actor="test")
    served_hub.knows("ending")
    served_hub.everywhere(lambda again: again.record(INSIDE, again.token("ending")).status_code == 200)
    return served_hub


def told(answer):
    """What a caller can see of an answer, but for what is new with every call."""
    body = answer.json()
    body.pop("instance", None)
    own = {"hub-request-id", "hub-entry", "hub-promise", "date"}
    return (
        answer.status_code,
        body,
        {name: value for name, value in answer.headers.items() if name not in own},
    )


def used(hub, system):
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        query = text("SELECT used FROM catalog.agreement_use WHERE agreement = :id")
        return connection.execute(query, {"id": f"t-{system}"}).scalar()


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_outside_the_agreed_rows_is_answered_as_if_there_were_none(hub):
    token = hub.token("district")
    assert hub.record(INSIDE, token).json()["data"]["name"] == "测试300"
    absent = hub.record(ABSENT, token)
    assert absent.status_code == 404
    for key in (OUTSIDE, NOWHERE):
        answer = hub.record(key, token)
        assert told(answer) == told(absent)
        entry, none = hub.entry(answer), hub.entry(absent)
        assert {name: entry[name] for name in ("kind", "outcome", "problem", "records", "keys")} == {
            name: none[name] for name in ("kind", "outcome", "problem", "records", "keys")
        }
        assert (entry["facts"], none["facts"]) == ({"outside": 1}, None)


def test_a_query_lists_records_outside_as_missing(hub):
    answer = hub.query({"keys": [OUTSIDE, INSIDE, ABSENT, NOWHERE]}, hub.token("district"))
    assert [record["key"] for record in answer.json()["records"]] == [INSIDE]
    assert answer.json()["missing"] == [OUTSIDE, ABSENT, NOWHERE]
    assert "registered_division" not in answer.json()["records"][0]["data"]
    assert (hub.entry(answer)["records"], hub.entry(answer)["facts"]) == (1, {"outside": 2})


def test_lineage_of_a_record_outside_is_that_of_none(hub):
    headers = hub.headers(hub.token("district"))
    ask = [
        hub.http.get(f"/v1/lineage/resources/{PERSON}/records/{key}", headers=headers)
        for key in (OUTSIDE, ABSENT, INSIDE)
    ]
    assert told(ask[0]) == told(ask[1])
    assert [one.status_code for one in ask] == [404, 404, 200]
    headers = hub.headers(hub.token("registered"))
    refused = hub.http.get(f"/v1/lineage/resources/{PERSON}/records/{INSIDE}", headers=headers)
    assert (refused.status_code, refused.json()["term"]) == (403, "answer")


def test_only_for_cases_of_the_callers_own_organisation(hub):
    token = hub.token("cases")
    assert hub.record(INSIDE, token, **{"Hub-Case-Code": OWN_CASE}).status_code == 200
    refused = hub.record(INSIDE, token, **{"Hub-Case-Code": OTHERS_CASE})
    assert (refused.status_code, refused.json()["code"], refused.json()["term"]) == (
        403,
        "case_not_own",
        "cases",
    )


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────


def test_yes_or_no_discloses_nothing_else(hub):
    token = hub.token("registered")
    answers = {key: hub.record(key, token) for key in (INSIDE, OUTSIDE, ABSENT)}
    assert [answer.json() for answer in answers.values()] == [
        {"resource": PERSON, "answer": yes} for yes in (True, False, False)
    ]
    assert told(answers[OUTSIDE]) == told(answers[ABSENT])
    assert hub.entry(answers[INSIDE])["records"] == 0
    asked = hub.query({"keys": [OUTSIDE, INSIDE, ABSENT]}, token)
    assert asked.json() == {
        "resource": PERSON,
        "answers": [
            {"key": OUTSIDE, "answer": False},
            {"key": INSIDE, "answer": True},
            {"key": ABSENT, "answer": False},
        ],
    }
    for refused in (
        hub.record(INSIDE, token, params={"items": "name"}),
        hub.record(INSIDE, token, params={"provenance": "true"}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "form_not_agreed")


def test_a_threshold_says_how_an_item_stands_to_what_was_agreed(hub):
    asked = hub.query({"keys": [INSIDE, citizen(303), OUTSIDE, ABSENT]}, hub.token("born"))
    assert [one["answer"] for one in asked.json()["answers"]] == [
        True,
        False,
        None,
        None,
    ]  # born on the 21st, the 24th
    assert hub.entry(asked)["items"] == ["date_of_birth"]


# ── quotas and rates ─────────────────────────────────────────────────────────────────────────────────


async def _called(hub, system, number, *, key=INSIDE):
    token = hub.token(system)
    async with httpx.AsyncClient(
        base_url=hub.url, timeout=60, trust_env=False, limits=httpx.Limits(max_connections=40)
    ) as http:
        path = f"/v1/resources/{PERSON}/records/{key}"
        return await asyncio.gather(*(http.get(path, headers=hub.headers(token)) for _ in range(number)))


def test_a_quota_is_exact_though_two_processes_answer_hundreds_at_once(hub):
    answers = asyncio.run(_called(hub, "counted", 300))
    assert Counter(answer.status_code for answer in answers) == {200: QUOTA, 429: 300 - QUOTA}
    assert used(hub, "counted") == QUOTA
    left = sorted(
        int(answer.headers["ratelimit"].split(";")[1][2:]) for answer in answers if answer.status_code == 200
    )
    assert left == list(range(QUOTA))
    with hub.database.engine(Role.AUDITOR).connect() as connection:
        query = text(
            "SELECT kind, outcome, count(*) FROM ledger.entry WHERE actor = 'counted' AND action = 'record' GROUP BY 1, 2"
        )
        recorded = {(row.kind, row.outcome): row.count for row in connection.execute(query)}
    assert recorded == {("call", "answered"): QUOTA, ("refusal", "refused"): 300 - QUOTA}


def test_a_spent_quota_is_told_with_what_is_left_and_when_there_is_more(hub):
    token = hub.token("few")
    answer = hub.query({"keys": [INSIDE, OUTSIDE]}, token)
    assert answer.headers["ratelimit-policy"] == '"day";q=5;qu="records";w=86400'
    assert answer.headers["ratelimit"].startswith('"day";r=3;t=')
    assert (
        hub.record(ABSENT, token).headers["ratelimit"].startswith('"day";r=2;t=')
    )  # that there is none is an answer
    refused = hub.query({"keys": [INSIDE, OUTSIDE, ABSENT]}, token)
    assert (refused.status_code, refused.json()["code"], refused.json()["term"]) == (
        429,
        "quota_spent",
        "quota",
    )
    assert 1 <= int(refused.headers["retry-after"]) <= 24 * 3600
    assert refused.headers["ratelimit"].startswith('"day";r=2;t=')
    assert hub.query({"keys": [INSIDE, OUTSIDE]}, token).status_code == 200  # what is left can be asked for
    assert hub.record(ABSENT, token).status_code == 429
    assert used(hub, "few") == 5


def test_what_is_left_is_explained_and_not_spent_by_asking(hub):
    headers, path = hub.headers(hub.token("few")), f"/v1/resources/{PERSON}/explain"
    before = used(hub, "few")
    told = hub.http.post(path, headers=headers, json={"keys": [INSIDE]}).json()
    terms = {one["term"]: one for one in told["agreements"][0]["terms"]}
    assert (terms["quota"]["agreed"], terms["quota"]["remaining"]) == (5, 5 - (before or 0))
    assert told["allowed"] is terms["quota"]["allows"] is ((before or 0) < 5)
    assert used(hub, "few") == before


def test_a_call_that_fails_spends_nothing(hub):
    token = hub.token("failing")
    refused = [
        hub.record("123", token),
        hub.record(INSIDE, token, **{"Hub-Purpose": "x"}),
        hub.record(INSIDE, token, params={"items": "education"}),
    ]
    assert [answer.status_code for answer in refused] == [400, 403, 403]
    with hub.database.engine(Role.OWNER).begin() as connection:
        connection.execute(text("ALTER TABLE library.golden_natural_person RENAME COLUMN _sealed TO _broken"))
    try:
        assert hub.record(INSIDE, token).status_code == 500
    finally:
        with hub.database.engine(Role.OWNER).begin() as connection:
            connection.execute(
                text("ALTER TABLE library.golden_natural_person RENAME COLUMN _broken TO _sealed")
            )
    assert not used(hub, "failing")
    assert [hub.record(INSIDE, token).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_rate_holds_for_all_processes_together(hub):
    began = datetime.now().astimezone()
    answers = asyncio.run(_called(hub, "paced", 120))
    seconds = (datetime.now().astimezone() - began).total_seconds()
    answered = [answer for answer in answers if answer.status_code == 200]
    assert 10 <= len(answered) <= 10 + 20 * seconds + 1
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert (refused.json()["code"], refused.headers["retry-after"]) == ("too_fast", "1")
    assert answered[0].headers["ratelimit-policy"] == '"rate";q=10;w=1'
    assert re.fullmatch(r'"rate";r=\d;t=1', refused.headers["ratelimit"])


# ── the moment of a call ─────────────────────────────────────────────────────────────────────────────


def test_each_page_of_a_long_reading_is_judged_at_its_own_moment(hub):
    """Hours open and close, and an agreement expires, between two pages of the same reading."""
    local = datetime.now(ZoneInfo("Asia/Shanghai")).replace(hour=23, minute=30)
    moments = iter(
        [
            local,
            local + timedelta(hours=6, minutes=29),
            local + timedelta(hours=6, minutes=30),
            local + timedelta(days=4),
        ]
    )
    app = create_app(hub.settings, clock=lambda: next(moments))

    async def pages():
        transport, headers = httpx.ASGITransport(app=app), hub.headers(hub.token("nights"))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://hub") as http,
        ):
            path = f"/v1/resources/{PERSON}/query"
            return [
                await http.post(path, headers=headers, content=orjson.dumps({"keys": [citizen(page)]}))
                for page in range(4)
            ]

    first, second, third, last = asyncio.run(pages())
    assert [first.status_code, second.status_code] == [200, 200]
    assert (third.status_code, third.json()["code"], third.json()["term"]) == (403, "out_of_hours", "hours")
    assert (last.status_code, last.json()["term"]) == (403, "validity")


def test_an_agreement_suspended_between_two_pages_answers_no_more(hub):
    token = hub.token("ending")
    assert hub.query({"keys": [INSIDE]}, token).status_code == 200
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        Catalogue(connection, record_administration).set_agreement_status(
            "t-ending", AgreementStatus.SUSPENDED, actor="test"
        )
    for _ in range(100):
        answer = hub.query({"keys": [INSIDE]}, token)
        if answer.status_code != 200:
            break
    assert (answer.status_code, answer.json()["term"]) == (403, "status")
