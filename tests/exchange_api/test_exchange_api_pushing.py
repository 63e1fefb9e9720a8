"""Pushing under faults: cut off, killed, full, large, twice at once; nothing is lost or doubled."""

import json
import os
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from exchange_api_hub import Served
from pushed_firms import (
    credit_code,
    definition,
    firms,
    push,
    put,
    stored,
    until,
    written,
)
from sqlalchemy import text

from hub.server import answers, command, environment, free_port
from infra.database import Role

LINES = "application/x-ndjson"
BATCH_ROWS = 500
MOST_GROWTH = 150  # MiB


@contextmanager
def process(hub):
    """Serve the hub once more, with one worker and small batches; yields how to speak to it, and its process."""
    port = free_port()
    url = f"http://{hub.settings.host}:{port}"
    changed = {"port": port, "public_url": url, "workers": 1, "batch_rows": BATCH_ROWS}
    settings = hub.settings.model_copy(update=changed)
    with (hub.settings.home / "small.log").open("ab") as log:
        running = subprocess.Popen(
            command(settings), env=environment(settings), stdout=log, stderr=log, start_new_session=True
        )
    try:
        assert until(lambda: answers(url), 200)
        yield Served(url, settings, hub.database, hub.keyring), psutil.Process(running.pid)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


@pytest.fixture(scope="module")
def small(hub):
    with process(hub) as served:
        yield served


def family(running: psutil.Process) -> tuple[psutil.Process, psutil.Process]:
    """The worker, and the process beside it that stores what is pushed."""
    found = [
        (worker, child)
        for worker in running.children()
        for child in worker.children()
        if "spawn_main" in " ".join(child.cmdline())
    ]
    return found[-1]


def pulled(hub, key) -> int:
    query = f"SELECT coalesce(sum(pulled), 0) FROM library.batch WHERE pull_window = 'push {key}'"
    return int(stored(hub, query)[0][0])


def known(hub, first, last) -> tuple[int, int]:
    """How many of these firms the library knows, and from how many contributions."""
    names = [f"重庆{n}公司" for n in range(first, last)]
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        golden = connection.execute(
            text("SELECT count(*) FROM library.golden_legal_person WHERE name = ANY(:names)"),
            {"names": names},
        ).scalar_one()
        rows = connection.execute(
            text("SELECT count(*) FROM library.contribution_legal_person WHERE name = ANY(:names)"),
            {"names": names},
        ).scalar_one()
    return golden, rows


def status(hub, key, source="firms", system="pusher"):
    headers = {"Authorization": f"Bearer {hub.token(system)}"}
    return hub.http.get(f"/v1/sources/{source}/batches/{key}", headers=headers).json()


@contextmanager
def in_part(hub, sender, first, key):
    """Begin to push 6,000 firms; yields what is pushed and its answer to come while some of it is stored and the rest waits."""
    body = written(firms(first, first + 6_000), LINES)
    with ThreadPoolExecutor(1) as pool, hub.database.engine(Role.APPLICATION).connect() as holding:
        sending = pool.submit(push, sender, body, key)
        assert until(lambda: pulled(hub, key) > 0 or sending.done(), 400)
        holding.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('library.legal_person', 0))"))
        assert 0 < pulled(hub, key) < 6_000, "the library was not held in time"
        yield body, sending


