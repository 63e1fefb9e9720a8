"""Departments' JSON interfaces: a real HTTP server, every paging, every refusal, and every way to be interrupted."""

import base64
import email.utils
import json
import logging
import time
from urllib.parse import parse_qsl

import pytest

from connectors.batch import content_digest
from connectors.pull import pull, standing
from connectors.rest.connector import RestConnector
from schemas.errors import (
    ConfigurationError,
    DefinitionError,
    MissingColumn,
    SourceError,
    SourceLoginFailed,
    SourceUnreachable,
    WrongFormat,
)
from tests.connectors.json_interface import JsonInterface, Reply, Request

SECRET = "s3cret-k3y"
MAPPING = {"credit_code": "code", "name": "name", "division": "address.division", "staff_count": "staff"}


def companies(number: int, first: int = 0) -> list[dict]:
    return [
        {
            "id": n,
            "code": f"91500000{n:010d}",
            "name": f"重庆{n}公司",
            "address": {"division": "500103", "lines": ["渝中"]},
            "staff": n,
            "active": True,
            "updated": f"2026-01-01 {n // 60 % 24:02d}:{n % 60:02d}:00",
        }
        for n in range(first, first + number)
    ]


@pytest.fixture
def serve():
    made = []

    def start(answer, port=0) -> JsonInterface:
        made.append(JsonInterface(answer, port))
        return made[-1]

    yield start
    for interface in made:
        interface.close()


@pytest.fixture
def api_source(define):
    def make(interface, mapping=None, **fields):
        url = interface if isinstance(interface, str) else f"{interface.url}/companies"
        options = {"url": url, "records": "data.items", "retries": 2} | fields.pop("options", {})
        fields = {"resource": "legal_person", "row_id": "id"} | fields
        return define("rest", options, mapping or MAPPING, **fields)

    return make


def ids(batches) -> list[int]:
    return [int(number) for batch in batches for number in batch.table.column("id").to_pylist()]


def paged(rows, by: str, size: int = 7):
    """Serve ``rows`` (a list, or a function of the request) in the given paging."""

    def answer(request: Request) -> Reply:
        now = rows(request) if callable(rows) else rows
        if by == "page":
            at = (int(request.query["page"]) - 1) * size
        elif by == "offset":
            at = int(request.query["offset"])
        else:
            at = int(request.query.get("after", "0"))
        data = {"items": now[at : at + size], "total": len(now)}
        headers = {}
        if at + size < len(now):
            data["next"] = at + size
            link = f"/companies?after={at + size}&key={SECRET}"
            data["next_url"] = link
            headers["Link"] = f'<{link}>; rel="next", </companies>; rel="first"'
        return Reply({"data": data}, headers=headers)

    return answer


PAGINGS = {
    "page": {"by": "page", "parameter": "page", "size_parameter": "size", "size": 1000},
    "page with total": {"by": "page", "parameter": "page", "total": "data.total"},
    "offset": {"by": "offset", "parameter": "offset"},
    "cursor": {"by": "cursor", "parameter": "after", "cursor": "data.next"},
    "link header": {"by": "link"},
    "link in the body": {"by": "link", "next": "data.next_url"},
}


@pytest.fixture(params=PAGINGS)
def paging(request):
    return PAGINGS[request.param]


@pytest.fixture
def waits():
    return []


@pytest.fixture
def patient(waits, monkeypatch):
    """Pull without waiting; the waits are kept."""
    make = RestConnector.__init__

    def without_waiting(self, source):
        make(self, source, sleep=waits.append)

    monkeypatch.setattr(RestConnector, "__init__", without_waiting)


# ── paging ───────────────────────────────────────────────────────────────────────────────────────────


