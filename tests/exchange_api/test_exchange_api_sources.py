"""Sources through the API: registering them, and pushing rows, once for each idempotency key."""

import base64
import hashlib
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from pushed_firms import definition, firms, golden, push, put, stored, until, written
from sqlalchemy import text

from infra.database import Role


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (1000, "application/x-ndjson"),
        (2000, "text/csv"),
        (3000, "application/vnd.apache.parquet"),
        (4000, "application/vnd.apache.arrow.stream"),
    ],
)
def test_rows_are_pushed_in_every_format(hub, first, kind):
    body = written(firms(first, first + 10), kind)
    answer = push(hub, body, f"lot-{first}", kind)
    told = answer.json()
    assert answer.status_code == 200, told
    counts = {
        name: told[name]
        for name in ("batches", "pulled", "contributed", "quarantined", "created", "repeated")
    }
    assert counts == {
        "batches": 1,
        "pulled": 10,
        "contributed": 9,
        "quarantined": 1,
        "created": 9,
        "repeated": False,
    }
    (entry,) = told["quarantine"]
    assert entry["row"] == str(first + 1)
    assert entry["reasons"][0]["item"] == "credit_code"
    assert "nonsense" not in answer.text
    assert hub.entry(answer)["records"] == 10


def test_the_same_body_again_is_answered_as_it_was(hub):
    body = written(firms(5000, 5010), "application/x-ndjson")
    first = push(hub, body, "again").json()
    before = golden(hub)
    second = push(hub, body, '"again"').json()
    assert second == first | {"repeated": True}
    assert golden(hub) == before
    other = push(hub, body + b"\n", "again")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_pushes_of_one_body_at_once_store_it_once(hub):
    body = written(firms(6000, 6200), "application/x-ndjson")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: push(hub, body, "at-once"), range(4)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert any(answer.status_code == 200 for answer in answers)
    assert push(hub, body, "at-once").json()["repeated"] is True
    ((rows,),) = stored(hub, "SELECT sum(pulled) FROM library.batch WHERE pull_window = 'push at-once'")
    assert rows == 200


def test_a_body_that_was_stored_in_part_goes_on_where_it_stopped(hub):
    """As after a crash: a batch is committed, the answer is not."""
    body = written(firms(7000, 7100), "application/x-ndjson")
    lines = body.splitlines(keepends=True)
    assert push(hub, b"".join(lines[:40]), "part").status_code == 200
    with hub.database.engine(Role.OWNER).begin() as connection:
        digest = hashlib.sha256(body).hexdigest()
        statement = "UPDATE library.push SET answer = NULL, digest = :digest WHERE key = 'part'"
        connection.execute(text(statement), {"digest": digest})
    told = push(hub, body, "part").json()
    assert (told["batches"], told["pulled"], told["created"], told["quarantined"]) == (2, 100, 99, 1)
    assert len(told["quarantine"]) == 1


def test_a_body_that_is_wrong_stores_nothing_and_leaves_its_key(hub):
    before = golden(hub)
    for body, kind, code in (
        (b'{"id": "1", "code"', "application/x-ndjson", "truncated_file"),
        (b"PAR1 is no parquet", "application/vnd.apache.parquet", "truncated_file"),
        (b"no stream at all", "application/vnd.apache.arrow.stream", "wrong_format"),
        (b"a,b\n1,2\n", "text/csv", "missing_column"),
    ):
        answer = push(hub, body, "wrong", kind)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert golden(hub) == before
    assert push(hub, written(firms(8000, 8005), "text/csv"), "wrong", "text/csv").status_code == 200
    assert stored(hub, "SELECT 1 FROM library.push WHERE answer IS NULL") == []


