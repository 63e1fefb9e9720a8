"""Identifiers: every vector and trap of the standards, and the scalar rule against the vectorised one."""

from datetime import date, timedelta
from re import findall

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skipping import shared_data

from schemas import identifiers
from schemas.citizen_numbers import CHECK_CHARACTERS
from schemas.credit_codes import CREDIT_ALPHABET, ORGANISATION_ALPHABET
from schemas.errors import DefinitionError, InvalidIdentifier

LICENCE = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U"
DAY = date(2026, 1, 5)

GOOD = [
    ("citizen_number", "11010519491231002X"),
    ("citizen_number", "440524188001010014"),  # a region unknown to today's tables, and a birth in 18xx
    ("citizen_number", "130503196704010016"),
    ("citizen_number", "34052419800101001X"),  # python-stdnum 2.2 raises KeyError: it misses the region
    ("credit_code", "91350100M000100Y43"),
    ("organisation_code", "D2143569X"),
    ("licence_identifier", LICENCE),
    ("division_code", "500105"),
    ("division_code", "500105001"),
    ("division_code", "500105001003"),
    ("mobile_phone", "13800000000"),
    ("mobile_phone", "19912345678"),
    ("subject_code", "11010519491231002X"),
    ("subject_code", "91350100M000100Y43"),
]

BAD = [
    ("citizen_number", "110105194912310021", "check character"),
    ("citizen_number", "11010519491231002x", "form"),  # capitals only; standardise sees to that
    ("citizen_number", "130503670401001", "form"),
    ("citizen_number", "11010519490231002X", "date of birth does not exist"),
    ("citizen_number", "110105190002290011", "date of birth does not exist"),  # 1900 was no leap year
    ("citizen_number", "01010519491231002X", "form"),
    ("citizen_number", "11010517491231002X", "form"),
    ("citizen_number", "１１010519491231002X", "form"),  # full-width digits are digits to Python's \d
    ("citizen_number", "11010519491231002X\n", "form"),
    ("citizen_number", "", "form"),
    ("credit_code", "91350100M000100Y4Z", "alphabet"),
    ("credit_code", "91350100M000100Y44", "check character"),
    ("credit_code", "91350100M000100Y53", "organisation code in it"),
    ("credit_code", "B1350100M000100Y43", "registrar"),
    ("credit_code", "96350100M000100Y43", "registrar"),
    ("credit_code", "9135010IM000100Y43", "alphabet"),
    ("organisation_code", "D21435690", "check character"),
    ("organisation_code", "D2143569-X", "check character"),
    ("licence_identifier", LICENCE[:-1] + "V", "check character"),
    ("licence_identifier", LICENCE.replace("20230000403", "20230000404"), "check character"),
    ("licence_identifier", LICENCE.replace("3005", "3006"), "form"),
    ("division_code", "50010", "6, 9 or 12 digits"),
    ("division_code", "5001050", "6, 9 or 12 digits"),
    ("division_code", "160105", "known province"),
    ("mobile_phone", "12800000000", "11 digits"),
    ("mobile_phone", "1380000000", "11 digits"),
    ("subject_code", "91350100M000100Y4Z", "neither"),
]


@pytest.mark.parametrize(("kind", "value"), GOOD)
def test_valid_identifiers_pass(kind, value):
    identifiers.check(kind, value, DAY)
    assert identifiers.is_valid(kind, value, DAY)
    assert identifiers.valid_mask(kind, pa.array([value, None]), DAY).tolist() == [True, True]


@pytest.mark.parametrize(("kind", "value", "reason"), BAD)
def test_invalid_identifiers_are_refused_with_a_reason_that_does_not_quote_them(kind, value, reason):
    with pytest.raises(InvalidIdentifier, match=reason) as caught:
        identifiers.check(kind, value, DAY)
    assert caught.value.context == {"kind": kind}
    assert not value or value not in str(caught.value)
    assert not identifiers.is_valid(kind, value, DAY)
    assert identifiers.valid_mask(kind, pa.array([value]), DAY).tolist() == [False]


def test_a_birth_after_the_day_asked_for_is_refused():
    born = date(2099, 5, 4)
    number = "110105" + f"{born:%Y%m%d}" + "001"
    number += identifiers.citizen_check(number)  # python-stdnum 2.2 accepts this one
    assert not identifiers.is_valid("citizen_number", number)
    assert not identifiers.is_valid("citizen_number", number, born - timedelta(days=1))
    assert identifiers.is_valid("citizen_number", number, born)
    with pytest.raises(InvalidIdentifier, match="future"):
        identifiers.check("citizen_number", number)
    column = pa.array([number])
    assert identifiers.valid_mask("citizen_number", column, born).tolist() == [True]
    assert identifiers.valid_mask("citizen_number", column).tolist() == [False]


