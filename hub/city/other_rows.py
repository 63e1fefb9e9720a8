"""How market regulation, credit and natural resources write the truth down; the counterpart of ``person_rows``."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub.city.credit import NUMBER_PREFIX, PERMIT
from hub.city.draw import Ints, digits, flat, joined, written
from hub.city.flaws import Register
from hub.city.person_rows import Moment, labelled, updated

SECOND_COPY = 900_000_000
TYPE_WORDS = {"91": "有限责任公司", "92": "个体工商户"}
STATUS_WORDS = {"1": "存续", "2": "歇业", "3": "吊销，未注销", "4": "注销"}

MARKET_REGULATION = {
    "credit_code": "统一社会信用代码", "registration_number": "注册号", "organisation_code": "组织机构代码", "name": "企业名称",
    "former_names": "曾用名称", "type": "主体类型", "representative_name": "法定代表人", "representative_number": "法定代表人证件号码",
    "registering_authority": "登记机关", "established_on": "成立日期", "registered_capital": "注册资本", "capital_currency": "币种",
    "business_scope": "经营范围", "industry_code": "行业代码", "address": "住所", "division": "住所区划", "operating_from": "经营期限自",
    "operating_to": "经营期限至", "status": "登记状态", "status_date": "状态日期", "staff_count": "从业人数", "phone": "联系电话",
}  # fmt: skip
PERMIT_COLUMNS = {
    "subject_code": "XK_XDR_DM", "subject_name": "XK_XDR_MC", "document_number": "XK_WSH", "document_name": "XK_XKWS",
    "category": "XK_XKLB", "content": "XK_NR", "decided_on": "XK_JDRQ", "valid_from": "XK_YXQZ", "valid_to": "XK_YXQZI",
    "published_until": "XK_GSJZQ", "authority": "XK_XKJG", "authority_code": "XK_XKJGDM", "status": "XK_ZT",
}  # fmt: skip
PENALTY_COLUMNS = {
    "subject_code": "CF_XDR_DM", "subject_name": "CF_XDR_MC", "document_number": "CF_WSH", "document_name": "CF_CFWS",
    "category": "CF_CFLB", "offence": "CF_WFXW", "facts": "CF_SY", "basis": "CF_YJ", "content": "CF_NR", "amount": "CF_NR_FK",
    "decided_on": "CF_JDRQ", "published_until": "CF_GSJZQ", "authority": "CF_CFJG", "authority_code": "CF_CFJGDM", "status": "CF_ZT",
}  # fmt: skip
CREDIT_STATUS = {"1": "0", "2": "1", "3": "2"}
PARCEL = {
    "parcel_number": "ZDDM", "division": "QHDM", "location": "ZL", "land_use": "YT", "area_m2": "ZDMJ",
    "holder_name": "QLRMC", "holder_code": "QLRZJH", "right_from": "QLQSSJ", "right_to": "QLJSSJ",
}  # fmt: skip
DISTRICT = {
    "code": "XZQDM",
    "name": "XZQMC",
    "level": "JB",
    "parent_code": "SJDM",
    "valid_from": "QYRQ",
    "area_km2": "MJ",
}
TOWN = {"place_code": "DMDM", "name": "BZMC", "category": "DMLB", "division": "XZQDM"}


def market_regulation(seed: int, companies: Any, rows: Ints, moment: Moment = None) -> Register:
    """The register of enterprises and individual businesses: Chinese columns, words for codes, dates as text."""
    table = companies.take(pa.array(rows))
    columns: dict[str, Any] = {"记录编号": pa.array(rows + 1)}
    for item, raw in MARKET_REGULATION.items():
        column = flat(table[item])
        columns[raw] = written(column, "%Y-%m-%d") if pa.types.is_date(column.type) else column
    columns["注册资本"] = pc.cast(columns["注册资本"], pa.float64())
    columns["主体类型"] = labelled(table["type"], "", TYPE_WORDS)
    columns["登记状态"] = labelled(table["status"], "", STATUS_WORDS)
    columns["币种"] = labelled(table["capital_currency"], "currency")
    since = updated(seed, "market_regulation", table, "established_on", 6.0, moment)
    columns["更新时间"] = written(pc.cast(since, pa.timestamp("s")), "%Y-%m-%d %H:%M:%S")
    duplicate = lambda ids: pc.add(ids, SECOND_COPY)  # noqa: E731
    return Register(
        "market_regulation",
        pa.table(columns),
        flat(table["credit_code"]),
        MARKET_REGULATION,
        "记录编号",
        duplicate,
    )


def credit(seed: int, kind: str, records: Any, rows: Ints, moment: Moment = None) -> Register:
    """Permits or penalties in the columns of the 双公示 standard, dates as ``YYYY/MM/DD`` or ``YYYY-MM-DD``."""
    table = records.take(pa.array(rows))
    fields = PERMIT_COLUMNS if kind == PERMIT else PENALTY_COLUMNS
    pattern = "%Y/%m/%d" if kind == PERMIT else "%Y-%m-%d"
    prefix = NUMBER_PREFIX[kind]
    columns: dict[str, Any] = {"ID": joined(prefix, digits(rows + 1, 9))}
    for item, raw in fields.items():
        column = flat(table[item])
        columns[raw] = written(column, pattern) if pa.types.is_date(column.type) else column
    columns[f"{prefix}_ZT"] = labelled(table["status"], "", CREDIT_STATUS)
    if kind != PERMIT:
        columns["CF_NR_FK"] = pc.cast(columns["CF_NR_FK"], pa.float64())
    since = updated(seed, f"credit_{kind}", table, "decided_on", 4.0, moment)
    columns["GXSJ"] = written(pc.cast(since, pa.timestamp("s")), "%Y-%m-%d %H:%M:%S")
    duplicate = lambda ids: pc.binary_join_element_wise(ids, "C", "")  # noqa: E731
    return Register(
        f"credit_{kind}", pa.table(columns), flat(table["record_number"]), fields, "ID", duplicate
    )


def parcels(table: Any) -> Register:
    """The layer of parcels; columns of the natural resources database standard, dates as ``YYYY-MM-DD``."""
    columns: dict[str, Any] = {"BSM": pa.array(np.arange(table.num_rows, dtype=np.int64) + 1)}
    columns |= _layer(table, PARCEL)
    duplicate = lambda ids: pc.add(ids, SECOND_COPY)  # noqa: E731
    return Register(
        "natural_resources_parcel", pa.table(columns), flat(table["parcel_number"]), PARCEL, "BSM", duplicate
    )


def districts(table: Any) -> Register:
    """The layer of districts; it has no flaws."""
    return Register(
        "natural_resources_district",
        pa.table(_layer(table, DISTRICT)),
        flat(table["code"]),
        DISTRICT,
        "XZQDM",
        flat,
    )


def town_points(table: Any) -> Register:
    """The layer of towns' points; it has no flaws."""
    return Register(
        "natural_resources_town", pa.table(_layer(table, TOWN)), flat(table["place_code"]), TOWN, "DMDM", flat
    )


def _layer(table: Any, fields: dict[str, str]) -> dict[str, Any]:
    columns = {}
    for item, raw in fields.items():
        column = flat(table[item])
        columns[raw] = written(column, "%Y-%m-%d") if pa.types.is_date(column.type) else column
    return columns | {"geometry": flat(table["geometry"])}