def test_all_pages_are_read_and_gone_on_from_every_batch(serve, api_source, paging):
    source = api_source(serve(paged(companies(45), paging["by"])), options={"paging": paging})
    whole = list(pull(source, None, 10))
    assert ids(whole) == list(range(45))
    assert [batch.number_of_rows for batch in whole] == [10, 10, 10, 10, 5]
    assert whole[0].table.column("_row").to_pylist()[3] == "3"
    assert whole[0].table.column("address.division").to_pylist() == ["500103"] * 10
    assert whole[0].table.column("staff").to_pylist()[3] == "3"
    assert whole[0].shape["address.division"] == "text"
    assert whole[0].shape["staff"] == "number"
    assert whole[0].shape["active"] == "boolean"
    assert whole[0].shape["address"] == "object"
    for done in range(4):
        state = json.loads(json.dumps(whole[done].watermark))
        rest = list(pull(source, state, 10))
        assert [batch.digest for batch in rest] == [batch.digest for batch in whole[done + 1 :]]
        assert rest[-1].watermark == whole[-1].watermark
    assert ids(pull(source, whole[-1].watermark, 10)) == list(range(45))


def test_one_answer_may_hold_all_and_be_the_list_itself(serve, api_source):
    interface = serve(lambda request: Reply(companies(3)))
    (batch,) = pull(api_source(interface, options={"records": ""}))
    assert ids([batch]) == [0, 1, 2]
    assert len(interface.requests) == 1


def test_nothing_there_yields_nothing(serve, api_source, paging):
    assert list(pull(api_source(serve(paged([], paging["by"])), options={"paging": paging}))) == []


def test_a_post_carries_parameters_in_its_body(serve, api_source):
    def answer(request):
        asked = json.loads(request.body)
        assert asked["filter"] == {"kind": "company"}
        at = asked["paging"]["offset"]
        return Reply({"data": {"items": companies(9)[at : at + 4]}})

    options = {
        "method": "POST",
        "body": {"filter": {"kind": "company"}, "paging": {"order": "id"}},
        "paging": {"by": "offset", "parameter": "paging.offset"},
    }
    interface = serve(answer)
    assert ids(pull(api_source(interface, options=options))) == list(range(9))
    assert json.loads(interface.requests[0].body)["paging"] == {"order": "id", "offset": 0}
    form = options | {"body_as": "form", "body": {"kind": "company"}, "paging": None}
    seen = serve(lambda request: Reply({"data": {"items": companies(1)}}))
    assert ids(pull(api_source(seen, options=form))) == [0]
    assert dict(parse_qsl(seen.requests[0].body)) == {"kind": "company"}


def test_a_page_twice_and_a_row_on_two_pages_lose_nothing(serve, api_source):
    """A row put in at the front while pages are read pushes one over the page's end: it comes twice, none is lost."""
    rows = companies(20)

    def growing(request):
        if request.query["page"] == "2" and len(rows) == 20:
            rows.insert(0, companies(1, 99)[0])
        return rows

    source = api_source(serve(paged(growing, "page")), options={"paging": PAGINGS["page"]})
    found = ids(pull(source, None, 6))
    assert found == [*range(7), 6, *range(7, 20)]

    def twice(request):
        at = max(int(request.query["page"]) - 2, 0) * 7
        return Reply({"data": {"items": companies(20)[at : at + 7]}})

    source = api_source(serve(twice), options={"paging": PAGINGS["page"]})
    assert set(ids(pull(source, None, 6))) == set(range(20))


def test_pages_that_never_end_are_refused(serve, api_source):
    same = serve(
        lambda request: Reply({"data": {"items": companies(3), "next": "x", "next_url": "/companies"}})
    )
    for paging in (PAGINGS["page"], PAGINGS["cursor"], PAGINGS["link in the body"]):
        with pytest.raises(WrongFormat, match="same page again and again"):
            list(pull(api_source(same, options={"paging": paging})))


