"""docs/city.md says what the code does."""

from pathlib import Path

import pytest

from hub.city.build import LAST_NIGHT
from hub.city.describe import COLUMNS, column_table, rate_table
from hub.city.draw import DAY_ZERO

PAGE = (Path(__file__).parents[2] / "docs" / "city.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("source", COLUMNS)
def test_every_register_is_documented(source):
    assert f"(`{source}`)\n" in PAGE
    assert column_table(source) in PAGE


def test_the_rates_are_documented():
    assert rate_table() in PAGE


def test_the_day_is_documented():
    assert str(DAY_ZERO) in PAGE
    assert str(DAY_ZERO - 1).replace("-", "") == LAST_NIGHT
