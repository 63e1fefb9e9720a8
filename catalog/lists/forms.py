"""What a line of each list says, as data: the forms by which files, faults and commands name it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Date, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from catalog.entry_elements import Choice, Element, Form
from catalog.person import Role
from catalog.sheets.form import SheetForm
from catalog.tables import METADATA

_STATUS = (Choice("unmet", "0", "未满足"), Choice("matched", "1", "已满足"))
_ORGANISATION = "organisation"


@dataclass(frozen=True)
class SupplyList:
    """One list: its form and table, how its ids begin, who writes it, and what of a line the hub tells, not who writes."""

    form: SheetForm
    table: Table
    prefix: str
    writer: Role
    own: bool
    told: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        """What it is called in commands and in the ledger."""
        return self.form.kind

    @property
    def written(self) -> Mapping[str, Element]:
        """The elements that are read of who writes a line."""
        return {name: element for name, element in self.form.columns.items() if name not in self.told}


def _form(kind: str, title: str, leads: tuple[str, ...], *elements: Element) -> SheetForm:
    return SheetForm(kind, title, {element.name: element for element in elements}, leads)


def _table(form: SheetForm) -> Table:
    kinds: Mapping[Form, Any] = {Form.CODES: ARRAY(Text), Form.DATE: Date}
    columns: list[Column[Any]] = [
        Column(name, kinds.get(one.form, Text)) for name, one in form.columns.items() if name != "id"
    ]
    return Table(form.kind, METADATA, Column("id", Text, primary_key=True), *columns)


_DEMAND = _form(
    "demand", "需求清单", ("name", "purpose"),
    Element("id", "需求编号", longest=20),
    Element(_ORGANISATION, "需求部门代码", required=True, longest=18),
    Element("name", "需求名称", required=True),
    Element("items", "需求信息项", Form.CODES, required=True),
    Element("purpose", "使用目的", required=True, longest=1000),
    Element("legal_basis", "法律依据", required=True, longest=1000),
    Element("responsibility", "责任编号", longest=20),
    Element("status", "需求状态", Form.CHOICE, choices=_STATUS),
    Element("entries", "满足目录", Form.CODES),
)  # fmt: skip
_RESPONSIBILITY = _form(
    "responsibility", "责任清单", ("datum", "due_on"),
    Element("id", "责任编号", longest=20),
    Element(_ORGANISATION, "责任部门代码", required=True, longest=18),
    Element("scope", "数据对象", required=True),
    Element("datum", "数据项", required=True),
    Element("due_on", "完成时限", Form.DATE, required=True),
    Element("legal_basis", "依据", longest=1000),
    Element("entry", "对应目录", longest=40),
)  # fmt: skip
_NEGATIVE = _form(
    "negative", "负面清单", ("name", "legal_basis"),
    Element("id", "负面编号", longest=20),
    Element(_ORGANISATION, "部门代码", longest=18),
    Element("name", "不予共享内容", required=True),
    Element("items", "不予共享信息项", Form.CODES, required=True),
    Element("legal_basis", "法律依据", required=True, longest=1000),
)  # fmt: skip

LISTS: Mapping[str, SupplyList] = {
    one.kind: one
    for one in (
        SupplyList(_DEMAND, _table(_DEMAND), "d", Role.USER, own=True, told=frozenset({"status", "entries"})),
        SupplyList(
            _RESPONSIBILITY,
            _table(_RESPONSIBILITY),
            "r",
            Role.CATALOGUE_AUTHORITY,
            own=False,
            told=frozenset({"entry"}),
        ),
        SupplyList(_NEGATIVE, _table(_NEGATIVE), "n", Role.CATALOGUE_AUTHORITY, own=False),
    )
}
"""Every list, by its name in commands."""

DEMAND, RESPONSIBILITY, NEGATIVE = LISTS.values()
