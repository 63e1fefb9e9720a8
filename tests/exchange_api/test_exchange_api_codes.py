"""Code sets through the real server: for every registered system, on the ledger, and sent again only when they changed."""

from datetime import date

import pytest

from hub.code_import import Labels, import_code_set
from hub.composition import open_hub

BEFORE = "code,name,parent\n500103,渝中区,\n500103001,七星岗街道办事处,500103\n500103002,解放碑街道,500103\n"
AFTER = "code,name,parent\n500103,渝中区,\n500103002,七星岗街道,500103\n500103009,大溪沟街道,500103\n"
DAY = date(2023, 12, 31)


@pytest.fixture(scope="module")
def codes(served_hub, tmp_path_factory):
    """Ask ``/v1/codes…`` as a system without any agreement."""
    folder = tmp_path_factory.mktemp("tables")
    with open_hub(served_hub.settings) as hub:
        for edition, content in (("2023", BEFORE), ("2024", AFTER)):
            path = folder / f"{edition}.csv"
            path.write_text(content, encoding="utf-8")
            import_code_set(hub, [path], Labels("towns", edition, as_of=DAY), actor="test")
    token = served_hub.token("stranger")

    def _ask(path="", headers=None, **params):
        given = {"Authorization": f"Bearer {token}", **(headers or {})}
        return served_hub.http.get(f"/v1/codes{path}", headers=given, params=params or None)

    def _translate(name, **body):
        return served_hub.http.post(
            f"/v1/codes/{name}/translate", headers={"Authorization": f"Bearer {token}"}, json=body
        )

    _ask.translate = _translate
    return _ask


def test_every_code_set_is_listed_with_its_editions(codes):
    told = codes().json()["code_sets"]

    assert {one["name"] for one in told} >= {"division", "sex", "industry", "towns"}
    assert [one["edition"] for one in told if one["name"] == "towns"] == ["2024", "2023"]


def test_the_codes_of_a_day_page_by_page(codes):
    first = codes("/industry", limit=100).json()
    second = codes("/industry", limit=100, after=first["next"]).json()
    assert (first["entries"], len(first["codes"])) == (1_971, 100)
    assert second["codes"][0]["code"] > first["codes"][-1]["code"]

    then = codes("/division", on="2025-01-01", parent="500105").json()
    now = codes("/division", on="2026-02-01", parent="500105").json()
    assert {row["level"] for row in then["codes"]} == {"town"}
    assert (now["codes"], now["next"]) == ([], None)
    assert [row["name"] for row in codes("/sex").json()["codes"]][1:3] == ["男", "女"]


def test_a_code_on_a_day_is_what_it_meant_or_became(codes):
    before = codes("/division/500105", on="2020-01-01").json()
    after = codes("/division/500105", on="2026-02-01").json()

    assert (before["state"], before["meaning"]["name"]) == ("in_force", "江北区")
    assert (after["state"], [row["name"] for row in after["became"]]) == ("succeeded", ["两江新区"])
    assert codes("/towns/500103002", edition="2023").json()["meaning"]["name"] == "解放碑街道"
    assert codes("/towns/500103002").json()["meaning"]["name"] == "七星岗街道"


def test_history_and_events(codes):
    history = codes("/division/500112/history").json()
    events = codes("/division/events", since="2026-01-01", limit=2).json()

    assert [row["name"] for row in history["meanings"]] == ["渝北区"]
    assert history["events"][-1]["change"] == "split"
    assert len(events["events"]) == 2
    following = codes("/division/events", since="2026-01-01", limit=2, after=events["next"]).json()["events"]
    assert following[0]["number"] > events["events"][-1]["number"]


def test_names_are_found(codes):
    assert {row["edition"] for row in codes("/towns/search", words="七星岗").json()["codes"]} == {
        "2023",
        "2024",
    }


def test_a_crosswalk_is_made_when_first_asked_for_and_then_paged(codes, served_hub):
    asked = {"from": "2023", "to": "2024"}
    first = codes("/towns/crosswalk", **asked, limit=2)
    told = first.json()

    assert told["counts"]["town"] == {"conflict": 1, "other_code": 1, "only_left": 1, "only_right": 1}
    assert [row["outcome"] for row in told["matches"]] == ["conflict", "same_code"]
    assert len(codes("/towns/crosswalk", **asked, after=told["next"]).json()["matches"]) == 3
    (only,) = codes("/towns/crosswalk", **asked, outcome="only_right").json()["matches"]
    assert only["right_name"] == "大溪沟街道"
    entry = served_hub.entry(first)
    assert (entry["action"], entry["actor"], entry["outcome"], entry["records"]) == (
        "codes.crosswalk",
        "stranger",
        "answered",
        2,
    )


