"""The client against the served hub, and its acts by themselves; ``docs/client.md`` by hand."""

import asyncio
import subprocess
import sys
from dataclasses import replace

import documents
import httpx
import orjson
import pytest
from exchange_api_hub import CASE, ITEMS, KEY, LAW, PERSON, PURPOSE, agreement, citizen
from joserfc.jwk import ECKey, RSAKey

from audit.recording import record_administration
from catalog.repository import Catalogue
from catalog.system import System
from exchange_api.client import AsyncClient, Bearing, Client, Reason, Signing, main, read_key
from exchange_api.client_core import Core, Lost, Pause, Request, Response
from infra.database import Role
from schemas.errors import AnswerNotProven, AuthenticationFailed, CallRefused, ConfigurationError

REASON = Reason(PURPOSE, LAW, CASE)
KEYS = (KEY, ECKey.generate_key("P-256"), RSAKey.generate_key(2048))
FIRST = {"name": "测试1"}


@pytest.fixture(scope="module")
def hub(served_hub):
    """The hub with a system that has a key of each kind and may read in bulk."""
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        keys = tuple(key.as_dict(private=False) for key in KEYS)
        catalogue.add_system(System("reader", "11500000009275123M", "reader", keys), actor="test")
        catalogue.add_agreement(agreement("a-bulk", "reader", PERSON, ITEMS, bulk=True), actor="test")
    served_hub.knows("reader")
    return served_hub


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kind", [Signing, Bearing])
def test_each_kind_of_key_signs_or_gets_a_token(hub, kind, key):
    with Client(hub.url, kind("reader", key), REASON) as client:
        assert client.record(PERSON, citizen(1), items=["name"])["data"] == FIRST
        assert client.query(PERSON, [citizen(1), citizen(2)])["missing"] == []


def test_the_awaited_client_does_the_same(hub):
    async def read():
        async with AsyncClient(hub.url, Signing("reader", KEY), REASON) as client:
            one = await client.record(PERSON, citizen(1), items=["name"])
            some = await client.query(PERSON, [citizen(1)], items=["name"])
            pages = [page.json() async for page in client.pages(PERSON, items=["name"], limit=200)]
            with pytest.raises(CallRefused):
                await client.record(PERSON, citizen(1), items=["marital_status"])
            return one, some, pages

    one, some, pages = asyncio.run(read())
    assert (one["data"], some["records"][0]["data"]) == (FIRST, FIRST)
    assert [len(page["records"]) for page in pages] == [200, 100]


def test_pages_follow_one_another_to_the_end(hub):
    with Client(hub.url, Signing("reader", KEY), REASON) as client:
        told = list(client.records(PERSON, items=["citizen_number"], limit=70))
        assert {one["data"]["citizen_number"] for one in told} == {citizen(n) for n in range(300)}
        assert len(told) == 300
        (one,) = client.records(PERSON, f"citizen_number = '{citizen(5)}'", items=["name"])
        assert one["data"] == {"name": "测试5"}


def test_records_become_tables_and_frames(hub):
    with Client(hub.url, Signing("reader", KEY), REASON) as client:
        table = client.table(PERSON, items=["name", "sex"])
        assert table.num_rows == 300
        assert {"name", "sex", "_version"} <= set(table.column_names)
        frame = client.frame(PERSON, f"citizen_number = '{citizen(5)}'", items=["name"])
        assert list(frame["name"]) == ["测试5"]


def test_a_refusal_says_what_the_hub_said(hub):
    with (
        Client(hub.url, Signing("reader", KEY), replace(REASON, purpose="other")) as client,
        pytest.raises(CallRefused) as refused,
    ):
        client.record(PERSON, citizen(1))
    assert (refused.value.context["status"], refused.value.context["problem"]) == (403, "purpose_not_agreed")
    with (
        Client(hub.url, Bearing("reader", RSAKey.generate_key(2048)), REASON) as client,
        pytest.raises(AuthenticationFailed),
    ):
        client.record(PERSON, citizen(1))


def test_a_hub_that_is_not_there_is_told_as_httpx_tells_it():
    with (
        Client("http://127.0.0.1:9", Signing("reader", KEY), REASON, keys={"keys": []}, tries=1) as client,
        pytest.raises(httpx.ConnectError),
    ):
        client.record(PERSON, citizen(1))