@pytest.mark.parametrize(
    "link", ["http://169.254.169.254/latest", "//elsewhere/x", "https://127.0.0.1/x", "http://["]
)
def test_a_link_to_another_host_is_refused(serve, api_source, link):
    interface = serve(lambda request: Reply({"data": {"items": companies(3), "next_url": link}}))
    with pytest.raises(WrongFormat, match="another host"):
        list(pull(api_source(interface, options={"paging": PAGINGS["link in the body"]})))
    assert len(interface.requests) == 1


def test_a_redirect_is_not_followed(serve, api_source):
    interface = serve(lambda request: Reply(status=302, headers={"Location": "http://169.254.169.254/"}))
    with pytest.raises(SourceError, match="status 302"):
        list(pull(api_source(interface)))


def test_a_cursor_that_expired_leads_back_to_the_first_page(serve, api_source):
    expired = []

    def answer(request):
        if request.query.get("after") in expired:
            expired.clear()  # what is given out from now on is good
            return Reply({"error": "cursor expired"}, 410)
        return paged(companies(20), "cursor")(request)

    source = api_source(serve(answer), options={"paging": PAGINGS["cursor"]})
    state = next(iter(pull(source, None, 10))).watermark
    expired.append("7")
    assert ids(pull(source, state, 10)) == list(range(20))


def test_a_page_that_changed_since_is_given_again_whole(serve, api_source):
    rows = companies(14)
    source = api_source(serve(paged(rows, "offset")), options={"paging": PAGINGS["offset"]})
    state = next(iter(pull(source, None, 10))).watermark
    del rows[8]
    assert ids(pull(source, state, 10)) == [7, *range(9, 14)]


# ── what changed ─────────────────────────────────────────────────────────────────────────────────────


def since(rows, by="cursor", inclusive=True):
    """Serve what changed since the parameter, in order of change."""

    def newer(request):
        floor = request.query.get("since", "")
        found = [row for row in rows if row["updated"] > floor or (inclusive and row["updated"] == floor)]
        return sorted(found, key=lambda row: (row["updated"], row["id"]))

    return paged(newer, by)


CHANGES = {"watermark": {"column": "updated"}}


def test_only_what_changed_is_pulled_again(serve, api_source):
    rows = companies(20)
    interface = serve(since(rows))
    options = {"paging": PAGINGS["cursor"], "since": {"parameter": "since"}}
    source = api_source(interface, options=options, **CHANGES)
    state = list(pull(source, None, 6))[-1].watermark
    assert list(pull(source, state)) == []
    assert interface.requests[-1].query["since"] == "2026-01-01 00:19:00"
    rows.append(companies(1, 500)[0] | {"updated": "2026-01-01 00:19:00"})
    rows[3]["updated"] = "2026-02-01 00:00:00"
    again = list(pull(source, state))
    assert ids(again) == [500, 3]
    assert again[0].window == "changed since 2026-01-01 00:19:00"
    assert list(pull(source, again[-1].watermark)) == []


def test_a_pull_of_changes_is_gone_on_from_every_batch(serve, api_source, paging):
    options = {"paging": paging, "since": {"parameter": "since"}}
    source = api_source(serve(since(companies(45), paging["by"])), options=options, **CHANGES)
    whole = list(pull(source, None, 10))
    for done in range(4):
        rest = list(pull(source, whole[done].watermark, 10))
        assert [batch.digest for batch in rest] == [batch.digest for batch in whole[done + 1 :]]
        assert rest[-1].watermark == whole[-1].watermark


def test_a_row_that_numbered_pages_passed_over_comes_with_the_next_pull(serve, api_source):
    """A row that changes while pages are read leaves its place, and the one behind the page's end moves into the page."""
    rows = companies(20)

    def moving(request):
        if request.query["page"] == "2" and rows[0]["updated"] < "2026-02":
            rows[0]["updated"] = "2026-02-01 00:00:00"

    def answer(request):
        moving(request)
        return since(rows, "page")(request)

    options = {"paging": PAGINGS["page"], "since": {"parameter": "since"}}
    source = api_source(serve(answer), options=options, **CHANGES)
    first = list(pull(source, None, 6))
    assert 7 not in ids(first)
    second = list(pull(source, first[-1].watermark, 6))
    assert 7 in ids(second)
    assert list(pull(source, second[-1].watermark)) == []


