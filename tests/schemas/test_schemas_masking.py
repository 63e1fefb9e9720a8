import pytest

from schemas.masking import MASKS, example_of, mask_of
from schemas.resource import resource_named, resources_shipped

PERSON = resource_named("natural_person")
CASES = [
    ("name", "张三", "张*"),
    ("name", "欧阳娜娜", "欧***"),
    ("citizen_number", "11010519491231002X", "110105********002X"),
    ("mobile_phone", "13800138000", "138****8000"),
    ("mobile_phone", "123", "***"),
    ("registered_address", "重庆市渝中区解放碑街道民权路1号", "重庆市渝中区***"),
    ("registered_address", "重庆市石柱土家族自治县南宾街道1号", "重庆市石柱土家族自治县***"),
    ("registered_address", "重庆市城口县葛城街道1号", "重庆市城口县***"),
    ("registered_address", "某处", "***"),
    ("date_of_birth", "1990-01-01", "***"),
    ("name", None, None),
]


@pytest.mark.parametrize(("item", "value", "masked"), CASES)
def test_masks(item, value, masked):
    assert mask_of(PERSON.item(item))(value) == masked


def test_every_mask_a_resource_names_exists():
    assert {
        item.mask for resource in resources_shipped().values() for item in resource.items if item.mask
    } <= MASKS.keys()


def test_an_example_shows_what_is_kept_in_the_clear_and_masks_the_rest():
    shown = {name: example_of(PERSON.item(name)) for name in ("sex", "name", "date_of_birth")}
    assert shown["sex"]("2") == "2"
    assert shown["name"]("张三") == "张*"
    assert shown["date_of_birth"]("1990-01-01") == "***"
    assert example_of(resource_named("parcel").item("geometry"))(b"\x00") == "***"
