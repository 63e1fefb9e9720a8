"""What a test does where a server or a data set that it needs is not there."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

_REQUIRED = os.environ.get("HUB_TEST_REQUIRE_SERVERS") == "1"  # read before fixtures take HUB_ variables away
SHARED = Path(__file__).parents[2] / "shared" / "data"


def absent(what: str) -> NoReturn:
    """Skip the test with what is missing; fail it where HUB_TEST_REQUIRE_SERVERS=1 says that nothing may be."""
    if _REQUIRED:
        pytest.fail(f"{what} is missing, and HUB_TEST_REQUIRE_SERVERS=1", pytrace=False)
    pytest.skip(f"{what} is missing")


def shared_data(name: str) -> Path:
    """Return a file or folder of the real data beside the repository; skip the test where it is not on this machine.

    That data may not be handed on with the project, so nothing can require it.
    """
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"../shared/data/{name} is not on this machine")
    return path