def test_the_watermark_is_written_as_the_interface_wants_it(serve, api_source):
    rows = [row | {"updated": f"2026-01-0{n + 1}T00:00:00Z"} for n, row in enumerate(companies(3))]
    interface = serve(paged(rows, "cursor"))
    told = {"parameter": "since", "format": "%Y%m%d%H%M%S", "overlap_seconds": 60}
    source = api_source(interface, options={"since": told}, **CHANGES)
    state = list(pull(source))[-1].watermark
    assert state["since"] == "2026-01-03T00:00:00Z"
    list(pull(source, state))
    assert interface.requests[-1].query["since"] == "20260103075900"  # China's time, a minute earlier


def test_a_member_left_out_of_few_changes_is_empty_and_one_missing_from_many_is_named(serve, api_source):
    rows = companies(60)
    options = {"paging": PAGINGS["cursor"], "since": {"parameter": "since"}}
    source = api_source(serve(since(rows)), options=options, **CHANGES)
    state = list(pull(source))[-1].watermark
    rows.append({"id": 700, "code": "91", "name": "新", "updated": "2026-03-01 00:00:00"})
    (batch,) = pull(source, state)
    assert batch.table.column("staff").to_pylist() == [None]
    assert batch.missing == ()
    assert batch.shape["staff"] == "number"
    for row in rows:
        del row["name"]
    with pytest.raises(MissingColumn, match="have no 'name'"):
        list(pull(api_source(serve(paged(rows, "link", 100)))))
    bare = api_source(serve(paged(rows, "link", 100)), drift="evolve")
    (batch,) = pull(bare)
    assert batch.missing == ("name",)


def test_deletions_are_found_in_all_pages(serve, api_source, paging):
    interface = serve(paged(companies(20), paging["by"]))
    source = api_source(interface, options={"paging": paging}, deletions={"by": "comparison"})
    found = {reference for part in standing(source) for reference in part.to_pylist()}
    assert found == {str(n) for n in range(20)}


# ── credentials ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (
            {"by": "bearer", "token": "${env:KEY}"},
            lambda asked: asked.headers["authorization"] == f"Bearer {SECRET}",
        ),
        (
            {"by": "api_key", "name": "X-Key", "key": "${env:KEY}"},
            lambda asked: asked.headers["x-key"] == SECRET,
        ),
        (
            {"by": "api_key", "name": "key", "key": "${env:KEY}", "place": "query"},
            lambda asked: asked.query["key"] == SECRET,
        ),
        (
            {"by": "basic", "user": "hub", "password": "${env:KEY}"},
            lambda asked: base64.b64decode(asked.headers["authorization"][6:]).decode() == f"hub:{SECRET}",
        ),
    ],
)
def test_credentials_go_with_every_request_and_nowhere_else(
    serve, api_source, monkeypatch, caplog, told, shown
):
    monkeypatch.setenv("KEY", SECRET)
    caplog.set_level(logging.DEBUG)
    interface = serve(paged(companies(20), "link"))
    source = api_source(interface, options={"authentication": told, "paging": PAGINGS["link in the body"]})
    batches = list(pull(source, None, 10))
    assert ids(batches) == list(range(20))
    assert len(interface.requests) == 3
    assert all(shown(asked) for asked in interface.requests)
    assert SECRET not in caplog.text
    if told.get("place") == "query":  # the link echoes the key
        assert SECRET not in json.dumps([batch.watermark for batch in batches])
    refusing = serve(lambda request: Reply({"message": SECRET}, 403))
    with pytest.raises(SourceLoginFailed) as caught:
        list(pull(api_source(refusing, options={"authentication": told})))
    assert SECRET not in str(caught.value)