# ── the acts by themselves, with what the hub really answered ────────────────────────────────────────


def answered(hub, request):
    sent = hub.http.request(
        request.method, request.url, headers=dict(request.headers), content=request.content
    )
    return Response(sent.status_code, dict(sent.headers), sent.content)


def begun(hub):
    """An act that reads a record, and its request."""
    keys = hub.http.get("/.well-known/answer-keys.json").json()
    act = Core(hub.url, Signing("reader", KEY), REASON, keys).record(PERSON, citizen(1), ["name"])
    return act, next(act)


def test_an_altered_answer_is_not_believed(hub):
    act, request = begun(hub)
    answer = answered(hub, request)
    with pytest.raises(AnswerNotProven):
        act.send(replace(answer, content=answer.content.replace("测试1".encode(), "测试2".encode())))
    act, request = begun(hub)
    without = {n: v for n, v in answered(hub, request).headers.items() if n != "hub-proof"}
    with pytest.raises(AnswerNotProven):
        act.send(Response(200, without, b"{}"))


def test_an_answer_to_another_call_is_not_believed(hub):
    _, other = begun(hub)
    act, _ = begun(hub)
    with pytest.raises(AnswerNotProven, match="another request"):
        act.send(answered(hub, other))


def test_what_was_lost_is_sent_again_signed_anew(hub):
    act, first = begun(hub)
    assert isinstance(act.throw(Lost()), Pause)
    again = next(act)
    assert isinstance(again, Request)
    assert again.headers["signature"] != first.headers["signature"]
    with pytest.raises(StopIteration) as done:
        act.send(answered(hub, again))
    assert done.value.value.json()["data"] == FIRST


def test_the_hub_is_waited_for_as_long_as_it_says(hub):
    busy = orjson.dumps({"detail": "Busy.", "code": "ledger_unavailable"})
    kind = {"content-type": "application/problem+json"}
    act, _ = begun(hub)
    assert act.send(Response(503, kind | {"retry-after": "7"}, busy)) == Pause(7.0)
    for headers in (kind, kind | {"retry-after": "3600"}):  # it does not say, or until tomorrow
        act, _ = begun(hub)
        with pytest.raises(CallRefused) as refused:
            act.send(Response(503, headers, busy))
        assert refused.value.context["problem"] == "ledger_unavailable"


def test_it_gives_up_in_the_end(hub):
    act, _ = begun(hub)
    for _turn in range(2):
        assert isinstance(act.throw(Lost()), Pause)
        next(act)
    with pytest.raises(Lost):
        act.throw(Lost())


# ── alone, and by hand ────────────────────────────────────────────────────────────────────────────────


def test_nothing_of_the_server_is_imported():
    heavy = (
        "fastapi",
        "starlette",
        "sqlalchemy",
        "asyncpg",
        "psycopg",
        "granian",
        "pyarrow",
        "pandas",
        "duckdb",
        "pydantic",
    )
    code = f"import exchange_api.client, sys; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "reader.jwk"
    path.write_bytes(orjson.dumps(KEY.as_dict(private=True)))
    return path


def test_the_page_works_as_written(hub, key_file):
    for example in documents.blocks(documents.page("client.md"), "python"):
        here = example.replace("http://127.0.0.1:8080", hub.url).replace("reader.jwk", str(key_file))
        exec(compile(here, "docs/client.md", "exec"), {})  # each says by assert what it should show


def test_records_are_read_by_command(hub, key_file, capsys):
    asked = ["--url", hub.url, "--system", "reader", "--key", str(key_file)]
    asked += ["--purpose", PURPOSE, "--legal-basis", LAW, "--case", CASE, "--items", "name"]
    assert main([*asked, PERSON, citizen(1)]) == 0
    assert orjson.loads(capsys.readouterr().out)["records"][0]["data"] == FIRST
    assert main([*asked, "--token", "--filter", f"citizen_number = '{citizen(1)}'", PERSON]) == 0
    assert orjson.loads(capsys.readouterr().out)["data"] == FIRST
    assert main([*asked, "no_such_resource", citizen(1)]) == 1
    assert "no such resource" in capsys.readouterr().err


def test_a_file_that_is_no_key_is_told(tmp_path):
    (tmp_path / "key").write_text("no")
    for name in ("key", "none"):
        with pytest.raises(ConfigurationError):
            read_key(tmp_path / name)
