"""Imported editions in mappings and rules, named with their day."""

from datetime import date

import pyarrow as pa
import pytest

from connectors.mapping import parse_mapping
from connectors.readings import to_codes
from hub.code_import import Labels, import_code_set
from hub.composition import open_hub
from quality.stated_rules import rules_for
from quality.suites import Judge
from schemas.errors import DefinitionError
from schemas.resource import resource_named

NAMED = "ministry:2023-12-31@2023-12-31"
TABLE = """code,name,parent
500103001,七星岗街道,500103
500103002,解放碑街道,500103
500104001,城关镇,500104
500105001,城关镇,500105
"""


@pytest.fixture
def imported(hub_settings, tmp_path):
    path = tmp_path / "ministry.csv"
    path.write_text(TABLE, encoding="utf-8")
    with open_hub(hub_settings) as hub:
        import_code_set(hub, [path], Labels("ministry", as_of=date(2023, 12, 31)), actor="test")
        yield hub


def test_a_mapping_reads_names_of_that_day_and_guesses_none(imported):
    mapping = parse_mapping("division", {"column": "所属街道", "code_set": NAMED})
    read = to_codes(pa.array(["七星岗街道", "500103002", "城关镇", "观音桥街道"]), mapping)

    assert read.to_pylist() == ["500103001", "500103002", None, None]


def test_a_rule_holds_codes_against_that_edition(imported):
    resource = resource_named("legal_person")
    rules = rules_for(resource, [{"rule": "in_code_set", "item": "division", "code_set": NAMED}], "s")
    codes = {"division": ["500103001", None, "500103009"]}
    table = pa.table(
        {item.name: pa.array(codes.get(item.name, [None] * 3), item.arrow_type) for item in resource.items}
    )
    failing = Judge("s", resource, rules).failing_rows(table)

    (rule,) = [rule for rule in failing if rule.name == "in_code_set"]
    assert list(failing[rule]) == [2]
    assert rule.reason == f"is not a code of {NAMED}"


@pytest.mark.parametrize(
    "named",
    [
        "ministry:2023-12-31",
        "ministry:@2023-12-31",
        "ministry:1999@2023-12-31",
        "ministry:2023-12-31@soon",
        "nothing:1@2020-01-01",
    ],
)
def test_what_names_no_edition_and_day_is_refused_where_it_stands(imported, named):
    with pytest.raises(DefinitionError, match=r"mapping\.division"):
        parse_mapping("division", {"column": "所属街道", "code_set": named})
    with pytest.raises(DefinitionError, match="in_code_set"):
        rules_for(
            resource_named("legal_person"),
            [{"rule": "in_code_set", "item": "division", "code_set": named}],
            "s",
        )