def test_codes_are_translated_between_editions_and_along_time(codes, served_hub):
    answer = codes.translate("towns", codes=["500103001", "500103002", "1"], **{"from": "2023", "to": "2024"})
    along = codes.translate(
        "division", codes=["500105", "500112"], **{"from": "@2020-01-01", "to": "@2026-02-01"}
    )

    assert [(one["answer"], [to["code"] for to in one["codes"]]) for one in answer.json()["codes"]] == [
        ("code", ["500103002"]),
        ("no_successor", []),
        ("unknown", []),
    ]
    assert [one["answer"] for one in along.json()["codes"]] == ["code", "split"]
    entry = served_hub.entry(answer)
    assert (entry["keys"], entry["records"]) == (3, 1)


def test_a_thousand_codes_at_once_and_no_more(codes):
    many = [str(number) for number in range(1_001)]

    sides = {"from": "2023", "to": "2024"}
    assert len(codes.translate("towns", codes=many[:-1], **sides).json()["codes"]) == 1_000
    assert codes.translate("towns", codes=many, **sides).status_code == 413


@pytest.mark.parametrize(
    "path", ["", "/sex", "/division?on=2026-02-01", "/division/500105?on=2026-02-01", "/division/500105/history",
             "/division/events", "/towns/crosswalk?from=2023&to=2024"]
)  # fmt: skip
def test_an_answer_that_holds_is_not_sent_again(codes, served_hub, path):
    first = codes(path)
    again = codes(path, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    other = codes(path, headers={"If-None-Match": '"other"'})

    assert (first.status_code, again.status_code, other.status_code) == (200, 304, 200)
    assert (again.content, again.headers["etag"]) == (b"", first.headers["etag"])
    assert first.headers["cache-control"] == "private, no-cache"
    assert served_hub.entry(again)["outcome"] == "answered"  # on the ledger like any call


def test_another_day_or_edition_is_another_answer(codes):
    tags = {
        codes("/division/500105", on="2020-01-01").headers["etag"],
        codes("/division/500105", on="2020-01-02").headers["etag"],
        codes("/towns", edition="2023").headers["etag"],
        codes("/towns", edition="2024").headers["etag"],
    }

    assert len(tags) == 4


@pytest.mark.parametrize(
    ("path", "params", "status", "code"),
    [
        ("/nothing", {}, 404, "unknown_code_set"),
        ("/sex", {"edition": "2020"}, 404, "unknown_code_set"),
        ("/division/999999", {}, 404, "unknown_code"),
        ("/division/500157", {"on": "2020-01-01"}, 404, "unknown_code"),
        ("/division", {"on": "soon"}, 400, "malformed_request"),
        ("/division", {"limit": "1001"}, 400, "malformed_request"),
        ("/division", {"limit": "x"}, 400, "malformed_request"),
        ("/division", {"colour": "red"}, 400, "malformed_request"),
        ("/towns/search", {}, 400, "malformed_request"),
        ("/towns/crosswalk", {"from": "2023"}, 400, "malformed_request"),
        ("/towns/crosswalk", {"from": "2023", "to": "2024@soon"}, 400, "malformed_edition"),
        ("/towns/crosswalk", {"from": "2023", "to": "2024", "outcome": "maybe"}, 400, "malformed_edition"),
    ],
)
def test_what_is_not_there_or_not_understood_is_a_problem_on_the_ledger(
    codes, served_hub, path, params, status, code
):
    answer = codes(path, **params)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert served_hub.entry(answer)["problem"] == code


@pytest.mark.parametrize(
    "body", [{}, {"codes": []}, {"codes": ["1"]}, {"codes": [1], "from": "2023", "to": "2024"},
             {"codes": ["1"], "from": 1, "to": "2024"}, {"codes": ["1"], "from": "2023", "to": "2024", "more": 1}]
)  # fmt: skip
def test_a_malformed_translation_is_refused(codes, body):
    assert codes.translate("towns", **body).json()["code"] == "malformed_request"


def test_without_a_token_there_is_no_answer(served_hub):
    assert served_hub.http.get("/v1/codes/sex").status_code == 401
