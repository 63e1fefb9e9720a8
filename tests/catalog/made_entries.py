"""Catalogue entries of made-up departments, for the tests of what handles them."""

from catalog.entry import entry_from

PROVIDER = "115001030092751236"
OTHER_PROVIDER = "11500112009280010T"


def written(**changes):
    """What a department writes of a small resource; a change of None leaves an element out."""
    told = {
        "id": "rent_subsidy",
        "category": "307001002",
        "name": "公租房补贴发放",
        "name_en": "Rent subsidies",
        "summary": "公租房租金补贴发放记录",
        "provider": "住房和城乡建设委员会",
        "office": "住房保障处",
        "provider_code": PROVIDER,
        "format": "database",
        "items": [
            {"name": "grant_number", "title": "发放编号", "type": "C", "length": 20, "key": True, "required": True},
            {"name": "holder_number", "title": "公民身份号码", "type": "C", "length": 18, "identifier": "citizen_number",
             "sensitivity": "sensitive", "mask": "citizen_number", "lookup": True},
            {"name": "amount", "title": "金额", "type": "N", "length": 12, "scale": 2},
            {"name": "sex", "title": "性别", "type": "C", "length": 1, "code_set": "sex"},
        ],
        "sharing": "conditional",
        "condition": "限住房保障资格审核使用",
        "mode": "platform_interface",
        "open": False,
        "update_cycle": "monthly",
    }  # fmt: skip
    return {name: value for name, value in {**told, **changes}.items() if value is not None}


def made(**changes):
    """A valid entry."""
    return entry_from(written(**changes))