@pytest.mark.parametrize("first", ["A1", "N2", "Y1", "11", "51", "92"])
def test_credit_codes_of_every_registrar_pass(first):
    inner = "MA5U0000"  # python-stdnum 2.2 refuses the prefixes A, N and Y
    first17 = first + "500105" + inner + identifiers.organisation_check(inner)
    assert identifiers.is_valid("credit_code", first17 + identifiers.credit_check(first17))


def test_15_digits_become_18():
    assert identifiers.citizen_number_from_15("130503670401001") == "130503196704010016"
    assert identifiers.citizen_number_from_15("130503960401998")[6:10] == "1896"


@pytest.mark.parametrize(
    "value", ["130503670431001", "13050367040100", "030503670401001", "13050367040100X", ""]
)
def test_15_digits_without_a_date_or_of_another_form_are_refused(value):
    with pytest.raises(InvalidIdentifier, match="15 digits"):
        identifiers.citizen_number_from_15(value)
    assert identifiers.citizen_numbers_from_15(pa.array([value])).to_pylist() == [value]


def test_a_column_of_15_digits_becomes_18_and_leaves_the_rest_alone():
    column = pa.chunked_array([["130503670401001", None], ["x", "11010519491231002X", "130503960401998"]])
    converted = identifiers.citizen_numbers_from_15(column)
    assert converted.to_pylist()[:4] == ["130503196704010016", None, "x", "11010519491231002X"]
    assert converted[4].as_py() == identifiers.citizen_number_from_15("130503960401998")


def test_birth_date_and_sex_are_read_from_the_number():
    assert identifiers.birth_date("11010519491231002X") == date(1949, 12, 31)
    assert identifiers.sex("11010519491231002X") == "2"
    assert identifiers.sex("130503196704010016") == "1"
    column = pa.array(
        ["11010519491231002X", None, "130503196704010016", "91350100M000100Y43"]
    ).dictionary_encode()
    assert identifiers.birth_dates(column).to_pylist() == [date(1949, 12, 31), None, date(1967, 4, 1), None]
    assert identifiers.sexes(column).to_pylist()[:3] == ["2", None, "1"]


@pytest.mark.parametrize("read", [identifiers.birth_date, identifiers.sex])
def test_what_is_no_citizen_number_tells_neither_birth_nor_sex(read):
    with pytest.raises(InvalidIdentifier):
        read("91350100M000100Y43")


@pytest.mark.parametrize(
    ("compute", "wrong"),
    [
        (identifiers.citizen_check, "1101051949123100A"),
        (identifiers.credit_check, "91350100M000100YI"),
        (identifiers.organisation_check, "d2143569"),
        (identifiers.licence_check, ""),
    ],
)
def test_checks_of_wrong_symbols_are_refused(compute, wrong):
    with pytest.raises(InvalidIdentifier):
        compute(wrong)


@pytest.mark.parametrize(
    ("compute", "wrong"),
    [
        (identifiers.citizen_check_digits, b"1101051949123100A"),
        (identifiers.credit_check_digits, b"91350100M000100YI"),
        (identifiers.organisation_check_digits, b"d2143569"),
    ],
)
def test_columns_of_wrong_symbols_are_refused(compute, wrong):
    with pytest.raises(InvalidIdentifier):
        compute(np.array([wrong]))


def test_an_unknown_kind_is_a_wrong_definition():
    for judge in (identifiers.check, identifiers.is_valid):
        with pytest.raises(DefinitionError, match="no kind of identifier"):
            judge("passport", "x")
    with pytest.raises(DefinitionError):
        identifiers.valid_mask("passport", pa.array(["x"]))


def test_columns_may_be_empty_null_chunked_sliced_or_large():
    values = ["x", "11010519491231002X", None, "11010519491231002x", "130503196704010016"]
    expected = [False, True, True, False, True]
    for kind in identifiers.KINDS:
        assert identifiers.valid_mask(kind, pa.array([], pa.string())).tolist() == []
        assert identifiers.valid_mask(kind, pa.array([None], pa.null())).tolist() == [True]
        assert identifiers.valid_mask(kind, pa.chunked_array([], pa.string())).tolist() == []
    sliced = pa.array(["11010519491231002X", *values, "y"]).slice(1, 5)
    columns = [pa.array(values, pa.large_string()), sliced, pa.array(values).dictionary_encode()]
    columns.append(pa.chunked_array([values[:2], values[2:]]))
    for column in columns:
        assert identifiers.valid_mask("citizen_number", column, DAY).tolist() == expected


# ── properties ───────────────────────────────────────────────────────────────────────────────────────

