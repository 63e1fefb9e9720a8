"""Firms in a served hub's library, changed batch by batch as ingests do, and what subscribers should have after each."""

import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from exchange_api_hub import KEY, agreement
from pushed_firms import credit_code

from audit.recording import record_administration
from base_libraries.intake import Intake
from base_libraries.library import Library
from base_libraries.storage import create_tables
from base_libraries.survivorship import Survivorship
from base_libraries.writer import Writer
from catalog.answer_form import answer_from
from catalog.conditions import rows_from
from catalog.repository import Catalogue
from catalog.system import System
from infra.database import Role
from schemas.masking import mask_of
from schemas.resource import resource_named

CODE, ORGANISATION = "legal_person", "11500000009275123M"
FIRM = resource_named(CODE)
MASK = mask_of(FIRM.item("representative_name"))
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
STATUS = rows_from([{"item": "status", "in": ["1"]}])
ITEMS = ("credit_code", "name", "status", "representative_name")
AGREED: dict[str, dict[str, Any]] = {
    "whole": {},
    "standing": {"rows": STATUS, "masked": frozenset({"representative_name"}), "max_keys": 7},
    "nameless": {"items": ("name",), "rows": STATUS},
    "metered": {"quota_per_day": 12},
    "yes-no": {"answer": answer_from({"form": "yes_no"})},
    "many": {},
    "keyed": {"bulk": False},
    "halted": {},  # the last: who has heard of it has heard of all
}
Firms = dict[str, dict[str, Any]]


class Register:
    """A department whose every batch is taken in by the library, or broken off; ``after`` has the firms by the batch's moment."""

    def __init__(self, served) -> None:
        self.served = served
        self.firms: Firms = {}
        self.batches = 0
        self.after: dict[str, Firms] = {}
        everything = {item.name: {1: 10} for item in FIRM.items}
        self._library = Library(Survivorship(FIRM, everything), served.keyring)
        self._intake = Intake(FIRM, served.keyring)

    def say(self, firms: Firms, gone: tuple[str, ...] = (), *, broken: bool = False) -> None:
        """Send a batch of new and changed firms, and of those that are no more."""
        self.batches += 1
        at = BEGAN + timedelta(minutes=self.batches)
        told = [{"credit_code": code, **row} for code, row in firms.items()]
        left = [{"credit_code": code} for code in gone]
        try:
            with self.served.database.bulk(Role.APPLICATION) as connection, connection.cursor() as cursor:
                self._library.lock(cursor)
                with Writer(cursor) as writer:
                    identified = self._intake.identified(_table(told, at), _table(left, at) if gone else None)
                    said = self._library.contribute(writer, 1, self.batches, identified)
                    self._library.publish(writer, self._library.consolidate(said), said, at)
                if broken:
                    raise InterruptedError
        except InterruptedError:
            return
        self.firms = {code: row for code, row in {**self.firms, **firms}.items() if code not in gone}
        self.after[at.isoformat()] = self.firms

    def go_on(self, batches: int, seed: int, pause: float = 0.0) -> None:
        """Send random batches, one of five broken off."""
        chance = random.Random(seed)
        for _ in range(batches):
            firms = {credit_code(n): firm(chance) for n in chance.sample(range(60), chance.randint(1, 12))}
            standing = sorted(self.firms.keys() - firms.keys())
            gone = tuple(chance.sample(standing, min(len(standing), chance.randint(0, 3))))
            self.say(firms, gone, broken=chance.random() < 0.2)
            time.sleep(pause)


def firm(chance: random.Random) -> dict[str, Any]:
    """A firm that differs from another in some of its items."""
    names = [f"重庆{chance.randint(1, 2)}公司", chance.choice("123"), f"测试{chance.randint(1, 2)}"]
    return dict(zip(("name", "status", "representative_name"), names, strict=True)) | {
        "staff_count": chance.randint(1, 3)
    }


def _table(rows: list[dict[str, Any]], at: datetime) -> pa.Table:
    schema = FIRM.arrow_schema.remove_metadata()
    for name, kind in (("_observed_at", pa.timestamp("us", tz="UTC")), ("_row", pa.string())):
        schema = schema.append(pa.field(name, kind))
    plain = pa.schema([pa.field(f.name, f.type) for f in schema])
    return pa.Table.from_pylist([{**row, "_observed_at": at} for row in rows], schema=plain)


@pytest.fixture(scope="module")
def register(served_hub) -> Register:
    """The register, with some firms said, and systems with agreements on them."""
    with served_hub.database.engine(Role.OWNER).begin() as connection:
        create_tables(connection, FIRM)
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        for system, terms in AGREED.items():
            known = (KEY.as_dict(private=False),)
            catalogue.add_system(System(system, ORGANISATION, system, known), actor="test")
            told = {"items": ITEMS, "bulk": True} | terms
            catalogue.add_agreement(
                agreement(f"f-{system}", system, CODE, told.pop("items"), **told), actor="test"
            )
    served_hub.knows("halted")
    register = Register(served_hub)
    register.go_on(6, seed=1)
    standing = {"status": "1", "representative_name": "测试立"}  # of these no batch says anything more
    register.say({credit_code(n): {"name": f"重庆立{n}公司", **standing} for n in range(100, 120)})
    return register


def ordered(rows):
    return sorted(rows, key=lambda row: str(sorted(row.items())))


def should_hold(system, firms):
    """What the agreement lets a system have of the firms."""
    rows = [{"credit_code": code, **row} for code, row in firms.items()]
    if system == "whole":
        return ordered([{name: row[name] for name in ITEMS} for row in rows])
    rows = [row for row in rows if row["status"] == "1"]
    if system == "nameless":
        return ordered([{"name": row["name"]} for row in rows])
    masked = [row | {"representative_name": MASK(row.get("representative_name"))} for row in rows]
    return ordered([{name: row[name] for name in ITEMS} for row in masked])
