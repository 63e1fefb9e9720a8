import pytest

from catalog.organisation import Office, Organisation, level_of, lies_within
from schemas.divisions import Level
from schemas.errors import ConfigurationError, MisplacedOrganisation

LEVELS = [
    ("500000", Level.PROVINCE),
    ("500100", Level.CITY),
    ("500103", Level.COUNTY),
    ("500103001", Level.TOWN),
    ("500103001001", Level.VILLAGE),
]
WITHIN = [
    ("500103", "500000", True),
    ("500243", "500000", True),
    ("500103", "500100", True),
    ("500103001", "500103", True),
    ("500103001001", "500103001", True),
    ("500103", "500103", True),
    ("500104", "500103", False),
    ("500243", "500100", False),
    ("500000", "500103", False),
    ("510000", "500000", False),
    ("500103001", "500103002", False),
]
NO_DIVISIONS = [
    "",
    "5001",
    "50010",
    "50000a",
    "500000001",
    "500100001",
    "000000",
    "５００１０３",
    "500103001 ",
]


@pytest.mark.parametrize(("division", "level"), LEVELS)
def test_the_level_is_read_off_the_division(division, level):
    assert level_of(division) is level
    assert Organisation("A", "甲", division).level is level


@pytest.mark.parametrize(("division", "wider", "within"), WITHIN)
def test_a_division_lies_within_another(division, wider, within):
    assert lies_within(division, wider) is within
    under, parent = Organisation("A", "甲", division), Organisation("B", "乙", wider)
    if within:
        under.check_under(parent)
    else:
        with pytest.raises(MisplacedOrganisation, match=f"{division}.*{wider}"):
            under.check_under(parent)


@pytest.mark.parametrize("division", NO_DIVISIONS)
def test_what_is_no_division_code_is_refused(division):
    with pytest.raises(ConfigurationError, match="no division code"):
        Organisation("A", "甲", division)


def test_an_organisation_and_an_office_need_a_code_and_a_name():
    for code, name in (("", "甲"), ("A", "")):
        with pytest.raises(ConfigurationError):
            Organisation(code, name, "500000")
    for code, name in (("", "一处"), ("with space", "一处"), ("x" * 33, "一处"), ("01", "")):
        with pytest.raises(ConfigurationError):
            Office("A", code, name)
