"""How the departments that know natural persons write the truth down: columns, codes, date forms, row numbers.

Each function renders rows of the truth, without flaws, as the register of one source would hold them.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub.city.draw import DAY_ZERO, Ints, digits, flat, joined, moments, numpy_days, stream, taken, written
from hub.city.flaws import Register
from hub.city.households import NOBODY
from hub.city.population import DEAD
from schemas.code_sets import code_set

SECOND_COPY = 9_000_000_000
MARRIAGES_SINCE = np.datetime64("2010-01-01")
"""Civil affairs' electronic register begins here; older marriages only the household register knows."""
MARITAL_WORDS = {"10": "未婚", "20": "已婚", "30": "丧偶", "40": "离婚"}

PUBLIC_SECURITY = {
    "citizen_number": "gmsfhm", "name": "xm", "former_names": "cym", "sex": "xb", "ethnic_group": "mz",
    "date_of_birth": "csrq", "native_place": "jgssx", "registered_address": "hjdz", "registered_division": "hjdqh",
    "household_number": "hh", "marital_status": "hyzk", "education": "whcd", "mobile_phone": "lxdh", "life_status": "rkzt",
    "life_status_date": "ztrq", "document_authority": "qfjg", "document_valid_from": "yxqqs", "document_valid_to": "yxqjz",
}  # fmt: skip
SOCIAL_SECURITY = {
    "citizen_number": "身份证号码", "name": "姓名", "sex": "性别", "date_of_birth": "出生日期",
    "registered_address": "户籍地址", "mobile_phone": "手机号码", "employment_status": "就业状况", "insurance_status": "参保状态",
}  # fmt: skip
MARRIAGE = {"citizen_number": "身份证件号", "name": "姓名", "marital_status": "婚姻状况"}
DEATH = {"citizen_number": "身份证号", "name": "死者姓名", "sex": "性别", "life_status_date": "死亡日期"}
Moment = np.datetime64 | None


def updated(seed: int, source: str, table: Any, column: str, years: float, moment: Moment) -> Any:
    """Return when the rows were last written: at ``moment``, or drawn before day zero."""
    if moment is not None:
        return pa.array(np.full(table.num_rows, moment.astype("datetime64[us]")))
    earliest = numpy_days(table[column])
    return moments(
        stream(seed, "updated", source), np.where(np.isnat(earliest), DAY_ZERO - 3650, earliest), years
    )


def public_security(seed: int, persons: Any, notes: Any, rows: Ints, moment: Moment = None) -> Register:
    """The household register: everybody, dates as ``YYYYMMDD``, pinyin column names as vendors give them."""
    table, at = persons.take(pa.array(rows)), notes.take(pa.array(rows))
    columns: dict[str, Any] = {"rybh": pa.array(rows + 5_000_000_000)}
    for item, raw in PUBLIC_SECURITY.items():
        column = flat(table[item])
        columns[raw] = written(column) if pa.types.is_date(column.type) else column
    columns["yhzgx"] = _kinship(flat(at["role"]).to_numpy(), columns["xb"])
    columns["gxsj"] = updated(seed, "public_security", table, "date_of_birth", 8.0, moment)
    duplicate = lambda ids: pc.add(ids, SECOND_COPY)  # noqa: E731
    return Register(
        "public_security",
        pa.table(columns),
        flat(table["citizen_number"]),
        PUBLIC_SECURITY,
        "rybh",
        duplicate,
    )


def _kinship(role: Ints, sex: Any) -> Any:
    """Relation to the head (GB/T 4761): 01 self, 10 spouse, 20 son, 30 daughter, 50 parent."""
    daughter = (role >= 2) & (role <= 4) & pc.equal(sex, "2").to_numpy(zero_copy_only=False)
    return taken(("01", "10", "20", "20", "20", "50", "50", "30"), np.where(daughter, 7, role))


def social_security(
    seed: int, persons: Any, notes: Any, companies: Any, rows: Ints, moment: Moment = None
) -> Register:
    """The register of insured persons: labels for codes, dates as ``YYYY-MM-DD``, the employer beside the person."""
    rows = rows[flat(notes["insured"]).to_numpy(zero_copy_only=False)[rows]]
    table = persons.take(pa.array(rows))
    employer = flat(notes["employer"]).to_numpy()[rows]
    columns = {"参保编号": joined("50", digits(rows, 10))}
    for item, raw in SOCIAL_SECURITY.items():
        columns[raw] = _social_security_value(item, flat(table[item]))
    for raw, item in (("单位统一社会信用代码", "credit_code"), ("单位名称", "name")):
        columns[raw] = flat(companies[item]).take(pa.array(employer, mask=employer == NOBODY))
    since = updated(seed, "social_security", table, "date_of_birth", 3.0, moment)
    columns["更新时间"] = written(pc.cast(since, pa.timestamp("s")), "%Y-%m-%d %H:%M:%S")
    duplicate = lambda ids: pc.binary_join_element_wise("59", pc.utf8_slice_codeunits(ids, 2), "")  # noqa: E731
    return Register(
        "social_security",
        pa.table(columns),
        flat(table["citizen_number"]),
        SOCIAL_SECURITY,
        "参保编号",
        duplicate,
    )


