"""Changes pushed by the served hub's own processes: signed, in order, again until they are taken, and on the ledger first."""

import base64
import hmac
import json
import time
from collections.abc import Iterator

import pytest
from exchange_api_hub import CASE, LAW, PURPOSE
from fed_firms import CODE, should_hold
from pushed_firms import credit_code, until
from sqlalchemy import text
from webhook_receiver import listening

from audit.recording import record_administration
from catalog.agreement import AgreementStatus
from catalog.repository import Catalogue
from infra.database import Role

pytestmark = pytest.mark.server


class Pushed:
    """A subscription that is pushed to a receiver from its snapshot on."""

    def __init__(self, served, system, receiver, tells="changes", url=None):
        self.served, self.receiver = served, receiver
        self.headers = {"Authorization": f"Bearer {served.token(system)}"}
        asked = {"resource": CODE, "purpose": PURPOSE, "legal_basis": LAW, "case_code": CASE}
        made = served.http.post("/v1/subscriptions", json=asked, headers=self.headers).json()
        self.id, self.path = made["id"], f"/v1/subscriptions/{made['id']}"
        self.held, after = {}, None
        while True:
            page = self.ask("GET", "/snapshot", params={"after": after} if after else {}).json()
            self.held |= {one["record"]: one["data"] for one in page["records"]}
            if (after := page["next"]) is None:
                break
        told = {"url": url or f"{receiver.url}/in", "after": page["changes"], "tells": tells}
        self.set = self.ask("PUT", "/push", json=told)
        self.secret = self.set.json().get("secret", "")

    def ask(self, method, rest, **how):
        return self.served.http.request(method, self.path + rest, headers=self.headers, **how)

    def standing(self):
        return self.ask("GET", "/push").json()

    def messages(self):
        return [(headers, json.loads(body)) for headers, body in self.receiver.taken]

    def apply(self):
        """Apply every message once, by its id, in the order it came."""
        for told in {headers["webhook-id"]: body for headers, body in self.messages()}.values():
            for change in told["data"]["changes"]:
                if change["operation"] == "close":
                    del self.held[change["record"]]
                else:
                    assert (change["record"] in self.held) == (change["operation"] == "update")
                    self.held[change["record"]] = change["data"]
        return sorted(self.held.values(), key=lambda row: str(sorted(row.items())))

    def waits(self):
        """Whether it was looked at, and nobody has it claimed."""
        query = """SELECT claim IS NULL AND next_at > now() FROM catalog.subscription_push WHERE subscription = :id"""
        with self.served.database.engine(Role.APPLICATION).connect() as connection:
            return connection.execute(text(query), {"id": self.id}).scalar_one()

    def refusals(self):
        query = """SELECT count(*) FROM ledger.entry WHERE action = 'subscription.push' AND kind = 'refusal' AND agreement IS NULL
                   AND problem = 'access_denied' AND actor = 'halted'"""
        with self.served.database.engine(Role.AUDITOR).connect() as connection:
            return connection.execute(text(query)).scalar_one()

    def hurry(self, attempts=None):
        """Let it be due now, as if the pause were over; as if it had failed so often."""
        with self.served.database.engine(Role.APPLICATION).begin() as connection:
            query = "UPDATE catalog.subscription_push SET next_at = now(), attempts = coalesce(:n, attempts) WHERE subscription = :id"
            connection.execute(text(query), {"n": attempts, "id": self.id})
            connection.execute(text("NOTIFY library_changed, 'legal_person'"))

    def entries(self, outcome):
        with self.served.database.engine(Role.AUDITOR).connect() as connection:
            query = text("""
                SELECT e.* FROM ledger.entry e WHERE action = 'subscription.push' AND outcome = :outcome AND facts ->> 'message' = ANY(:ids)
                ORDER BY at""")
            ids = [headers["webhook-id"] for headers, _ in self.receiver.taken]
            return connection.execute(query, {"outcome": outcome, "ids": ids}).mappings().all()


@pytest.fixture
def receiver() -> Iterator:
    with listening() as one:
        yield one


@pytest.fixture(autouse=True)
def ended(served_hub):
    yield
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        connection.execute(text("DELETE FROM catalog.subscription_push"))


