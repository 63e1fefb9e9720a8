"""Every difference between register and truth is a flaw written down, at the stated rate."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from hub.city.build import clean_registers, make_truth
from hub.city.flaws import DUPLICATE, IMPOSSIBLE_IDENTIFIER, SPOILERS, Rates, default_rates, spoiled
from schemas.errors import ConfigurationError
from schemas.identifiers import citizen_numbers_from_15, valid_mask

SEED = 7
KEYS = {"citizen_number", "credit_code", "subject_code"}


@pytest.fixture(scope="module")
def registers():
    return {register.source: register for register in clean_registers(SEED, make_truth(4000, SEED))}


@pytest.fixture(scope="module")
def flawed(registers):
    rates = default_rates().scaled(10)
    return {source: spoiled(register, rates, SEED) for source, register in registers.items()}


def ids(register, table):
    return table[register.row_id].cast(pa.string()).to_pylist()


def test_every_changed_cell_is_a_written_flaw_and_no_other(registers, flawed):
    for source, register in registers.items():
        table, flaws = flawed[source]
        rows = register.table.num_rows
        written = {(f["row_id"], register.columns[f["item"]]) for f in flaws.to_pylist() if f["item"]}
        changed = set()
        for name in table.column_names:
            before, after = register.table[name].to_pylist(), table[name].to_pylist()[:rows]
            changed |= {
                (row, name)
                for row, a, b in zip(ids(register, register.table), before, after, strict=True)
                if a != b
            }
        assert changed == written


def test_flaws_name_the_true_key(registers, flawed):
    for source, register in registers.items():
        keys = dict(zip(ids(register, register.table), register.keys.to_pylist(), strict=True))
        for flaw in flawed[source][1].to_pylist():
            if flaw["kind"] != DUPLICATE:
                assert keys[flaw["row_id"]] == flaw["key"]


def test_duplicates_are_copies_of_good_rows_with_an_id_of_their_own(registers, flawed):
    register = registers["social_security"]
    table, flaws = flawed["social_security"]
    copies = table.slice(register.table.num_rows)
    assert copies.num_rows == pc.sum(pc.equal(flaws["kind"], DUPLICATE)).as_py() > 0
    assert len(set(ids(register, table))) == table.num_rows
    clean = register.table.drop_columns([register.row_id]).to_pylist()
    assert all(row in clean for row in copies.drop_columns([register.row_id]).slice(0, 5).to_pylist())


@pytest.mark.parametrize(("source", "kind"), [
    ("public_security", "citizen_number"), ("social_security", "citizen_number"), ("civil_affairs_marriage", "citizen_number"),
    ("market_regulation", "credit_code"), ("credit_permit", "subject_code"), ("credit_penalty", "subject_code"),
])  # fmt: skip
def test_impossible_identifiers_are_invalid_and_all_others_can_be_read(registers, flawed, source, kind):
    register = registers[source]
    table, flaws = flawed[source]
    column = table[register.columns[kind]].combine_chunks()
    narrow = pa.array(
        [value.translate({0xFF10 + d: str(d) for d in range(10)}) for value in column.to_pylist()]
    )
    invalid = ~valid_mask(kind, citizen_numbers_from_15(narrow))
    bad = set(flaws.filter(pc.equal(flaws["kind"], IMPOSSIBLE_IDENTIFIER))["row_id"].to_pylist())
    assert bad
    assert {row for row, wrong in zip(ids(register, table), invalid, strict=True) if wrong} == bad


def test_rates_are_as_stated(registers):
    register = registers["social_security"]
    rates = Rates({
        ("social_security", "citizen_number", IMPOSSIBLE_IDENTIFIER): 0.10,
        ("social_security", "registered_address", "stale_address"): 0.20,
        ("social_security", "", DUPLICATE): 0.10,
    })  # fmt: skip
    _, flaws = spoiled(register, rates, SEED)
    rows = register.table.num_rows
    counts = {entry["values"]: entry["counts"] / rows for entry in flaws["kind"].value_counts().to_pylist()}
    assert counts[IMPOSSIBLE_IDENTIFIER] == pytest.approx(0.10, abs=0.02)
    assert counts["stale_address"] == pytest.approx(0.20, abs=0.03)
    assert counts[DUPLICATE] == pytest.approx(0.10 * 0.9 * 0.8, abs=0.02)


def test_no_rates_no_flaws(registers):
    for register in registers.values():
        table, flaws = spoiled(register, default_rates().scaled(0), SEED)
        assert flaws.num_rows == 0
        assert table.equals(register.table)


def test_default_rates_are_small_and_of_known_kinds():
    for (_, item, kind), rate in default_rates().of.items():
        assert kind in SPOILERS or (kind == DUPLICATE and not item)
        assert (
            0
            < rate
            <= (0.005 if kind == IMPOSSIBLE_IDENTIFIER else 0.02 if kind != "death_unknown" else 0.12)
        )
        assert kind != IMPOSSIBLE_IDENTIFIER or item in KEYS


def test_a_rate_out_of_bounds_is_refused():
    with pytest.raises(ConfigurationError, match="not between 0 and 1"):
        Rates({("social_security", "name", "missing"): 1.5})


@pytest.mark.parametrize(
    ("kind", "value", "spoilt"),
    [
        ("fifteen_digits", "11010519491231002X", "110105491231002"),
        ("fifteen_digits", "110105200912310029", "110105200912310029"),
        ("full_width", "50A1", "５０A１"),
        ("lookalike", "王己", "王已"),
        ("impossible_date", "19900115", "19900230"),
        ("impossible_date", "1990-01-15", "1990-02-30"),
        ("impossible_date", "1990年1月15日", "1990年2月30日"),
        ("old_division", "500106001", "510212001"),
        ("death_unknown", "2", "1"),
        ("death_unknown", "3", "3"),
        ("missing", "x", None),
    ],
)
def test_each_kind(kind, value, spoilt):
    values = pa.array([value])
    assert SPOILERS[kind](np.random.default_rng(1), values, values).to_pylist() == [spoilt]
