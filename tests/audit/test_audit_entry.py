from datetime import UTC, datetime

import pytest

from audit.entry import Entry, Kind, new_entry_id
from schemas.errors import ConfigurationError


def test_entry_ids_are_version_7_and_in_order():
    ids = [new_entry_id() for _ in range(2000)]
    assert {id_.version for id_ in ids} == {7}
    assert len(set(ids)) == 2000
    ordered = [id_.int >> 64 for id_ in ids]
    assert ordered == sorted(ordered)
    assert abs((ids[0].int >> 80) / 1000 - datetime.now(UTC).timestamp()) < 60


@pytest.mark.parametrize(
    "wrong",
    [
        {"purpose": "a\x00b"},
        {"case_code": "\ud800"},
        {"actor": "a\nb"},
        {"purpose": "x" * 301},
        {"subjects": b"1" * 15},
    ],
)
def test_an_entry_that_exists_can_be_written(wrong):
    with pytest.raises(ConfigurationError):
        Entry(kind=Kind.CALL, action="record", outcome="answered", keys=1, **wrong)