def goes_on(hub, sender, first, key, body) -> None:
    """The same body under the same key ends as if nothing had happened, and no other body can take its place."""
    assert 0 < pulled(hub, key) < 6_000
    so_far = status(sender, key)
    assert (so_far["finished"], so_far["pulled"]) == (False, pulled(hub, key))
    other = push(sender, body + b"\n", key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    answers = []  # the server of the database notices in its own time that whom it served is dead
    assert until(lambda: answers.append(push(sender, body, key)) or answers[-1].status_code != 409)
    told = answers[-1].json()
    assert (told["pulled"], told["created"], told["quarantined"]) == (6_000, 5_999, 1)
    shown = {name: value for name, value in told.items() if name != "repeated"}
    assert status(sender, key) == shown | {"finished": True}
    assert known(hub, first, first + 6_000) == (5_999, 5_999)
    assert not any((hub.settings.home / "pushed").glob("*/*/*"))


def test_a_push_whose_server_is_killed_goes_on_where_it_stopped(hub, small):
    with process(hub) as (killed, running), in_part(hub, killed, 100_000, "killed") as (body, sending):
        worker, storing = family(running)
        for one in (running, worker):
            one.kill()
        psutil.wait_procs([storing], 20)
        assert not storing.is_running()  # by itself: who stores ends with its worker, and lets the source go
        with pytest.raises(httpx.TransportError):
            sending.result()
    with process(hub) as (again, _):
        goes_on(hub, again, 100_000, "killed", body)


def test_a_push_whose_storing_process_is_killed_goes_on_where_it_stopped(hub, small):
    sender, running = small
    assert push(sender, written(firms(118_000, 118_010), LINES), "before").status_code == 200
    with in_part(hub, sender, 120_000, "storing") as (body, sending):
        family(running)[1].kill()
        answer = sending.result()
    assert (answer.status_code, answer.json()["code"]) == (503, "push_interrupted")
    assert answer.headers["retry-after"] == "5"
    assert hub.entry(answer)["outcome"] == "failed"
    goes_on(hub, sender, 120_000, "storing", body)


def test_a_key_is_taken_by_one_request_at_a_time(hub, small):
    sender, _ = small
    assert push(hub, written(firms(138_000, 138_010), LINES), "warm").status_code == 200
    with in_part(hub, sender, 140_000, "shared") as (body, sending):
        for sent in (body, body + b"\n"):
            refused = push(hub, sent, "shared")
            assert (refused.status_code, refused.json()["code"]) == (409, "push_busy")
            assert refused.headers["retry-after"]
        busy = push(hub, written(firms(147_000, 147_010), LINES), "another")
        assert (busy.status_code, busy.json()["code"]) == (409, "source_busy")
    assert sending.result().json()["pulled"] == 6_000
    assert push(hub, body, "shared").json()["repeated"] is True
    assert push(hub, written(firms(147_000, 147_010), LINES), "another").json()["created"] == 9
    assert known(hub, 140_000, 146_000) == (5_999, 5_999)


def test_a_body_that_goes_wrong_late_tells_what_of_it_is_stored(hub, small):
    sender, _ = small
    good = written(firms(150_000, 151_200), LINES)
    answer = push(sender, good + b"\nno json\n", "late")
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_format")
    so_far = status(sender, "late")
    assert (so_far["finished"], so_far["pulled"]) == (False, 2 * BATCH_ROWS)
    corrected = push(sender, good, "late")
    assert corrected.json()["code"] == "idempotency_key_reused"
    told = push(sender, good, "late-corrected").json()
    assert (told["pulled"], told["unchanged"], told["created"]) == (1_200, 2 * BATCH_ROWS - 1, 200)
    assert known(hub, 150_000, 151_200) == (1_199, 1_199)


def test_what_became_of_a_push_is_told_to_its_senders_alone(hub):
    assert status(hub, "never-sent")["code"] == "unknown_push"
    assert status(hub, "never-sent", system="permits")["code"] == "access_denied"
    assert status(hub, "a%20key")["code"] == "malformed_request"


def test_a_full_disk_refuses_the_body_and_nothing_is_left(hub, small):
    sender, running = small
    assert push(sender, written(firms(158_000, 158_010), LINES), "room").status_code == 200
    worker, _ = family(running)
    _, hard = worker.rlimit(psutil.RLIMIT_FSIZE)
    worker.rlimit(psutil.RLIMIT_FSIZE, (1 << 20, hard))
    answer = push(sender, written(firms(160_000, 180_000), LINES), "full")
    worker.rlimit(psutil.RLIMIT_FSIZE, (hard, hard))
    assert (answer.status_code, answer.json()["code"]) == (507, "spool_full")
    assert hub.entry(answer)["problem"] == "spool_full"
    assert not any((hub.settings.home / "pushed").glob("*/*/*"))
    assert push(sender, written(firms(160_000, 160_010), LINES), "full").json()["created"] == 9


def test_a_body_stated_too_large_is_refused_before_it_is_sent(hub):
    place = urlsplit(hub.url)
    head = (
        f"POST /v1/sources/firms/batches HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {hub.token('pusher')}\r\n"
        f"Idempotency-Key: huge\r\nContent-Type: text/csv\r\nContent-Length: {5 << 30}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(65_536).decode()
    assert answer.startswith("HTTP/1.1 413 ")
    assert "body_too_large" in answer


def test_a_cut_chunked_body_stores_nothing(hub):
    place, before = urlsplit(hub.url), hub.refusals("body_damaged")
    head = (
        f"POST /v1/sources/firms/batches HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {hub.token('pusher')}\r\n"
        "Idempotency-Key: cut\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    body = written(firms(190_000, 190_010), LINES)
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.sendall(
            head.encode() + f"{len(body):x}\r\n".encode() + body + b"\r\n"
        )  # and no last chunk
    assert until(lambda: hub.refusals("body_damaged") == before + 1)
    assert status(hub, "cut")["code"] == "unknown_push"
    assert known(hub, 190_000, 190_010) == (0, 0)


def test_csv_with_a_byte_order_mark_and_json_under_a_record_path(hub, small):
    sender, _ = small
    rows = written(firms(191_000, 191_010), "text/csv").decode("gb18030")
    assert push(sender, rows.encode("utf-8-sig"), "marked", "text/csv").json()["created"] == 9
    nested = definition("nested", options={"systems": ["pusher"], "record_path": "data.items"})
    nested["mapping"] |= {"staff_count": {"column": "staff"}}  # which the few records below leave out
    assert put(hub, nested).status_code == 200
    items = firms(192_000, 192_010).to_pylist()
    body = {"success": True, "data": {"total": 10, "items": items, "next": None}}
    answer = push(sender, json.dumps(body).encode(), "deep", "application/json", source="nested")
    assert answer.json()["created"] == 9
    keyless = json.dumps({"data": {"items": [{"id": "1", "name": "甲"}]}}).encode()
    lacking = push(sender, keyless, "keyless", "application/json", source="nested")
    assert (lacking.status_code, lacking.json()["code"]) == (422, "missing_column")
    wrong = push(sender, b'{"data": {}}', "shallow", "application/json", source="nested")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_format")


def test_memory_does_not_grow_with_the_body(small, record_property):
    """A body of 240 MB in chunks, sent while its sender makes it."""
    sender, running = small
    filler = "x" * 24_000

    def lines(first, last):
        for number in range(first, last):
            row = {
                "id": str(number),
                "code": credit_code(number),
                "name": f"重庆{number}公司",
                "note": filler,
            }
            yield json.dumps(row).encode() + b"\n"

    assert push(sender, b"".join(lines(200_000, 201_000)), "small").json()["created"] == 1_000
    processes = dict(zip(("worker", "storing"), family(running), strict=True))
    before = {name: peak(found) for name, found in processes.items()}
    told = push(sender, lines(210_000, 220_000), "large").json()
    after = {name: peak(found) for name, found in processes.items()}
    record_property("peak MiB", {name: (before[name], after[name]) for name in before})
    assert told["created"] == 10_000
    assert all(after[name] - before[name] < MOST_GROWTH for name in before), (before, after)


def peak(found: psutil.Process) -> int:
    """The most memory that a process ever had, in MiB."""
    told = Path(f"/proc/{found.pid}/status").read_text(encoding="utf-8")
    (line,) = [line for line in told.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) >> 10
