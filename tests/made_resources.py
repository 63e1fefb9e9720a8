"""A resource of a department's own, as civil affairs would publish it, and rows of it; the persons are synthetic."""

from schemas.identifiers import citizen_check

MARRIAGE = """
code: marriage_registration
catalogue_code: 307003001/000001
title: 婚姻登记信息
title_en: Marriage registration
provider: 民政局
sharing: conditional
condition: 依申请，限行政审批使用
update_cycle: daily
items:
  - {name: certificate, title: 登记证字号, type: C, length: 20, key: true, required: true, sensitivity: open}
  - {name: one_number, title: 一方公民身份号码, type: C, length: 18, identifier: citizen_number, sensitivity: sensitive, mask: citizen_number, lookup: true}
  - {name: one_name, title: 一方姓名, type: C, length: 50, sensitivity: personal, mask: name}
  - {name: other_name, title: 另一方姓名, type: C, length: 50, sensitivity: personal, mask: name}
  - {name: registered_on, title: 登记日期, type: D, required: true}
  - {name: office, title: 登记机关, type: C, length: 20}
  - {name: fee, title: 工本费, type: N, length: 6, scale: 2}
"""
ITEMS = ("certificate", "one_number", "one_name", "other_name", "registered_on", "office", "fee")


def citizen(number: int) -> str:
    first = f"500103199001{number % 28 + 1:02d}{number // 28:03d}"
    return first + citizen_check(first)


def certificate(number: int) -> str:
    return f"J500103-2026-{number:06d}"


def marriages(first: int, last: int) -> list[dict[str, str]]:
    return [
        {
            "no": certificate(n), "card": citizen(n), "a": f"测试{n}", "b": f"样本{n}", "day": f"2026-01-{n % 28 + 1:02d}",
            "office": "渝中区民政局", "fee": "9.50",
        }
        for n in range(first, last)
    ]  # fmt: skip


def source(code: str = "civil_affairs_registry", **more) -> dict:
    return {
        "code": code, "resource": "marriage_registration", "department": "民政局", "title": "婚姻登记推送", "connector": "push",
        "options": {"systems": ["pusher"]}, "row_id": "no",
        "mapping": {
            "certificate": {"column": "no"}, "one_number": {"column": "card"}, "one_name": {"column": "a"},
            "other_name": {"column": "b"}, "registered_on": {"column": "day"}, "office": {"column": "office"}, "fee": {"column": "fee"},
        },
    } | more  # fmt: skip


def second(text: str = MARRIAGE) -> str:
    """The next version: one item more, a longer one, and two by which records can newly be asked for, one of them sealed."""
    text = text.replace("update_cycle: daily", "update_cycle: daily\nversion: 2")
    text = text.replace(
        "{name: office, title: 登记机关, type: C, length: 20}",
        "{name: office, title: 登记机关, type: C, length: 60, lookup: true}",
    )
    text = text.replace(
        "sensitivity: personal, mask: name}", "sensitivity: personal, mask: name, lookup: true}", 1
    )
    return (
        text.rstrip()
        + "\n  - {name: witness, title: 证婚人, type: C, length: 50, sensitivity: personal, mask: name}\n"
    )
