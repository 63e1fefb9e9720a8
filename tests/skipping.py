"""What a test does where a server or a data set that it needs is not there."""

import os
from typing import NoReturn

import pytest

_REQUIRED = os.environ.get("HUB_TEST_REQUIRE_SERVERS") == "1"  # read before fixtures take HUB_ variables away


def absent(what: str) -> NoReturn:
    """Skip the test with what is missing; fail it where HUB_TEST_REQUIRE_SERVERS=1 says that nothing may be."""
    if _REQUIRED:
        pytest.fail(f"{what} is missing, and HUB_TEST_REQUIRE_SERVERS=1", pytrace=False)
    pytest.skip(f"{what} is missing")