def test_changes_are_pushed_signed_in_order_and_on_the_ledger_first(served_hub, register, receiver):
    pushed = Pushed(served_hub, "standing", receiver)
    assert pushed.set.status_code == 200, pushed.set.text
    register.go_on(6, seed=21)
    expected = should_hold("standing", register.firms)
    assert until(lambda: pushed.standing()["attempts"] == 0 and pushed.messages() and _caught_up(pushed), 30)
    assert pushed.apply() == expected
    key = base64.b64decode(pushed.secret.removeprefix("whsec_"))
    for headers, body in receiver.taken:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
    first, taken = pushed.entries("answered"), pushed.entries("taken")
    assert len(first) == len(taken) == len(receiver.taken)
    assert [one["records"] for one in first] == [
        len(told["data"]["changes"]) for _, told in pushed.messages()
    ]
    assert all(one["agreement"] == "f-standing" and one["subjects"] for one in first)
    assert max(one["records"] for one in first) <= 7  # no more at once than agreed


def _caught_up(pushed):
    query = """SELECT position = (SELECT max(_position) FROM library.change_legal_person) FROM catalog.subscription_push
               WHERE subscription = :id"""
    with pushed.served.database.engine(Role.APPLICATION).connect() as connection:
        return connection.execute(text(query), {"id": pushed.id}).scalar_one()


def test_what_is_not_taken_is_sent_again_as_the_same_message_and_nothing_overtakes_it(
    served_hub, register, receiver
):
    receiver.answers = [503, 302, 200]
    pushed = Pushed(served_hub, "whole", receiver)
    register.say({credit_code(80): {"name": "重庆一公司", "status": "1"}})
    assert until(lambda: pushed.standing()["attempts"] == 1)
    assert pushed.standing()["reason"] == "it answers 503"
    register.say({credit_code(81): {"name": "重庆二公司", "status": "1"}})
    pushed.hurry()
    assert until(lambda: pushed.standing()["attempts"] == 2)
    pushed.hurry()
    assert until(lambda: len(receiver.taken) == 4)
    ids = [headers["webhook-id"] for headers, _ in receiver.taken]
    names = [[one["data"]["name"] for one in told["data"]["changes"]] for _, told in pushed.messages()]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert names == [["重庆一公司"]] * 3 + [["重庆二公司"]]
    assert until(lambda: len(pushed.entries("taken")) == 2)
    assert [one["facts"]["reason"] for one in pushed.entries("not_taken")] == [
        "it answers 503",
        "it answers 302",
    ]


def test_a_message_that_nobody_takes_is_a_dead_letter_and_can_be_resumed_skipped_and_replayed(
    served_hub, register, receiver
):
    receiver.answers = [500]
    pushed = Pushed(served_hub, "whole", receiver)
    pushed.hurry(attempts=11)
    register.say({credit_code(82): {"name": "重庆三公司", "status": "1"}})
    pushed.hurry()
    assert until(lambda: pushed.standing()["status"] == "stopped")
    (letter,) = pushed.standing()["dead_letters"]
    assert (letter["attempts"], letter["reason"]) == (12, "it answers 500")
    register.say({credit_code(83): {"name": "重庆四公司", "status": "1"}})
    time.sleep(0.3)
    assert len(receiver.taken) == 1
    behind = pushed.ask("POST", "/push/resume", json={"from": "behind"})
    assert behind.json()["status"] == "running"
    pushed.hurry()
    assert until(lambda: len(receiver.taken) == 2)
    assert len(pushed.standing()["dead_letters"]) == 1
    assert pushed.ask("POST", "/push/resume", json={"message": letter["message"]}).status_code == 200
    pushed.hurry()
    assert until(lambda: len(receiver.taken) == 4)
    ids = [headers["webhook-id"] for headers, _ in receiver.taken]
    assert (ids[2], ids[3]) == (ids[0], ids[1]) == (letter["message"], ids[1])
    assert until(lambda: pushed.standing()["dead_letters"] == [])
    refused = pushed.ask("POST", "/push/resume", json={"message": "msg_0"})
    assert (refused.status_code, refused.json()["code"]) == (404, "not_pushed")


def test_who_is_gone_is_told_no_more(served_hub, register, receiver):
    receiver.answers = [410]
    pushed = Pushed(served_hub, "whole", receiver)
    register.say({credit_code(84): {"name": "重庆五公司", "status": "1"}})
    assert until(lambda: pushed.standing()["status"] == "stopped")
    assert len(receiver.taken) == 1


