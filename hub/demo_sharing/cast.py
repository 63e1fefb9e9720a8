"""Who and what the story is told with; every person in it is made up."""

from typing import Any

from catalog.organisation import Office, Organisation
from catalog.person import Person, Role

BUREAU = "11500000MB1670604W"
HOUSING, CIVIL_AFFAIRS = "115000000092752114", "115000000092753345"
DESK = "approval-desk"
RENT, FAMILY = "rent_subsidy", "low_income_family"
PURPOSE, LAW = "公租房资格审核", "公共租赁住房管理办法第七条"
CASE = f"{BUREAU}34421998060032026030200" + "01"

ORGANISATIONS = (
    Organisation(HOUSING, "住房和城乡建设委员会", "500000"),
    Organisation(CIVIL_AFFAIRS, "民政局", "500000"),
)
OFFICE = Office(BUREAU, "01", "审批科")
_PUBLISHER, _USER = frozenset({Role.PUBLISHER}), frozenset({Role.USER})
PEOPLE = (
    Person("housing.officer", "演示甲", HOUSING, _PUBLISHER),
    Person("housing.head", "演示乙", HOUSING, _PUBLISHER),
    Person("civil.officer", "演示丙", CIVIL_AFFAIRS, _PUBLISHER),
    Person("civil.head", "演示丁", CIVIL_AFFAIRS, _PUBLISHER),
    Person("desk.officer", "演示戊", BUREAU, _USER, OFFICE.code),
    Person("desk.head", "演示己", BUREAU, _USER, OFFICE.code),
    Person("authority", "演示庚", BUREAU, frozenset({Role.CATALOGUE_AUTHORITY})),
)
_HOLDER = {
    "type": "C",
    "length": 18,
    "identifier": "citizen_number",
    "sensitivity": "sensitive",
    "mask": "citizen_number",
}
ENTRIES: tuple[dict[str, Any], ...] = (
    {
        "id": RENT, "category": "307001002", "name": "公租房补贴发放", "name_en": "Rent subsidies", "summary": "公租房租金补贴发放记录",
        "provider": "住房和城乡建设委员会", "provider_code": HOUSING, "format": "database", "sharing": "conditional",
        "condition": "限住房保障资格审核使用", "mode": "platform_interface", "update_cycle": "monthly",
        "items": [
            {"name": "grant_number", "title": "发放编号", "type": "C", "length": 20, "key": True, "required": True},
            {"name": "holder_number", "title": "公民身份号码", "lookup": True, **_HOLDER},
            {"name": "amount", "title": "金额", "type": "N", "length": 12, "scale": 2},
        ],
    },
    {
        "id": FAMILY, "category": "307003001", "name": "最低生活保障对象", "name_en": "Low-income families", "summary": "享受最低生活保障的家庭",
        "provider": "民政局", "provider_code": CIVIL_AFFAIRS, "format": "database", "sharing": "unconditional",
        "mode": "platform_interface", "update_cycle": "monthly",
        "items": [
            {"name": "certificate_number", "title": "低保证编号", "type": "C", "length": 20, "key": True, "required": True},
            {"name": "holder_number", "title": "公民身份号码", "lookup": True, **_HOLDER},
            {"name": "family_size", "title": "保障人口数", "type": "I"},
        ],
    },
)  # fmt: skip
DEPARTMENTS = {RENT: ("housing.officer", "housing.head"), FAMILY: ("civil.officer", "civil.head")}
"""Of each resource: who writes and examines, and who signs and approves."""
ASSESSED = {"secrecy": "不涉及国家秘密", "personal_information": "影响可控，限定用途"}


def source(resource: str) -> dict[str, Any]:
    """Define the source that its department pushes to, from a system of the same name."""
    entry = next(entry for entry in ENTRIES if entry["id"] == resource)
    names = [item["name"] for item in entry["items"]]
    return {
        "code": f"{resource}_register", "resource": resource, "department": entry["provider"], "title": entry["name"],
        "connector": "push", "options": {"systems": [system_of(resource)]}, "row_id": names[0],
        "mapping": {name: {"column": name} for name in names},
    }  # fmt: skip


def system_of(resource: str) -> str:
    """Name the department's system that pushes."""
    return resource.replace("_", "-") + "-system"


def application(resource: str, until: str) -> dict[str, Any]:
    """State everything that an application has to."""
    entry = next(entry for entry in ENTRIES if entry["id"] == resource)
    names = [item["name"] for item in entry["items"]]
    return {
        "resource": resource, "system": DESK, "version": 1, "items": names, "needed_for": {"holder_number": "核对申请人"},
        "purposes": [PURPOSE], "legal_bases": [LAW], "scenario": "受理公租房申请时核对", "scope": "申请人本人的记录",
        "condition_met": "仅用于住房保障资格审核" if entry["sharing"] == "conditional" else "", "mode": "interface", "valid_to": until,
        "calls_per_day": 200, "office": OFFICE.code, "terms": {"quota_per_day": 500},
    }  # fmt: skip