def _social_security_value(item: str, column: Any) -> Any:
    if item in ("sex", "employment_status", "insurance_status"):
        return labelled(column, item)
    return written(column, "%Y-%m-%d") if pa.types.is_date(column.type) else column


def labelled(column: Any, name: str, words: dict[str, str] | None = None) -> Any:
    """Return a column of codes as the labels of a code set, or as the department's own ``words``."""
    encoded = flat(column).dictionary_encode()
    known = words or code_set(name).entries
    return pa.array([known[code] for code in encoded.dictionary.to_pylist()], pa.string()).take(
        encoded.indices
    )


def marriage(seed: int, persons: Any, notes: Any, rows: Ints, moment: Moment = None) -> Register:
    """The marriage register since 2010: one row per party, with the status registered last."""
    married_on = numpy_days(notes["married_on"])
    rows = rows[married_on[rows] >= MARRIAGES_SINCE]
    table, spouse = persons.take(pa.array(rows)), flat(notes["spouse"]).to_numpy()[rows]
    partner = pa.array(spouse, mask=spouse == NOBODY)
    registered = flat(notes["married_on"]).take(pa.array(rows))
    columns = {
        "登记编号": joined("500000J", digits(rows, 9)),
        "姓名": flat(table["name"]),
        "身份证件号": flat(table["citizen_number"]),
        "配偶姓名": flat(persons["name"]).take(partner),
        "配偶身份证件号": flat(persons["citizen_number"]).take(partner),
        "婚姻状况": labelled(table["marital_status"], "", MARITAL_WORDS),
        "婚姻登记日期": registered,
        "登记机关": joined(
            pc.utf8_slice_codeunits(flat(table["document_authority"]), 0, 3), "民政局婚姻登记处"
        ),
        "更新日期": _day_or(registered, moment),
    }
    duplicate = lambda ids: pc.replace_substring(ids, "J", "C")  # noqa: E731
    return Register(
        "civil_affairs_marriage", pa.table(columns), columns["身份证件号"], MARRIAGE, "登记编号", duplicate
    )


def death(seed: int, persons: Any, rows: Ints, moment: Moment = None) -> Register:
    """The register of deaths: dates written ``2021年3月5日``."""
    dead = pc.equal(flat(persons["life_status"]), DEAD).to_numpy(zero_copy_only=False)
    rows = rows[dead[rows]]
    table = persons.take(pa.array(rows))
    died = flat(table["life_status_date"])
    place = stream(seed, "funeral homes").integers(0, len(FUNERAL_HOMES), persons.num_rows)[rows]
    columns = {
        "登记编号": joined("500000S", digits(rows, 9)),
        "死者姓名": flat(table["name"]),
        "身份证号": flat(table["citizen_number"]),
        "性别": labelled(table["sex"], "sex"),
        "死亡日期": joined(
            written(died, "%Y"),
            "年",
            pc.cast(pc.month(died), pa.string()),
            "月",
            pc.cast(pc.day(died), pa.string()),
            "日",
        ),
        "殡葬机构": taken(FUNERAL_HOMES, place),
        "更新日期": _day_or(died, moment),
    }
    duplicate = lambda ids: pc.replace_substring(ids, "S", "C")  # noqa: E731
    return Register(
        "civil_affairs_death", pa.table(columns), columns["身份证号"], DEATH, "登记编号", duplicate
    )


FUNERAL_HOMES = (
    "石桥铺殡仪馆",
    "江南殡仪馆",
    "龙台山殡仪馆",
    "宝鼎山殡仪馆",
    "万州殡仪馆",
    "涪陵殡仪馆",
    "黔江殡仪馆",
    "永川殡仪馆",
)


def _day_or(days: Any, moment: Moment) -> Any:
    return (
        days if moment is None else pa.array(np.full(len(days), moment.astype("datetime64[D]")), pa.date32())
    )