def test_a_secret_in_a_definition_is_refused(api_source, serve):
    for told in ({"by": "bearer", "token": SECRET}, {"by": "basic", "user": "hub", "password": SECRET}):
        with pytest.raises(DefinitionError, match=r"options\.authentication\.\w+: .*is a secret") as caught:
            api_source("http://127.0.0.1:1", options={"authentication": told})
        assert SECRET not in str(caught.value)
    with pytest.raises(DefinitionError, match="holds a password") as caught:
        list(pull(api_source(f"http://hub:{SECRET}@127.0.0.1:1/")))
    assert SECRET not in str(caught.value)
    told = {"by": "bearer", "token": "${env:NOT_SET}"}
    with pytest.raises(ConfigurationError, match="NOT_SET"):
        list(pull(api_source("http://127.0.0.1:1", options={"authentication": told})))


class TokenServer:
    """Gives tokens that live ``life`` seconds; ``withdrawn`` ones are refused."""

    def __init__(self, life):
        self.given, self.withdrawn, self.life = 0, set(), life

    def __call__(self, request):
        if request.path == "/token":
            if base64.b64decode(request.headers["authorization"][6:]).decode() != f"hub:{SECRET}":
                return Reply({"error": "invalid_client"}, 401)
            assert dict(parse_qsl(request.body)) == {"grant_type": "client_credentials", "scope": "read"}
            self.given += 1
            return Reply({"access_token": f"t{self.given}", "expires_in": self.life, "token_type": "Bearer"})
        if request.headers.get("authorization") != f"Bearer t{self.given}" or self.given in self.withdrawn:
            return Reply({}, 401)
        return paged(companies(45), "cursor")(request)


def test_a_token_is_fetched_renewed_before_it_expires_and_after_one_refusal(serve, api_source, monkeypatch):
    monkeypatch.setenv("KEY", SECRET)
    tokens = TokenServer(100)
    interface = serve(tokens)
    told = {
        "by": "oauth2",
        "token_url": f"{interface.url}/token",
        "client_id": "hub",
        "client_secret": "${env:KEY}",
    }
    options = {"authentication": told | {"scope": "read"}, "paging": PAGINGS["cursor"]}
    now = [0.0]
    connector = RestConnector(api_source(interface, options=options), clock=lambda: now[0])
    deliveries = connector.deliveries(None, 7)
    assert next(deliveries).table.num_rows == 7
    assert tokens.given == 1
    now[0] = 71.0  # seconds: 30 before it expires
    next(deliveries)
    assert tokens.given == 2
    tokens.withdrawn.add(2)
    assert sum(delivery.table.num_rows for delivery in deliveries) == 31
    assert tokens.given == 3
    connector.close()


def test_a_token_that_is_refused_or_none_is_a_failed_login(serve, api_source, monkeypatch):
    monkeypatch.setenv("KEY", "wr0ng")
    interface = serve(TokenServer(100))
    told = {
        "by": "oauth2",
        "token_url": f"{interface.url}/token",
        "client_id": "hub",
        "client_secret": "${env:KEY}",
    }
    with pytest.raises(SourceLoginFailed, match="refused the login") as caught:
        list(pull(api_source(interface, options={"authentication": told})))
    assert "wr0ng" not in str(caught.value)
    monkeypatch.setenv("KEY", SECRET)
    tokens = TokenServer(100)
    tokens.withdrawn.update(range(99))
    refused = serve(tokens)
    told = told | {"token_url": f"{refused.url}/token", "scope": "read"}
    with pytest.raises(SourceLoginFailed):
        list(pull(api_source(refused, options={"authentication": told})))
    assert tokens.given == 2
    none = serve(lambda request: Reply({"token": "x"}))
    with pytest.raises(WrongFormat, match="without an access_token"):
        list(pull(api_source(none, options={"authentication": told | {"token_url": f"{none.url}/token"}})))


# ── a system that ails ───────────────────────────────────────────────────────────────────────────────


