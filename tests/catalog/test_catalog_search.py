"""Entries are found by words in Chinese and English, best first, in the transaction that publishes them."""

from dataclasses import replace

import pytest
from judged_catalogue import entries, questions
from made_entries import PROVIDER, made
from sqlalchemy import text

from audit.recording import record_administration
from catalog.organisation import Organisation
from catalog.repository import Catalogue
from catalog.search import Asked, marks, search
from catalog.search_index import drop_entry, index_entries, index_entry
from catalog.segmentation import asked_words, terms_of, words_of
from infra.database import Role
from schemas.errors import MalformedRequest

LISTED = text("""
    INSERT INTO catalog.entry (id, provider, category, name, sharing, code, state, newest, in_force)
    VALUES (:id, :provider, :category, :name, :sharing, :code, 'published', 1, 1)
""")


def listed(connection, *found):
    """List entries as published, and let them be found."""
    rows = [{"id": e.id, "provider": PROVIDER, "category": e.category.code, "name": e.name, "sharing": e.sharing.value, "code": e.code}
            for e in found]  # fmt: skip
    connection.execute(LISTED, rows)
    index_entries(connection, found)


@pytest.fixture
def catalogue(database):
    with database.engine(Role.APPLICATION).begin() as connection:
        Catalogue(connection, record_administration).add_organisation(
            Organisation(PROVIDER, "委", "500000"), actor="t"
        )
        yield connection


def ids(connection, asked, **options):
    return [hit.entry for hit in search(connection, Asked(asked, **options)).hits]


@pytest.mark.server
def test_the_judged_questions_are_answered(catalogue):
    listed(catalogue, *entries())
    judged = {}
    for asked, relevant in questions():
        found = ids(catalogue, asked, limit=5)
        judged[asked] = len(relevant & set(found)) / min(5, len(relevant))
    chinese = [value for asked, value in judged.items() if not asked.isascii()]
    english = [value for asked, value in judged.items() if asked.isascii()]
    assert (len(chinese), len(english)) >= (30, 10)
    assert sum(chinese) / len(chinese) >= 0.95, judged
    assert sum(english) / len(english) >= 0.95, judged

    assert search(catalogue, Asked("食品经营许可证", limit=1)).hits[0].marks == [(0, 7)]
    assert search(catalogue, Asked("牙医 疫苗")).complete is False
    assert ids(catalogue, "zzz") == ids(catalogue, "the") == []
    assert ids(catalogue, "补贴") == ids(catalogue, "补贴 ") != []
    assert ids(catalogue, "vaccin") == ["vaccination"]
    assert ids(catalogue, "vacc ") == []


@pytest.mark.server
def test_pages_go_on_where_the_last_ended_and_filters_hold(catalogue):
    shown = [
        made(id=f"e{n}", code=f"307001002/{n:06d}", name="公租房" if n % 3 else f"{n}号楼", summary="公租房明细", open=n % 2 == 0,
             update_cycle="daily" if n < 10 else "monthly")
        for n in range(40)
    ]  # fmt: skip
    listed(catalogue, *shown, made(id="other", code="207001002/000001", category="207001002", name="公租房"))
    pages, after = [], None
    while True:
        page = search(catalogue, Asked("公租房", {"category": "307"}, after, 7))
        pages.append([hit.entry for hit in page.hits])
        after = page.next
        if after is None:
            break
    assert [len(page) for page in pages] == [7] * 5 + [5]
    whole = [entry for page in pages for entry in page]
    assert sorted(whole) == sorted(entry.id for entry in shown)
    assert all(entry in whole[:26] for entry in ("e1", "e2", "e38"))
    assert ids(catalogue, "公租房", filters={"open": True, "update_cycle": "daily"}, limit=50) == [
        "e2",
        "e4",
        "e8",
        "e0",
        "e6",
    ]
    assert ids(catalogue, "公租房", filters={"category": "2"}) == ["other"]
    assert ids(catalogue, "公租房", filters={"provider": "nobody"}) == []


@pytest.mark.server
def test_what_is_changed_is_found_by_its_new_words_alone(catalogue):
    entry = made(
        code="307001002/000001",
        items=[{"name": "k", "title": "发放编号", "type": "C", "length": 9, "key": True, "required": True}],
    )
    listed(catalogue, entry)
    index_entry(catalogue, replace(entry, name="租金补助名册", summary="名册"))
    assert ids(catalogue, "名册") == [entry.id]
    assert ids(catalogue, "公租房") == []
    drop_entry(catalogue, entry.id)
    assert ids(catalogue, "名册") == []


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Asked("  ，。"), "no word"), (Asked(""), "no word"),
        (Asked("房", after="somewhere"), "does not begin where an answer said"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_said(asked, says):
    with pytest.raises(MalformedRequest, match=says):
        search(None, asked)


def test_pages_and_filters_have_their_bounds():
    for wrong in ({"limit": 0}, {"limit": 101}, {"filters": {"name": "x"}}, {"text": "长" * 201}):
        with pytest.raises(MalformedRequest):
            Asked(**{"text": "房", **wrong})


def test_full_width_and_case_do_not_count_and_words_are_cut_by_the_field():
    assert words_of("ＰＭ２.5 Air-Quality").latin == ["pm2", "5", "air", "quality"]
    assert asked_words("公租房补贴") == ["公租房", "补贴"]
    assert {"公租房", "补贴", "补", "贴"} <= set(words_of("公租房补贴发放记录").han)
    assert ("低保",) in terms_of(asked_words("最低生活保障"))[0]
    assert ("subsistence", "allowance") in terms_of(["低保"])[0]
    assert terms_of(["legal", "person", "id"])[0][0] == ("legal", "person")


def test_marks_are_of_what_was_written():
    assert marks("ＰＭ2.5 的数据", ["pm2", "数据"]) == [(0, 3), (7, 9)]
    assert marks("企业登记", ["企业", "业登", "x"]) == [(0, 3)]
    assert marks("abc", [""]) == []