def test_nothing_is_sent_while_the_agreement_is_suspended_and_it_goes_on_when_it_is_not(
    served_hub, register, receiver
):
    pushed = Pushed(served_hub, "halted", receiver)
    _set(served_hub, AgreementStatus.SUSPENDED)
    served_hub.everywhere(lambda again: _status(again, pushed) == 403)
    register.say({credit_code(86): {"name": "重庆七公司", "status": "1"}})
    assert until(lambda: pushed.standing()["reason"] == "access_denied")
    pushed.hurry()
    assert until(lambda: pushed.waits())
    assert (receiver.taken, pushed.standing()["status"], pushed.standing()["attempts"]) == ([], "running", 0)
    assert pushed.refusals() == 1  # the second says nothing new
    _set(served_hub, AgreementStatus.IN_FORCE)
    served_hub.everywhere(lambda again: _status(again, pushed) == 200)
    pushed.hurry()
    assert until(lambda: receiver.taken)
    ((_, told),) = pushed.messages()
    assert [one["data"]["name"] for one in told["data"]["changes"]] == ["重庆七公司"]


def _set(served, status):
    with served.database.engine(Role.APPLICATION).begin() as connection:
        Catalogue(connection, record_administration).set_agreement_status("f-halted", status, actor="test")


def _status(again, pushed):
    return again.http.get(pushed.path + "/snapshot", params={"limit": 1}, headers=pushed.headers).status_code


def test_what_a_killed_process_had_claimed_is_sent_by_another_when_its_claim_ends(
    served_hub, register, receiver
):
    pushed = Pushed(served_hub, "whole", receiver)
    assert until(lambda: pushed.waits())
    claimed = """UPDATE catalog.subscription_push SET claim = gen_random_uuid(), claimed_until = now() + interval '3s', next_at = now(),
                 until = position + 1 WHERE subscription = :id"""
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        connection.execute(text(claimed), {"id": pushed.id})
    register.say({credit_code(n): {"name": f"重庆杀{n}公司", "status": "1"} for n in (87, 88)})
    time.sleep(0.5)
    assert receiver.taken == []
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        over = "UPDATE catalog.subscription_push SET claimed_until = now() WHERE subscription = :id"
        connection.execute(text(over), {"id": pushed.id})
        connection.execute(text("NOTIFY library_changed, 'legal_person'"))
    assert until(lambda: len(receiver.taken) == 2)
    assert [len(told["data"]["changes"]) for _, told in pushed.messages()] == [
        1,
        1,
    ]  # the stretch that was claimed, then the rest


def test_a_notice_tells_of_no_record_and_from_where_to_read(served_hub, register, receiver):
    pushed = Pushed(served_hub, "whole", receiver, tells="notice")
    register.say({credit_code(85): {"name": "重庆六公司", "status": "1"}})
    assert until(lambda: receiver.taken)
    ((_, told),) = pushed.messages()
    assert (told["type"], told["data"].keys()) == (
        "subscription.changed",
        {"subscription", "resource", "after"},
    )
    read = pushed.ask("GET", "/changes", params={"after": told["data"]["after"]}).json()
    assert [one["data"]["name"] for one in read["changes"]] == ["重庆六公司"]
    assert [(one["records"], one["subjects"]) for one in pushed.entries("answered")] == [(0, None)]


def test_pushes_are_set_by_their_system_to_addresses_of_http_from_cursors_of_theirs(
    served_hub, register, receiver
):
    pushed = Pushed(served_hub, "whole", receiver)
    good = {"url": receiver.url, "after": "x"}
    for told, code in (
        (good, "wrong_cursor"), (good | {"url": "ftp://a.example"}, "malformed_request"), ({"url": receiver.url}, "malformed_request"),
        (good | {"url": "https://u:p@a.example"}, "malformed_request"), (good | {"tells": "all"}, "malformed_request"),
    ):  # fmt: skip
        assert pushed.ask("PUT", "/push", json=told).json()["code"] == code, told
    assert "secret" not in pushed.standing()
    other = {"Authorization": f"Bearer {served_hub.token('standing')}"}
    for method, rest, told in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("POST", "/resume", {}),
        ("PUT", "", good),
    ):
        answer = served_hub.http.request(method, f"{pushed.path}/push{rest}", headers=other, json=told)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_subscription")
    assert pushed.ask("DELETE", "/push").json()["removed"]
    assert pushed.ask("GET", "/push").json()["code"] == "not_pushed"