def test_a_connection_that_drops_within_a_page_is_made_again(serve, api_source, paging, patient, waits):
    calls = []

    def answer(request):
        calls.append(request)
        reply = paged(companies(20), paging["by"])(request)
        return Reply(reply.value, headers=reply.headers, drop=200) if len(calls) == 2 else reply

    source = api_source(serve(answer), options={"paging": paging})
    assert ids(pull(source, None, 6)) == list(range(20))
    assert len(waits) == 1
    assert 0 <= waits[0] <= 60


def test_a_server_that_restarts_is_waited_for(serve, api_source, monkeypatch):
    rows = companies(20)
    first = serve(paged(rows, "cursor"))
    source = api_source(first, options={"paging": PAGINGS["cursor"]})
    make, restarted = RestConnector.__init__, []

    def restart(seconds):
        restarted.append(serve(paged(rows, "cursor"), first.port))

    monkeypatch.setattr(RestConnector, "__init__", lambda self, source: make(self, source, sleep=restart))
    batches = pull(source, None, 7)
    found = ids([next(batches)])
    first.close()
    found += ids(batches)
    assert found == list(range(20))


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_retry_after_is_kept_to(serve, api_source, patient, waits, status):
    dated = email.utils.formatdate(time.time() + 50, usegmt=True)
    replies = [Reply({}, status, {"Retry-After": "7"}), Reply({}, status, {"Retry-After": dated})]
    interface = serve(lambda request: replies.pop(0) if replies else Reply({"data": {"items": companies(2)}}))
    assert ids(pull(api_source(interface))) == [0, 1]
    assert waits[0] == 7
    assert 45 < waits[1] <= 50


def test_a_wait_that_is_too_long_or_a_system_that_stays_ill_is_unreachable(serve, api_source, patient, waits):
    long = serve(lambda request: Reply({}, 503, {"Retry-After": "86400"}))
    with pytest.raises(SourceUnreachable, match="left alone for 86400 seconds"):
        list(pull(api_source(long)))
    assert waits == []
    ill = serve(lambda request: Reply({}, 503, {"Retry-After": "soon"}))
    with pytest.raises(SourceUnreachable, match="answers with status 503"):
        list(pull(api_source(ill)))
    assert len(ill.requests) == 3
    with pytest.raises(SourceUnreachable, match=r"127\.0\.0\.1:1/x cannot be reached"):
        list(pull(api_source("http://127.0.0.1:1/x")))


def test_requests_keep_to_the_rate(serve, api_source):
    now, slept = [0.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    interface = serve(paged(companies(28), "cursor"))
    options = {"paging": PAGINGS["cursor"], "requests_per_second": 2}
    connector = RestConnector(api_source(interface, options=options), clock=lambda: now[0], sleep=sleep)
    assert sum(delivery.table.num_rows for delivery in connector.deliveries(None, 100)) == 28
    assert now[0] == pytest.approx(2.0)  # four requests
    connector.close()


def test_an_answer_that_drips_or_is_too_large_is_given_up(serve, api_source, patient):
    slow = serve(lambda request: Reply({"data": {"items": companies(200)}}, drip_seconds=0.2))
    with pytest.raises(SourceUnreachable, match="did not end its answer in time"):
        list(pull(api_source(slow, options={"timeout_seconds": 0.5, "retries": 0})))
    silent = serve(lambda request: time.sleep(1) or Reply({"data": {"items": []}}))
    with pytest.raises(SourceUnreachable, match="did not answer in time"):
        list(pull(api_source(silent, options={"timeout_seconds": 0.2, "retries": 0})))
    large = serve(lambda request: Reply(raw=b"[" + b" " * (2 << 20) + b"]"))
    with pytest.raises(WrongFormat, match="more than 1 MiB"):
        list(pull(api_source(large, options={"most_megabytes": 1})))


# ── answers that are none ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(raw=b"<html>login 110105</html>", headers={"Content-Type": "text/html"}), "a page for people"),
        (Reply(raw=b'{"data": {"items": [{"id": 110105'), "no JSON"),
        (Reply(raw=b"[" * 100_000), "no JSON"),
        (Reply({"data": {"rows": [110105]}}), "without a list of records under 'data.items'"),
        (Reply({"data": {"items": {"id": 110105}}}), "without a list of records"),
        (Reply({"data": {"items": [110105]}}), "a record that is no object"),
    ],
)
def test_what_is_no_answer_is_named_and_not_quoted(serve, api_source, reply, words):
    with pytest.raises(WrongFormat, match=words) as caught:
        list(pull(api_source(serve(lambda request: reply))))
    assert "110105" not in str(caught.value)


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_refused_request_is_named(serve, api_source, status):
    interface = serve(lambda request: Reply({"message": "张三"}, status))
    with pytest.raises(SourceError, match=f"status {status}") as caught:
        list(pull(api_source(interface)))
    assert "张三" not in str(caught.value)