def test_a_body_is_held_against_its_digest(hub):
    body = written(firms(8100, 8105), "text/csv")
    right = base64.b64encode(hashlib.sha256(body).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    refused = push(hub, body, "digest", "text/csv", **{"Content-Digest": f"sha-256=:{wrong}:"})
    assert (refused.status_code, refused.json()["code"]) == (400, "body_damaged")
    assert (
        push(hub, body, "digest", "text/csv", **{"Content-Digest": f"sha-256=:{right}:"}).status_code == 200
    )


def test_a_sender_that_leaves_midway_stores_nothing(hub):
    body, before = written(firms(8200, 8300), "application/x-ndjson"), hub.refusals("body_damaged")
    place = urlsplit(hub.url)
    head = (
        f"POST /v1/sources/firms/batches HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {hub.token('pusher')}\r\n"
        f"Idempotency-Key: left\r\nContent-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.sendall(head.encode() + body[: len(body) // 2])
    assert until(lambda: hub.refusals("body_damaged") == before + 1)
    assert push(hub, body, "left").json()["created"] == 99
    assert list((hub.settings.home / "pushed").glob("*/*/*")) == []


def test_requests_of_another_form_are_refused(hub):
    body = written(firms(8400, 8405), "text/csv")
    for told, code in (
        ({"key": "", "kind": "text/csv"}, "malformed_request"),
        ({"key": "a key", "kind": "text/csv"}, "malformed_request"),
        ({"key": "k", "kind": "application/zip"}, "unsupported_body"),
        ({"key": "k", "kind": "text/csv", "Content-Encoding": "gzip"}, "unsupported_body"),
        ({"key": "..", "kind": "application/pdf"}, "unsupported_body"),
        ({"key": "k", "kind": "text/csv", "source": "public_security"}, "access_denied"),
        ({"key": "k", "kind": "text/csv", "system": "permits"}, "access_denied"),
        ({"key": "k", "kind": "text/csv", "system": "operations", "source": "nowhere"}, "unknown_source"),
        (
            {"key": "k", "kind": "text/csv", "system": "operations", "source": "public_security"},
            "malformed_request",
        ),
    ):
        answer = push(hub, body, **told)
        assert answer.json()["code"] == code, told
        assert hub.entry(answer)["problem"] == code


def test_a_body_larger_than_the_source_takes_is_refused(hub):
    told = definition("small", options={"systems": ["pusher"], "largest_mib": 1})
    assert put(hub, told).status_code == 200
    answer = push(hub, b"x" * (1 << 20) + b"y", "large", source="small")
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_caller_whose_body_was_not_read_is_told_that_the_connection_ends(hub):
    assert (
        put(hub, definition("smaller", options={"systems": ["pusher"], "largest_mib": 1})).status_code == 200
    )
    for number in range(20):
        answer = push(hub, b"x" * (2 << 20), f"again-{number}", source="smaller")
        assert (answer.status_code, answer.headers["Connection"]) == (413, "close")
        answer = hub.http.post("/oauth/token", data={"grant_type": "x" * (1 << 20)})
        assert (answer.status_code, answer.headers["Connection"]) == (400, "close")
    assert "Connection" not in push(hub, written(firms(8405, 8406), "text/csv"), "whole").headers


def test_a_paused_source_takes_nothing(hub):
    assert put(hub, definition("paused", options={"systems": ["pusher"]})).status_code == 200
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        connection.execute(text("INSERT INTO library.pause VALUES ('paused', 'moving house', 'test', now())"))
    answer = push(hub, b"{}", "paused", source="paused")
    assert (answer.status_code, answer.json()["code"]) == (409, "source_paused")


def test_sources_are_registered_by_administrators_alone(hub):
    assert put(hub, definition("other"), system="pusher").status_code == 403
    new = put(hub, definition("other"))
    assert new.json()["registered"] == "new"
    changed = put(hub, definition("other", title="另一个"))
    assert (changed.json()["registered"], changed.json()["title"]) == ("changed", "另一个")
    assert changed.json()["ordinal"] == new.json()["ordinal"]
    seen = hub.http.get("/v1/sources", headers={"Authorization": f"Bearer {hub.token('pusher')}"}).json()
    assert {source["code"] for source in seen["sources"]} >= {"firms", "other"}
    assert "public_security" not in {source["code"] for source in seen["sources"]}
    every = hub.http.get("/v1/sources", headers={"Authorization": f"Bearer {hub.token('operations')}"}).json()
    assert "public_security" in {source["code"] for source in every["sources"]}
    assert (every["broken"], "broken" in seen) == ([], False)
    one = hub.http.get("/v1/sources/other", headers={"Authorization": f"Bearer {hub.token('pusher')}"}).json()
    assert one["columns"] == ["code", "name", "id"]


def test_a_definition_that_does_not_hold_together_is_refused(hub):
    for told, code in (
        (definition("bad", mapping={"name": {"column": "name"}}), "definition"),
        (definition("bad", options={"systems": []}), "definition"),
        (definition("bad", ordinal=1), "definition"),
        (definition("bad", quality=[{"rule": "matches", "item": "name"}]), "definition"),
        (
            definition("bad", connector="sql", options={"url": "mysql://a:secret@h/d", "table": "t"}),
            "definition",
        ),
        (definition("firms", ordinal=999), "definition"),
        (definition("public_security"), "already_registered"),
    ):
        answer = put(hub, told)
        assert answer.json()["code"] == code, json.dumps([told, answer.json()], ensure_ascii=False)
        assert "secret" not in answer.text
    assert put(hub, definition("bad"), code="worse").json()["code"] == "malformed_request"
    assert stored(hub, "SELECT 1 FROM catalog.source WHERE code IN ('bad', 'worse')") == []
