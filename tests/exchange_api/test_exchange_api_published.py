"""Published means queryable: a resource that no running process knew is read through all of them, with nothing restarted."""

import json

import pytest
from exchange_api_hub import LAW, PURPOSE
from made_resources import ITEMS, MARRIAGE, certificate, citizen, marriages, second, source
from pushed_firms import put
from typer.testing import CliRunner

from hub.cli import app

pytestmark = pytest.mark.server
CODE = "marriage_registration"


@pytest.fixture
def run(hub, monkeypatch):
    """Commands on the served hub's database, as at its terminal."""
    monkeypatch.setenv("HUB_HOME", str(hub.settings.home))
    monkeypatch.setenv("HUB_DATABASE_URL", hub.settings.database_url)

    def _run(*arguments, fails=False):
        done = CliRunner().invoke(app, [*arguments])
        assert (done.exit_code != 0) is fails, done.output
        return done.exception if fails else done.output

    return _run


def push(hub, rows, key, code="civil_affairs_registry"):
    headers = {"Authorization": f"Bearer {hub.token('pusher')}", "Idempotency-Key": key}
    headers["Content-Type"] = "application/x-ndjson"
    body = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    answer = hub.http.post(f"/v1/sources/{code}/batches", headers=headers, content=body, timeout=300)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_resource_is_published_fed_agreed_read_and_withdrawn(hub, run, tmp_path):
    token = hub.token()
    described = f"/v1/resources/{CODE}"
    headers = hub.headers(token)
    assert hub.http.get(described, headers=headers).json()["code"] == "unknown_resource"
    (tmp_path / "marriage.yaml").write_text(MARRIAGE, encoding="utf-8")

    told = json.loads(run("resource", "publish", str(tmp_path / "marriage.yaml"), "--json"))
    assert told == {"resource": CODE, "version": 1, "published": True}
    hub.everywhere(lambda again: again.http.get(described, headers=headers).status_code == 200)
    answer = hub.http.get(described, headers=headers).json()
    assert (answer["version"], answer["lookups"], answer["withdrawn"]) == (1, ["one_number"], False)
    assert list(answer["schema"]["properties"]) == list(ITEMS)

    assert put(hub, source()).status_code == 200
    pushed = push(hub, [*marriages(0, 30), {**marriages(30, 31)[0], "day": "no day"}], "first")
    assert (pushed["contributed"], pushed["quarantined"]) == (
        30,
        1,
    )  # the rule follows from the definition alone

    assert hub.record(certificate(3), token, CODE).json()["code"] == "access_denied"
    terms = ("--purpose", PURPOSE, "--legal-basis", LAW, "--mask", "other_name")
    run("agreement", "add", "permits", CODE, *terms)
    hub.everywhere(lambda again: again.record(certificate(3), token, CODE).status_code == 200)
    record = hub.record(certificate(3), token, CODE, {"provenance": "true"}).json()
    assert record["data"] == {
        "certificate": certificate(3), "one_number": citizen(3), "one_name": "测试3", "other_name": "样**",
        "registered_on": "2026-01-04", "office": "渝中区民政局", "fee": "9.5",
    }  # fmt: skip
    assert record["provenance"]["fee"]["source"] == "civil_affairs_registry"
    asked = {"keys": [citizen(5), citizen(6)], "by": "one_number", "items": ["certificate"]}
    records = hub.query(asked, token, CODE).json()["records"]
    assert [one["data"]["certificate"] for one in records] == [certificate(5), certificate(6)]

    check_the_document(hub)
    check_what_is_told(hub, run)
    check_the_next_version(hub, run, token, tmp_path)
    check_withdrawal(hub, run, token)


def check_the_document(hub):
    told = hub.http.get("/openapi.json").json()
    assert f"/v1/resources/{CODE}/records/{{key}}" in told["paths"]
    assert told["components"]["schemas"][CODE]["properties"]["registered_on"]["format"] == "date"
    names = {one["name"] for one in told["paths"][f"/v1/resources/{CODE}/query"]["post"]["parameters"]}
    assert "code" not in names
    answer = told["paths"][f"/v1/resources/{CODE}/query"]["post"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"] == {"$ref": f"#/components/schemas/{CODE}.query"}


def check_what_is_told(hub, run):
    assert [row for row in json.loads(run("status", "--json"))["libraries"] if row[0] == CODE] == [
        [CODE, 30, 0, 30]
    ]
    (card,) = json.loads(run("quality", "scorecard", CODE, "--json"))["scorecards"]
    assert card["rows"] == 31
    assert json.loads(run("lineage", "resource", CODE, "--json"))["agreements"]
    listed = {one["resource"]: one["state"] for one in json.loads(run("resource", "list", "--json"))}
    assert (listed[CODE], listed["natural_person"]) == ("published", "shipped")
    shown = json.loads(run("resource", "show", CODE, "--json"))
    assert {"item": "one_number", "rule": "identifier", "severity": "warning"} in shown["rules"]


def check_the_next_version(hub, run, token, tmp_path):
    file = tmp_path / "second.yaml"
    file.write_text(second(), encoding="utf-8")
    planned = json.loads(run("resource", "plan", str(file), "--json"))
    assert planned["records_indexed_by"] == ["one_name", "office"]
    told = json.loads(run("resource", "publish", str(file), "--json"))
    assert (told["version"], told["records"]) == (2, {"index": 30})
    asked = {"keys": ["渝中区民政局"], "by": "office", "items": ["certificate"]}
    by_office = lambda h: len(h.query(asked, token, CODE).json().get("records", ())) == 30  # noqa: E731
    hub.everywhere(by_office)

    mapping = source()["mapping"] | {"witness": {"column": "witness"}}
    assert put(hub, source(mapping=mapping)).status_code == 200
    longer = "渝" * 40  # the first version had quarantined it
    rows = [{**row, "witness": "样本", "office": longer} for row in marriages(0, 3)]
    assert push(hub, rows, "second")["contributed"] == 3
    record = hub.record(certificate(1), token, CODE, {"items": "office"}).json()
    assert (record["version"], record["data"]) == (2, {"office": longer})
    assert hub.record(certificate(1), token, CODE, {"items": "witness"}).json()["code"] == "item_not_agreed"
    document = hub.http.get("/openapi.json").json()["components"]["schemas"][CODE]
    assert (document["x-version"], "witness" in document["properties"]) == (2, True)
    assert json.loads(run("quality", "scorecard", CODE, "--json"))["scorecards"]


def check_withdrawal(hub, run, token):
    run("resource", "withdraw", CODE, "--reason", "moved to the province")
    gone = lambda h: h.record(certificate(3), token, CODE).status_code == 410  # noqa: E731
    hub.everywhere(gone)
    refused = hub.record(certificate(3), token, CODE)
    assert (refused.json()["code"], hub.entry(refused)["problem"]) == (
        "resource_withdrawn",
        "resource_withdrawn",
    )
    headers = {
        "Authorization": f"Bearer {hub.token('pusher')}",
        "Idempotency-Key": "late",
        "Content-Type": "text/csv",
    }
    late = hub.http.post("/v1/sources/civil_affairs_registry/batches", headers=headers, content=b"no\n1\n")
    assert late.json()["code"] == "resource_withdrawn"
    assert put(hub, source("another")).json()["code"] == "resource_withdrawn"
    assert f"/v1/resources/{CODE}/query" not in hub.http.get("/openapi.json").json()["paths"]
    assert [row for row in json.loads(run("status", "--json"))["libraries"] if row[0] == CODE] == [
        [CODE, 30, 3, 33]
    ]