def test_an_error_within_an_answer_of_status_200_is_seen(serve, api_source):
    told = {"path": "code", "values": ["0", "200"]}
    good = serve(lambda request: Reply({"code": 200, "data": {"items": None}}))
    assert list(pull(api_source(good, options={"success": told}))) == []
    bad = serve(lambda request: Reply({"code": 401, "data": {"items": []}, "message": "张三"}))
    with pytest.raises(SourceError, match="an error of its own in 'code'") as caught:
        list(pull(api_source(bad, options={"success": told})))
    assert "张三" not in str(caught.value)


def test_values_stay_as_they_were_written(serve, api_source):
    raw = (
        '{"data": {"items": [{"id": 12345678901234567890123, "code": "91", "name": "渝\\ud800", "staff": 1.50,'
        ' "address": {"division": null}, "flag": false, "tags": ["a", "b"]}]}}'
    ).encode()
    mapping = MAPPING | {"status": "flag", "business_scope": "tags"}
    (batch,) = pull(api_source(serve(lambda request: Reply(raw=raw)), mapping))
    (row,) = batch.table.to_pylist()
    assert (row["id"], row["staff"], row["flag"], row["tags"]) == (
        "12345678901234567890123",
        "1.50",
        "false",
        '["a", "b"]',
    )
    assert row["name"] == "渝\ufffd"
    assert row["address.division"] is None
    assert batch.digest == content_digest(batch.table)
    chinese = json.dumps({"data": {"items": companies(1)}}, ensure_ascii=False).encode("gbk")
    kind = {"Content-Type": "application/json; charset=GBK"}
    (batch,) = pull(api_source(serve(lambda request: Reply(raw=chinese, headers=kind))))
    assert batch.table.column("name").to_pylist() == ["重庆0公司"]


@pytest.mark.parametrize(
    ("options", "fields", "words"),
    [
        ({"paging": {"by": "page"}}, {}, r"options\.paging: .*by: page needs 'parameter'"),
        ({"paging": {"by": "leap"}}, {}, r"options\.paging\.by is not"),
        ({"authentication": {"by": "oauth2"}}, {}, "by: oauth2 needs 'token_url'"),
        ({"body": {"a": 1}}, {}, "body needs method: POST"),
        ({"since": {"parameter": "since"}}, {}, "only together"),
        ({}, CHANGES, "only together"),
        ({"since": {"parameter": "since", "overlap_seconds": 5}}, CHANGES, "overlap_seconds needs 'format'"),
        ({"url": "file:///etc/passwd"}, {}, "not a URL of http"),
        ({"ca_file": "/nonexistent"}, {}, "ca_file cannot be read"),
    ],
)
def test_a_wrong_definition_is_named(api_source, options, fields, words):
    with pytest.raises((DefinitionError, ConfigurationError), match=words):
        list(pull(api_source("http://127.0.0.1:1/", options=options, **fields)))
