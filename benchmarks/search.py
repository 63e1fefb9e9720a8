"""``search``: pages of the catalogue's search at the 99th percentile ÷ one indexed query of the same table, at 20,000 made-up entries.

The other side reads one entry by its code, over the same connection. Told are 1 ÷ the time that 99 of 100 stay within, of both; the same of
medians, which a busy machine stretches less; and the strictest reading, the slowest pages against the usual indexed query.
"""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from statistics import median
from time import perf_counter

from sqlalchemy import Connection, text

from audit.recording import record_administration
from benchmarks.ground import Ground
from benchmarks.made_catalogue import DEPARTMENTS, made_catalogue, provider_code
from benchmarks.ratios import Ratio
from catalog.entry import CatalogueEntry
from catalog.organisation import Organisation
from catalog.repository import Catalogue
from catalog.search import Asked, search
from catalog.search_index import index_entries
from infra.database import Role

ENTRIES, PAGE, GOAL = 20_000, 500, 0.1
ASKED = """
企业
信息
登记
公租房
低保
公积金
学校
驾照
行政处罚
统一社会信用代码
法定代表人
残疾人证
企业登记信息
空气质量监测
社保缴费
养老机构名录
不动产登记
失信被执行人
排污许可
机动车检验
permit
school
population
subsid
housing
公租房 发放记录
渝中区 养老机构
food business licence
air quality
企业 法定代表人
医疗 床位
名称 地址 电话
""".strip().split("\n")
_LISTED = text("""
    INSERT INTO catalog.entry (id, provider, category, name, sharing, code, state, newest, in_force)
    VALUES (:id, :provider, :category, :name, :sharing, :code, 'published', 1, 1)
""")


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """Every question once, and as many entries by their codes."""
    engine = ground.hub.database.engine(Role.APPLICATION)
    with engine.begin() as connection:
        codes = _filled(connection)
    with (
        ground.hub.database.engine(Role.OWNER)
        .connect()
        .execution_options(isolation_level="AUTOCOMMIT") as owner
    ):
        owner.execute(text("VACUUM ANALYZE catalog.entry_search, catalog.entry_words"))
    chosen = Random(7).sample(codes, 10 * len(ASKED))
    slowest = Ratio("search", "a page found ÷ an entry by its code, p99 of both", "pages", GOAL)
    usual = Ratio("search", "a page found ÷ an entry by its code, medians", "pages", GOAL)
    strictest = Ratio("search", "a page found, p99 ÷ an entry by its code, median", "pages", GOAL)
    with engine.connect() as connection:
        pages = [partial(search, connection, Asked(words)) for words in ASKED * 10]
        entries = [partial(_by_code, connection, code) for code in chosen]
        for counted in [False] + [True] * runs:
            ours, theirs = _times(pages), _times(entries)
            if counted:
                _count(slowest, _p99(ours), _p99(theirs))
                _count(usual, median(ours), median(theirs))
                _count(strictest, _p99(ours), median(theirs))
    return [slowest, usual, strictest]


def _count(ratio: Ratio, ours: float, theirs: float) -> None:
    ratio.rates.append(1 / ours)
    ratio.limits.append(1 / theirs)


def _filled(connection: Connection) -> list[str]:
    catalogue = Catalogue(connection, record_administration)
    for number, name in enumerate(DEPARTMENTS):
        catalogue.add_organisation(Organisation(provider_code(number), name, "500000"), actor="benchmark")
    codes: list[str] = []
    page: list[CatalogueEntry] = []
    for entry in made_catalogue(ENTRIES):
        page.append(entry)
        codes.append(str(entry.code))
        if len(page) == PAGE:
            connection.execute(_LISTED, [_row(one) for one in page])
            index_entries(connection, page)
            page = []
    return codes


def _row(entry: CatalogueEntry) -> dict[str, str | None]:
    told = {
        "id": entry.id,
        "provider": entry.provider_code,
        "category": entry.category.code,
        "name": entry.name,
    }
    return told | {"sharing": entry.sharing.value, "code": entry.code}


def _by_code(connection: Connection, code: str) -> object:
    query = text(
        "SELECT entry, code, name, provider, category, sharing FROM catalog.entry_search WHERE code = :code"
    )
    return connection.execute(query, {"code": code}).all()


def _times(work: Sequence[Callable[[], object]]) -> list[float]:
    times = []
    for one in work:
        began = perf_counter()
        one()
        times.append(perf_counter() - began)
    return sorted(times)


def _p99(times: list[float]) -> float:
    return times[int(len(times) * 0.99)]
