"""The whole country's tables: 620,573 villages come in within bounded memory, 41,352 towns are matched in seconds."""

import resource
from datetime import date
from pathlib import Path

import pytest

from catalog.code_sets import CodeSets
from catalog.crosswalk_store import CrosswalkStore
from hub.code_crosswalks import made_crosswalk, standing
from hub.code_import import Labels, import_code_set
from hub.composition import open_hub
from infra.database import Role

SHARED = Path(__file__).parents[3] / "shared" / "data" / "divisions"
VILLAGES = SHARED / "cn_villages_2023_nbs.csv.zst"
DAY = date(2023, 12, 31)
MIB_FOR_ROWS = 150  # 620,573 rows held in memory take 800


@pytest.fixture
def opened(hub_settings):
    if not VILLAGES.exists():
        pytest.skip("../shared/data is not here: it has the statistics bureau's tables of 2023")
    with open_hub(hub_settings) as hub:
        yield hub


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def test_every_village_comes_in_without_being_held_in_memory(opened):
    before = peak()
    report = import_code_set(opened, [VILLAGES], Labels("villages", as_of=DAY), actor="test")

    assert (report.stored, report.levels) == (True, {"village": 620_573})
    assert (len(report.parents_unnamed), report.doubled, list(report.reused)) == (41_352, 0, [])
    assert peak() - before < MIB_FOR_ROWS
    with opened.database.engine(Role.APPLICATION).connect() as connection:
        code_sets = CodeSets(connection)
        edition = code_sets.edition("villages")
        assert code_sets.meaning(edition, "110101001001", DAY).name == "多福巷社区居委会"
        assert len(code_sets.at(edition, DAY, parent="110101001")) > 1
        assert code_sets.named("多福巷社区", ["villages"])[0][1].code == "110101001001"


def test_the_towns_of_two_tables_are_matched_and_none_is_lost(opened):
    towns = [SHARED / "cn_areas_2023_nbs.csv", SHARED / "cn_streets_2023_nbs.csv.zst"]
    import_code_set(opened, towns, Labels("statistics", as_of=DAY), actor="test")
    merged = [SHARED / "cn_level4_2024_xiangyuecn.csv.zst"]
    import_code_set(opened, merged, Labels("four_levels", as_of=date(2024, 12, 31)), actor="test")
    with opened.database.engine(Role.APPLICATION).connect() as connection:
        left, right = (standing(CodeSets(connection), one) for one in ("statistics:", "four_levels:"))
    made = made_crosswalk(opened.database, left, right, None, actor="test")
    with opened.database.engine(Role.APPLICATION).connect() as connection:
        store = CrosswalkStore(connection)
        counts = store.counts(made.number)["town"]
        # 北京市东城区东华门街道: the same place in both, with the same code
        (row,) = store.of_codes(made.number, ["110101001"])["110101001"]

    settled = counts["same_code"] + counts["other_code"] + counts["only_left"]
    assert 41_352 - counts["ambiguous"] <= settled <= 41_352
    assert counts["same_code"] + counts["other_code"] > 37_000
    assert counts["conflict"] > 6_000  # a plain join on the code would have been wrong so often
    assert (row.outcome.value, row.left_name) == ("same_code", "东华门街道")