digits = st.text("0123456789", min_size=17, max_size=17)
numbers = st.builds(
    lambda region, born, order, check: f"{region}{born:%Y%m%d}{order:03d}{check}",
    st.integers(100000, 999999),
    st.dates(date(1790, 1, 1), date(2110, 1, 1)),
    st.integers(0, 999),
    st.sampled_from(CHECK_CHARACTERS),
)
whole_numbers = numbers.map(lambda number: number[:17] + identifiers.citizen_check(number[:17]))
organisations = st.text(ORGANISATION_ALPHABET, min_size=8, max_size=8)
whole_organisations = organisations.map(lambda code: code + identifiers.organisation_check(code))
credit_bodies = st.builds(
    lambda first, second, place, inner: (
        first + second + place + inner + identifiers.organisation_check(inner)
    ),
    st.sampled_from("123456789ANYB"),
    st.sampled_from("1234569"),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(CREDIT_ALPHABET, min_size=8, max_size=8),
)
credit_codes = credit_bodies.map(lambda body: body + identifiers.credit_check(body))
licences = st.builds(
    lambda kind, issuer, serial, version: (kind, issuer, serial, f"{version:03d}"),
    st.text(ORGANISATION_ALPHABET, min_size=18, max_size=18).map(lambda code: code + "011"),
    st.text(ORGANISATION_ALPHABET, min_size=6, max_size=18),
    st.text(ORGANISATION_ALPHABET, min_size=1, max_size=32),
    st.integers(0, 999),
).map(lambda parts: f"1.2.156.3005.2.{'.'.join(parts)}.{identifiers.licence_check(''.join(parts))}")
damaged = st.builds(
    lambda value, place, symbol: value[: place % len(value)] + symbol + value[place % len(value) + 1 :],
    st.one_of(whole_numbers, credit_codes, whole_organisations, licences),
    st.integers(0, 100),
    st.sampled_from("0123456789ABCXYZIOSV.x \x00é一"),
)
phones = st.text("0123456789", min_size=10, max_size=12).map(lambda rest: "1" + rest[1:])
anything = st.one_of(
    whole_numbers,
    numbers,
    credit_codes,
    whole_organisations,
    licences,
    damaged,
    phones,
    st.text(max_size=20),
    st.none(),
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(identifiers.KINDS)), st.lists(anything, max_size=8))
def test_the_vectorised_rule_is_the_scalar_rule(kind, values):
    expected = [value is None or identifiers.is_valid(kind, value, DAY) for value in values]
    assert identifiers.valid_mask(kind, pa.array(values, pa.string()), DAY).tolist() == expected


@settings(max_examples=40, deadline=None)
@given(st.lists(credit_bodies, min_size=1, max_size=5), st.lists(digits, min_size=1, max_size=5))
def test_check_digits_by_the_column_are_those_by_the_value(bodies, citizens):
    credit = identifiers.credit_check_digits(np.array(bodies, "S17"))
    citizen = identifiers.citizen_check_digits(np.array(citizens, "S17"))
    inner = identifiers.organisation_check_digits(np.array([body[8:16] for body in bodies], "S8"))
    assert credit.astype(str).tolist() == [identifiers.credit_check(body) for body in bodies]
    assert citizen.astype(str).tolist() == [identifiers.citizen_check(number) for number in citizens]
    assert inner.astype(str).tolist() == [identifiers.organisation_check(body[8:16]) for body in bodies]


@settings(max_examples=40, deadline=None)
@given(st.lists(whole_numbers, min_size=1, max_size=5), st.integers(0, 16), st.integers(1, 9))
def test_a_wrong_digit_never_passes(whole, place, step):
    wrong = [n[:place] + str((int(n[place]) + step) % 10) + n[place + 1 :] for n in whole]
    assert not identifiers.valid_mask("citizen_number", pa.array(wrong), DAY).any()


def test_a_column_longer_than_a_block_is_judged_row_by_row():
    good = [f"500105{1950 + i % 50}0101{i % 1000:03d}" for i in range(20_000)]
    whole = [
        n + c
        for n, c in zip(
            good, identifiers.citizen_check_digits(np.array(good, "S17")).astype(str), strict=True
        )
    ]
    whole[17] = whole[17][:17] + "Y"
    whole[19_999] = "short"
    assert np.flatnonzero(~identifiers.valid_mask("citizen_number", pa.array(whole), DAY)).tolist() == [
        17,
        19_999,
    ]


# ── real numbers ─────────────────────────────────────────────────────────────────────────────────────


def test_real_credit_codes_pass():
    real_list = shared_data("codes/stdnum_uscc_valid_list.doctest")
    listed = real_list.read_text(encoding="utf-8").split("numbers = '''")[1]
    real = findall(r"\.\.\. (\w{18})\n", listed)
    assert len(real) >= 190
    assert [code for code in real if not identifiers.is_valid("credit_code", code)] == []
    assert identifiers.valid_mask("credit_code", pa.array(real)).all()
