"""Subscriptions over the real server with two workers: snapshot and changes under running ingests, and every term at each delivery."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from exchange_api_hub import CASE, LAW, PURPOSE
from fed_firms import CODE, ordered, should_hold
from pushed_firms import credit_code
from pyarrow import ipc
from sqlalchemy import text

from audit.recording import record_administration
from audit.segments import readings
from base_libraries.feed import prune
from base_libraries.vault import Vault
from catalog.agreement import AgreementStatus
from catalog.repository import Catalogue
from hub.objections.raising import READ
from infra.database import Role
from schemas.resource import resource_named

pytestmark = pytest.mark.server


class Subscriber:
    """A system with one subscription, and what it holds by it: record id → data."""

    def __init__(self, served, system, **asked):
        self.http, self.headers = served.http, {"Authorization": f"Bearer {served.token(system)}"}
        told = {"resource": CODE, "purpose": PURPOSE, "legal_basis": LAW, "case_code": CASE} | asked
        self.answer = self.http.post("/v1/subscriptions", json=told, headers=self.headers)
        self.path = f"/v1/subscriptions/{self.answer.json().get('id')}"
        self.held: dict[str, dict] = {}
        self.cursor = None
        self.states: dict[str, list[dict]] = {}

    def get(self, rest="", **params):
        return self.http.get(self.path + rest, params=params, headers=self.headers, timeout=90)

    def snapshot(self, limit=1000):
        """Take the whole snapshot; returns its first answer."""
        first = answer = self.get("/snapshot", limit=limit)
        self.held = {}
        while True:
            assert answer.status_code == 200, answer.text
            told = answer.json()
            for record in told["records"]:
                assert record["record"] not in self.held, "doubled"
                self.held[record["record"]] = record["data"]
            self.cursor = told["changes"]
            if told["next"] is None:
                return first
            answer = self.get("/snapshot", after=told["next"], limit=limit)

    def changes(self, **params):
        answer = self.get("/changes", after=self.cursor, **params)
        if answer.status_code == 200:
            self.cursor = answer.json()["next"]
            for change in answer.json()["changes"]:
                self._apply(change)
        return answer

    def _apply(self, change):
        if change["operation"] == "close":
            assert self.held.pop(change["record"], None) is not None, "closed twice"
        else:
            assert (change["record"] in self.held) == (change["operation"] == "update"), "lost or doubled"
            if change["operation"] == "update":
                before = self.held[change["record"]]
                assert change["changed"], "an update of nothing"
                assert {n for n in before if before[n] != change["data"][n]} <= set(change["changed"])
            self.held[change["record"]] = change["data"]
        self.states[change["recorded_at"]] = ordered(self.held.values())

    def follow(self, done):
        """Read changes as they happen until it is done, and then to their end."""
        while True:
            ended = done.is_set()
            told = self.changes(wait=0 if ended else 1, limit=5).json()
            if ended and not told["more"] and not told["changes"]:
                return


def test_snapshot_and_changes_are_the_library_at_every_moment_while_it_is_written(served_hub, register):
    systems = ("whole", "standing", "standing", "nameless")
    readers = [Subscriber(served_hub, system) for system in systems]
    done = threading.Event()
    with ThreadPoolExecutor(len(readers) + 1) as pool:
        writing = pool.submit(register.go_on, 20, 7, 0.03)

        def read(reader):
            reader.snapshot(limit=4)
            reader.follow(done)

        reading = [pool.submit(read, reader) for reader in readers]
        writing.result()
        done.set()
        for one in reading:
            one.result()
    for system, reader in zip(systems, readers, strict=True):
        assert ordered(reader.held.values()) == should_hold(system, register.firms)
        assert len(reader.states) > 5
        for moment, state in reader.states.items():
            at = datetime.fromisoformat(moment).astimezone(UTC).isoformat()
            assert state == should_hold(system, register.after[at]), (system, moment)


def test_changes_are_read_anew_from_any_cursor(served_hub, register):
    reader = Subscriber(served_hub, "standing")
    reader.snapshot()
    began, held = reader.cursor, dict(reader.held)
    register.go_on(4, seed=11)
    first = list(_pages(reader, limit=1))
    after = dict(reader.held)
    reader.cursor, reader.held = began, held
    assert list(_pages(reader, limit=7)) == first
    assert reader.held == after


def _pages(reader, **params):
    while True:
        told = reader.changes(**params).json()
        yield from told["changes"]
        if not told["more"]:
            return


def test_a_page_is_on_the_ledger_with_every_record_it_tells_of(served_hub, register):
    register.say({credit_code(70): {"name": "重庆七十公司", "status": "1", "representative_name": "测试甲"}})
    reader = Subscriber(served_hub, "standing")
    entry = served_hub.entry(reader.snapshot())
    assert (entry["kind"], entry["action"], entry["outcome"]) == ("call", "subscription.snapshot", "answered")
    assert (entry["agreement"], entry["resource"], entry["purpose"]) == ("f-standing", CODE, PURPOSE)
    assert entry["records"] == entry["keys"] == len(entry["subjects"]) // 16 == 7  # a page of the agreed size
    register.say({credit_code(70): {"name": "重庆又公司", "status": "1", "representative_name": "测试甲"}})
    answer = reader.changes()
    (change,) = answer.json()["changes"]
    assert (change["operation"], change["changed"]) == ("update", ["name"])
    entry = served_hub.entry(answer)
    vault = Vault(resource_named(CODE), served_hub.keyring)
    assert entry["subjects"] == vault.index(resource_named(CODE).key, [credit_code(70)])[0]
    span = (datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1))
    with served_hub.database.engine(Role.APPLICATION).connect() as connection:
        recalled = readings(connection, CODE, [entry["subjects"]], READ, *span)
    told = {one.entry: (one.system, one.records, one.agreement) for one in recalled}
    assert told[entry["id"]] == ("standing", 1, "f-standing")  # recall finds who was told
    assert answer.headers["link"] == f'<{reader.path}/changes?after={reader.cursor}>; rel="next"'


def test_what_is_not_agreed_is_not_told_and_the_cursor_goes_on(served_hub, register):
    code = credit_code(71)
    row = {"name": "重庆静公司", "status": "1", "representative_name": "测试乙", "staff_count": 1}
    register.say({code: row})
    reader = Subscriber(served_hub, "nameless")
    reader.snapshot()
    operations = []
    for change in ({"staff_count": 2}, {"representative_name": "测试丙"}, {"status": "3"}, {"name": "重庆暗公司"},
                   {"status": "1"}, {"name": "重庆明公司"}):  # fmt: skip
        row = row | change
        register.say({code: row})
        before = reader.cursor
        told = reader.changes().json()["changes"]
        assert reader.cursor != before
        operations.append([(one["operation"], one.get("changed"), one["data"]) for one in told])
    register.say({}, gone=(code,))
    operations.append([(one["operation"], one["data"]) for one in reader.changes().json()["changes"]])
    assert operations == [
        [], [], [("close", None, {})], [], [("insert", None, {"name": "重庆暗公司"})],
        [("update", ["name"], {"name": "重庆明公司"})], [("close", {})],
    ]  # fmt: skip


def test_records_have_ids_of_their_own_in_each_subscription(served_hub, register):
    one, other = Subscriber(served_hub, "whole"), Subscriber(served_hub, "whole")
    one.snapshot()
    other.snapshot()
    assert ordered(one.held.values()) == ordered(other.held.values())
    assert not one.held.keys() & other.held.keys()


def test_who_waits_is_answered_as_it_happens(served_hub, register):
    reader = Subscriber(served_hub, "whole")
    reader.snapshot()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reader.changes, wait=60)
        time.sleep(0.5)
        assert not waiting.done()
        register.say({credit_code(72): {"name": "重庆新公司", "status": "1"}})
        assert [one["operation"] for one in waiting.result().json()["changes"]] == ["insert"]
        idle = reader.changes()
        assert (idle.json()["changes"], idle.json()["more"]) == ([], False)


def test_pages_are_lines_or_tables_where_that_is_accepted(served_hub, register):
    reader = Subscriber(served_hub, "standing")
    first = reader.snapshot()
    assert f"<{reader.path}/changes?after=" in first.headers["link"]
    code, row = credit_code(74), {"name": "重庆表公司", "status": "1", "representative_name": "测试丁"}
    register.say({code: row})
    register.say({code: row | {"name": "重庆列公司"}})
    register.say({}, gone=(code,))
    told = [json.loads(line) for line in _as(reader, "application/x-ndjson").content.splitlines()]
    assert told == reader.get("/changes", after=reader.cursor).json()["changes"]
    table = ipc.open_stream(_as(reader, "application/vnd.apache.arrow.stream").content).read_all()
    assert table["_operation"].to_pylist() == ["insert", "update", "close"]
    assert table["_changed"].to_pylist() == [None, "name", None]
    assert table["name"].to_pylist() == ["重庆表公司", "重庆列公司", None]
    assert [one.isoformat() for one in table["_recorded_at"].to_pylist()] == [
        one["recorded_at"] for one in told
    ]
    answer = _as(reader, "text/csv")
    assert answer.text.splitlines()[0].startswith(
        "_operation,_record,_recorded_at,_changed,_version,_valid_from,credit_code"
    )
    assert answer.headers["link"].endswith('rel="next"')
    assert served_hub.entry(answer)["records"] == 3
    stood = reader.http.get(f"{reader.path}/snapshot", headers=reader.headers | {"Accept": "text/csv"})
    assert stood.text.startswith("_record,_version,_valid_from,credit_code")
    assert _as(reader, "image/png").json()["code"] == "not_acceptable"


def _as(reader, accept):
    headers = reader.headers | {"Accept": accept}
    return reader.http.get(f"{reader.path}/changes", params={"after": reader.cursor}, headers=headers)


def test_the_same_stretch_is_not_sent_twice(served_hub, register):
    reader = Subscriber(served_hub, "whole")
    reader.snapshot()
    answer = reader.changes()
    same = reader.http.get(
        f"{reader.path}/changes",
        params={"after": reader.cursor},
        headers=reader.headers | {"If-None-Match": answer.headers["etag"]},
    )
    assert (same.status_code, same.content) == (304, b"")


def test_a_quota_holds_for_what_is_delivered(served_hub, register):
    reader = Subscriber(served_hub, "metered")
    answer = reader.get("/snapshot", limit=10)
    assert len(answer.json()["records"]) == 10
    assert '"day";r=2' in answer.headers["ratelimit"]
    answer = reader.get("/snapshot", after=answer.json()["next"], limit=10)
    assert len(answer.json()["records"]) == 2
    refused = reader.get("/snapshot", after=answer.json()["next"], limit=10)
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_spent")
    assert served_hub.entry(refused)["subjects"] is not None


def test_nothing_is_delivered_while_the_agreement_is_suspended_and_it_goes_on_from_the_cursor(
    served_hub, register
):
    reader = Subscriber(served_hub, "halted")
    reader.snapshot()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reader.changes, wait=20)
        time.sleep(0.3)
        _set(served_hub, "f-halted", AgreementStatus.SUSPENDED)
        served_hub.everywhere(lambda again: _status(again, reader) == 403)
        register.say({credit_code(73): {"name": "重庆停公司", "status": "1"}})
        refused = waiting.result()
    assert (refused.status_code, refused.json()["term"]) == (403, "status")
    _set(served_hub, "f-halted", AgreementStatus.IN_FORCE)
    served_hub.everywhere(lambda again: _status(again, reader) == 200)
    assert [one["data"]["name"] for one in reader.changes().json()["changes"]] == ["重庆停公司"]


def _set(served, agreement, status):
    with served.database.engine(Role.APPLICATION).begin() as connection:
        Catalogue(connection, record_administration).set_agreement_status(agreement, status, actor="test")


def _status(again, reader):
    return again.http.get(
        f"{reader.path}/changes", params={"after": reader.cursor}, headers=reader.headers
    ).status_code


def test_under_other_terms_a_new_snapshot_is_needed(served_hub, register):
    reader = Subscriber(served_hub, "whole", items=["name"])
    reader.snapshot()
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        record_administration(connection, actor="test", action="agreement.amend", target="f-whole", facts={})
        connection.execute(text("UPDATE catalog.agreement SET masked = '{name}' WHERE id = 'f-whole'"))
    served_hub.everywhere(lambda again: _status(again, reader) == 410)
    assert reader.changes().json()["code"] == "snapshot_needed"
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        record_administration(connection, actor="test", action="agreement.amend", target="f-whole", facts={})
        connection.execute(text("UPDATE catalog.agreement SET masked = '{}' WHERE id = 'f-whole'"))
    served_hub.everywhere(lambda again: _status(again, reader) == 200)


def test_only_records_are_subscribed_to_and_only_what_is_agreed(served_hub, register):
    asked = [
        ("yes-no", {}, 403, "bulk_not_agreed"),
        ("keyed", {}, 403, "bulk_not_agreed"),
        ("nameless", {"items": ["status"]}, 403, "item_not_agreed"),
        ("whole", {"purpose": "其他"}, 403, "purpose_not_agreed"),
        ("whole", {"agreement": "f-standing"}, 403, "access_denied"),
        ("whole", {"case_code": ""}, 400, "missing_purpose"),
        ("whole", {"resource": "nothing"}, 404, "unknown_resource"),
        ("whole", {"items": ["nothing"]}, 400, "unknown_item"),
        ("whole", {"items": "name"}, 400, "malformed_request"),
    ]
    for system, told, status, code in asked:
        answer = Subscriber(served_hub, system, **told).answer
        assert (answer.status_code, answer.json()["code"]) == (status, code), told
        assert served_hub.entry(answer)["kind"] == "refusal" or status == 404


def test_cursors_are_of_one_subscription_and_one_use(served_hub, register):
    reader, other = Subscriber(served_hub, "whole"), Subscriber(served_hub, "whole")
    reader.snapshot()
    page = reader.get("/snapshot", limit=1).json()["next"]
    asked = [
        (other, "/changes", reader.cursor), (reader, "/changes", page), (reader, "/snapshot", reader.cursor),
        (reader, "/changes", reader.cursor[:-6] + "AAAAAA"), (reader, "/changes", ""), (reader, "/changes", "é" * 300),
    ]  # fmt: skip
    for who, place, cursor in asked:
        answer = who.get(place, after=cursor)
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_cursor"), (place, cursor)
    for params in (
        {},
        {"after": reader.cursor, "limit": 0},
        {"after": reader.cursor, "wait": 61},
        {"more": 1},
    ):
        assert reader.get("/changes", **params).json()["code"] == "malformed_request", params


def test_a_subscription_is_its_systems_alone_and_ends_when_cancelled(served_hub, register):
    reader, other = Subscriber(served_hub, "standing"), Subscriber(served_hub, "whole")
    for rest in ("", "/snapshot", "/changes?after=x"):
        answer = served_hub.http.get(reader.path + rest, headers=other.headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_subscription")
    told = reader.get().json()
    assert (told["agreement"], told["status"], told["snapshot"]) == (
        "f-standing", "active", f"{reader.path}/snapshot",
    )  # fmt: skip
    listed = served_hub.http.get("/v1/subscriptions?limit=1000", headers=reader.headers).json()
    assert told["id"] in [one["id"] for one in listed["subscriptions"]]
    for _ in range(2):
        ended = served_hub.http.delete(reader.path, headers=reader.headers)
        assert ended.json()["status"] == "cancelled"
    assert (reader.get("/snapshot").status_code, reader.get("/snapshot").json()["code"]) == (
        410, "subscription_ended",
    )  # fmt: skip
    _fill(served_hub, Subscriber(served_hub, "many"))
    refused = Subscriber(served_hub, "many").answer
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_subscriptions")


def _fill(served, subscriber):
    with served.database.engine(Role.APPLICATION).begin() as connection:
        record_administration(connection, actor="test", action="subscription.add", target="many", facts={})
        connection.execute(
            text("""
                INSERT INTO catalog.subscription SELECT id || '-' || n, system, agreement, resource, items, purpose, legal_basis,
                    case_code, status, made_at FROM catalog.subscription, generate_series(1, 100) n WHERE id = :id
            """),
            {"id": subscriber.path.rpartition("/")[2]},
        )


def test_whoever_comes_after_changes_are_pruned_takes_a_new_snapshot(served_hub, register):
    late, later = Subscriber(served_hub, "standing"), Subscriber(served_hub, "standing")
    late.snapshot()
    page = late.get("/snapshot", limit=1).json()["next"]
    register.go_on(3, seed=5)
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        assert prune(connection, resource_named(CODE), datetime.now(UTC) + timedelta(days=1)) > 0
    register.go_on(1, seed=6)
    assert late.changes().json()["code"] == "snapshot_needed"
    assert late.get("/snapshot", after=page).json()["code"] == "snapshot_needed"
    later.snapshot()
    register.go_on(3, seed=8)
    list(_pages(later))
    assert ordered(later.held.values()) == should_hold("standing", register.firms)
